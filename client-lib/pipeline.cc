#include <emstore/client.hpp>

#include <utility>

#include "client-lib/answers.h"
#include "client-lib/core.h"
#include "client-lib/transfer.h"

namespace emstore {

struct Pipeline::State {
  std::size_t add(Answer::Kind kind, const protocol::Call& call) {
    requests.push_back(core->outgoing(core->caller(), call));
    kinds.push_back(kind);
    return requests.size() - 1;
  }
  Core* core;
  std::vector<Outgoing> requests;
  std::vector<Answer::Kind> kinds;  // Of what they are answered with.
};

Pipeline::Pipeline(Core& core) : state_(std::make_unique<State>(State{&core, {}, {}})) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

std::size_t Pipeline::insert_one(const std::string& entity, const Document& document,
                                 const MutationOptions& options) {
  Core& core = *state_->core;
  return state_->add(
      Answer::Kind::mutation,
      protocol::InsertOne{entity, value_of(lowered(core, document)), core.options_of(options)});
}

std::size_t Pipeline::update_one(const std::string& entity, const Value& id,
                                 const Document& document, const MutationOptions& options) {
  Core& core = *state_->core;
  return state_->add(
      Answer::Kind::mutation,
      protocol::UpdateOne{entity, id, value_of(lowered(core, document)), core.options_of(options)});
}

std::size_t Pipeline::delete_one(const std::string& entity, const Value& id,
                                 const DeleteOptions& options) {
  protocol::MutationOptions lower = state_->core->options_of(options.mutation);
  lower.detach = options.detach;
  lower.dry_run = options.dry_run;
  return state_->add(Answer::Kind::mutation, protocol::DeleteOne{entity, id, std::move(lower)});
}

std::size_t Pipeline::find_id(const std::string& entity, const Value& id, const Query& query) {
  return state_->add(Answer::Kind::record,
                     protocol::FindId{entity, id, to_map(query), {query.after, query.as_of}});
}

std::size_t Pipeline::find_one(const std::string& entity, const Query& query) {
  return state_->add(Answer::Kind::record,
                     protocol::FindOne{entity, to_map(query), {query.after, query.as_of}});
}

std::size_t Pipeline::find_many(const std::string& entity, const Query& query) {
  return state_->add(Answer::Kind::page,
                     protocol::FindMany{entity, to_map(query), {query.after, query.as_of}});
}

std::size_t Pipeline::size() const { return state_->requests.size(); }

std::vector<Pipeline::Answer> Pipeline::run() {
  const std::vector<Outgoing> requests = std::exchange(state_->requests, {});
  const std::vector<Answer::Kind> kinds = std::exchange(state_->kinds, {});
  std::vector<Answer> answers;
  answers.reserve(requests.size());
  for (Result<Value>& result : state_->core->caller().run(requests)) {
    Answer& answer = answers.emplace_back();
    answer.kind_ = kinds[answers.size() - 1];
    if (result) {
      answer.value_ = std::move(*result);
    } else {
      answer.error_ = std::move(result).error();
    }
  }
  return answers;
}

const Value& Pipeline::Answer::value() const {
  if (error_) throw Failure(*error_);
  return value_;
}

const Value& Pipeline::Answer::value_of(Kind kind) const {
  const Value& answer = value();
  if (kind_ == kind) return answer;
  const char* const usual = kind_ == Kind::mutation ? "mutation()"
                            : kind_ == Kind::record ? "record()"
                                                    : "page()";
  throw Failure({ErrorCode::invalid_request,
                 "this request was not asked for such an answer",
                 "",
                 std::string("take its ") + usual + ", or value()",
                 {}});
}

Mutation Pipeline::Answer::mutation() const {
  return Mutation(emstore::value_of(expect_map(value_of(Kind::mutation), "a mutation")));
}

std::optional<Record> Pipeline::Answer::record() const {
  return emstore::value_of(record_of(value_of(Kind::record)));
}

Page Pipeline::Answer::page() const { return emstore::value_of(page_of(value_of(Kind::page))); }

}  // namespace emstore
