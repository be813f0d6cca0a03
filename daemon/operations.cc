#include "daemon/operations.h"

#include <string_view>
#include <utility>

#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

constexpr std::string_view kMediaName = "media";
// Faults of form that are told together.
constexpr std::size_t kFaultsMax = 100;

store::Choice choice_of(Map where, protocol::ChoiceOptions options) {
  return {std::move(where), options.all, std::move(options.order_by), options.limit};
}

tl::unexpected<Error> bad_check(std::string message, std::string path, std::string hint) {
  return failure(ErrorCode::invalid_request, std::move(message), std::move(path), std::move(hint));
}

}  // namespace

Result<store::Mutation> mutation_of(protocol::InsertOne& call) {
  store::Mutation mutation;
  mutation.verb = store::Verb::insert;
  mutation.entity = std::move(call.entity);
  mutation.document = std::move(call.document);
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::UpdateOne& call) {
  store::Mutation mutation;
  mutation.verb = store::Verb::update;
  mutation.entity = std::move(call.entity);
  mutation.id = std::move(call.id);
  mutation.document = std::move(call.document);
  mutation.expected = call.options.expected;
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::DeleteOne& call) {
  store::Mutation mutation;
  mutation.verb = store::Verb::remove;
  mutation.entity = std::move(call.entity);
  mutation.id = std::move(call.id);
  mutation.expected = call.options.expected;
  mutation.detach = call.options.detach;
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::InsertMany& call) {
  store::Mutation mutation;
  mutation.verb = store::Verb::insert;
  mutation.entity = std::move(call.entity);
  mutation.documents = std::move(call.documents);
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::UpdateWhere& call) {
  store::Mutation mutation;
  mutation.verb = store::Verb::update;
  mutation.entity = std::move(call.entity);
  mutation.document = std::move(call.document);
  mutation.choice = choice_of(std::move(call.where), std::move(call.choice));
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::DeleteWhere& call) {
  store::Mutation mutation;
  mutation.verb = store::Verb::remove;
  mutation.entity = std::move(call.entity);
  mutation.detach = call.options.detach;
  mutation.choice = choice_of(std::move(call.where), std::move(call.choice));
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::MediaUpload& call) {
  if (call.document.contains("file")) {
    return failure(ErrorCode::invalid_request,
                   "media.upload takes the file before the fields, not among them", "file",
                   "write media.upload [file, {name, …}]");
  }
  store::Mutation mutation;
  mutation.verb = store::Verb::insert;
  mutation.entity = std::string(kMediaName);
  mutation.document = std::move(call.document);
  mutation.document.set("file", std::move(call.file));
  return mutation;
}

Result<store::Mutation> mutation_of(protocol::Check& call) {
  if (call.id.is_null() && !call.where) {
    return bad_check("a check names a record, or says `where`", "check",
                     "write {\"check\": [entity, id]}, or {\"check\": [entity], \"where\": {…}}");
  }
  if (call.expected && (call.id.is_null() || !call.exists)) {
    return bad_check("only a record that is named and exists has a version to expect", "expected",
                     "name its id, and leave out exists");
  }
  store::Mutation mutation;
  mutation.verb = store::Verb::check;
  mutation.entity = std::move(call.entity);
  mutation.id = std::move(call.id);
  mutation.expected = call.expected;
  mutation.exists = call.exists;
  if (call.where) mutation.choice = store::Choice{*std::move(call.where), false, {}, {}};
  return mutation;
}

Result<std::vector<store::Mutation>> mutations_of(const List& operations) {
  std::vector<store::Mutation> mutations;
  std::vector<Error> faults;
  const auto note = [&](Error error, std::size_t place) {
    const std::string path = "operations[" + std::to_string(place) + "]";
    error.path = error.path.empty() ? path : path + "." + error.path;
    faults.push_back(std::move(error));
  };
  for (std::size_t i = 0; i < operations.size() && faults.size() < kFaultsMax; ++i) {
    Result<protocol::Operation> operation = protocol::decode_operation(operations[i]);
    if (!operation) {
      note(std::move(operation).error(), i);
      continue;
    }
    Result<store::Mutation> mutation =
        std::visit([](auto& call) { return mutation_of(call); }, operation->call);
    if (!mutation) {
      note(std::move(mutation).error(), i);
      continue;
    }
    mutation->name = std::move(operation->as);
    mutations.push_back(*std::move(mutation));
  }
  if (faults.empty()) return mutations;
  Error first = faults.front();
  first.violations = std::move(faults);
  return tl::unexpected(std::move(first));
}

AnswerForm form_of(const store::Mutation& mutation) {
  if (mutation.verb == store::Verb::check) return AnswerForm::nothing;
  if (mutation.documents) return AnswerForm::records;
  return mutation.choice ? AnswerForm::found : AnswerForm::record;
}

}  // namespace emstore::daemon
