#include <emstore/client.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "client-lib/answers.h"
#include "client-lib/core.h"
#include "client-lib/feed_state.h"
#include "client-lib/transfer.h"
#include "protocol/codec.h"

namespace emstore {
namespace {

Result<Mutation> mutation_of(Result<Value> answer) {
  EMSTORE_TRY(Value value, std::move(answer));
  EMSTORE_TRY(Map map, expect_map(std::move(value), "a mutation"));
  return Mutation(std::move(map));
}

protocol::ReadOptions read_options(const Query& query) { return {query.after, query.as_of}; }

Result<Mutation> insert(Core& core, const std::string& entity, const Document& document,
                        const MutationOptions& options) {
  EMSTORE_TRY(Map map, lowered(core, document));
  return mutation_of(
      core.call(protocol::InsertOne{entity, std::move(map), core.options_of(options)}));
}

Result<Mutation> update(Core& core, const std::string& entity, const Value& id,
                        const Document& document, const MutationOptions& options) {
  EMSTORE_TRY(Map map, lowered(core, document));
  return mutation_of(
      core.call(protocol::UpdateOne{entity, id, std::move(map), core.options_of(options)}));
}

Result<Mutation> remove(Core& core, const std::string& entity, const Value& id,
                        const DeleteOptions& options) {
  protocol::MutationOptions lower = core.options_of(options.mutation);
  lower.detach = options.detach;
  lower.dry_run = options.dry_run;
  return mutation_of(core.call(protocol::DeleteOne{entity, id, std::move(lower)}));
}

Result<Mutations> insert_all(Core& core, const std::string& entity,
                             const std::vector<Document>& documents,
                             const MutationOptions& options) {
  Baggage baggage;
  EMSTORE_TRY(List lower, lowered_list(core, documents, baggage));
  return mutations_of(
      core.call(protocol::InsertMany{entity, std::move(lower), core.options_of(options)}));
}

protocol::ChoiceOptions choice_of(const ChoiceOptions& options) {
  protocol::ChoiceOptions choice{options.all, {}, options.limit};
  if (!options.order_by.empty()) choice.order_by = to_value(options.order_by);
  return choice;
}

Result<Mutations> update_all(Core& core, const std::string& entity, const Where& where,
                             const Document& document, const ChoiceOptions& options) {
  EMSTORE_TRY(Map map, lowered(core, document));
  protocol::MutationOptions lower = core.options_of(options.mutation);
  lower.detach = options.detach;
  lower.dry_run = options.dry_run;
  return mutations_of(core.call(protocol::UpdateWhere{entity, where.to_map(), std::move(map),
                                                      choice_of(options), std::move(lower)}));
}

Result<Mutations> remove_all(Core& core, const std::string& entity, const Where& where,
                             const ChoiceOptions& options) {
  protocol::MutationOptions lower = core.options_of(options.mutation);
  lower.detach = options.detach;
  lower.dry_run = options.dry_run;
  return mutations_of(core.call(
      protocol::DeleteWhere{entity, where.to_map(), choice_of(options), std::move(lower)}));
}

Result<std::optional<Record>> find_by_id(Core& core, const std::string& entity, const Value& id,
                                         const Query& query) {
  EMSTORE_TRY(Map map, lowered(query));
  EMSTORE_TRY(Value answer,
              core.call(protocol::FindId{entity, id, std::move(map), read_options(query)}));
  return record_of(std::move(answer));
}

Result<std::optional<Record>> find_first(Core& core, const std::string& entity,
                                         const Query& query) {
  EMSTORE_TRY(Map map, lowered(query));
  EMSTORE_TRY(Value answer,
              core.call(protocol::FindOne{entity, std::move(map), read_options(query)}));
  return record_of(std::move(answer));
}

Result<Page> find_page(Core& core, const std::string& entity, const Query& query) {
  EMSTORE_TRY(Map map, lowered(query));
  EMSTORE_TRY(Value answer,
              core.call(protocol::FindMany{entity, std::move(map), read_options(query)}));
  return page_of(std::move(answer));
}

Result<std::uint64_t> count_of(Core& core, const std::string& entity, const Where& where,
                               const Value& as_of) {
  EMSTORE_TRY(const Map answer, core.call_for_map(protocol::Count{
                                    entity, to_map(Query{.where = where}), {{}, as_of}}));
  return unsigned_of(answer, "count");
}

Result<bool> exists_in(Core& core, const std::string& entity, const Where& where,
                       const Value& as_of) {
  EMSTORE_TRY(const Map answer, core.call_for_map(protocol::Exists{
                                    entity, to_map(Query{.where = where}), {{}, as_of}}));
  const Value* exists = answer.find("exists");
  if (exists == nullptr || exists->if_boolean() == nullptr) {
    return failure(ErrorCode::internal, "the answer to exists says neither yes nor no");
  }
  return *exists->if_boolean();
}

Result<Map> plan_for(Core& core, const std::string& entity, const Query& query) {
  EMSTORE_TRY(Map map, lowered(query));
  EMSTORE_TRY(Map answer,
              core.call_for_map(protocol::Explain{entity, std::move(map), read_options(query)}));
  Value* plan = answer.find("plan");
  if (plan == nullptr || plan->if_map() == nullptr) {
    return failure(ErrorCode::internal, "the answer to explain has no plan");
  }
  return std::move(*plan->if_map());
}

protocol::LogRead log_read_of(const LogQuery& query) {
  return {query.from,
          query.limit,
          query.to,
          query.uid,
          query.since,
          query.until,
          query.reverse,
          query.entity,
          query.id,
          query.field,
          List(query.operators.begin(), query.operators.end()),
          query.media};
}

Result<TransactionResult> take_back(Core& core, std::uint64_t sequence,
                                    const MutationOptions& options) {
  EMSTORE_TRY(const Map answer,
              core.call_for_map(protocol::Undo{sequence, core.options_of(options)}));
  return transaction_of(answer);
}

Result<SchemaChange> apply_schema(Core& core, const Map& document, const ApplyOptions& options) {
  protocol::SchemaApply apply;
  apply.schema = document;
  apply.dry_run = options.dry_run;
  apply.allow_destructive = options.allow_destructive;
  apply.options = core.options_of(options.mutation);
  EMSTORE_TRY(const Map answer, core.call_for_map(apply));
  SchemaChange change;
  change.sequence = unsigned_of(answer, "sequence");
  change.version = unsigned_of(answer, "version");
  const bool* changed = RecordView(answer)["changed"].if_boolean();
  change.changed = changed && *changed;
  if (const List* lines = RecordView(answer)["difference"].if_list()) {
    for (const Value& line : *lines) {
      if (line.if_text()) change.difference.push_back(*line.if_text());
    }
  }
  return change;
}

Result<std::uint64_t> ping_once(Core& core) {
  EMSTORE_TRY(const Map answer, core.call_for_map(protocol::Ping{}));
  return unsigned_of(answer, "sequence");
}

}  // namespace

Mutation Mutator::insert_one(const Document& document, const MutationOptions& options) {
  return value_of(insert(*core_, entity_, document, options));
}
Mutation Mutator::insert_one(const Document& document, ErrorOut error,
                             const MutationOptions& options) {
  return value_of(insert(*core_, entity_, document, options), error);
}
Mutation Mutator::update_one(const Value& id, const Document& document,
                             const MutationOptions& options) {
  return value_of(update(*core_, entity_, id, document, options));
}
Mutation Mutator::update_one(const Value& id, const Document& document, ErrorOut error,
                             const MutationOptions& options) {
  return value_of(update(*core_, entity_, id, document, options), error);
}
Mutation Mutator::delete_one(const Value& id, const DeleteOptions& options) {
  return value_of(remove(*core_, entity_, id, options));
}
Mutation Mutator::delete_one(const Value& id, ErrorOut error, const DeleteOptions& options) {
  return value_of(remove(*core_, entity_, id, options), error);
}

Mutations Mutator::insert_many(const std::vector<Document>& documents,
                               const MutationOptions& options) {
  return value_of(insert_all(*core_, entity_, documents, options));
}
Mutations Mutator::insert_many(const std::vector<Document>& documents, ErrorOut error,
                               const MutationOptions& options) {
  return value_of(insert_all(*core_, entity_, documents, options), error);
}
Mutations Mutator::update_where(const Where& where, const Document& document,
                                const ChoiceOptions& options) {
  return value_of(update_all(*core_, entity_, where, document, options));
}
Mutations Mutator::update_where(const Where& where, const Document& document, ErrorOut error,
                                const ChoiceOptions& options) {
  return value_of(update_all(*core_, entity_, where, document, options), error);
}
Mutations Mutator::delete_where(const Where& where, const ChoiceOptions& options) {
  return value_of(remove_all(*core_, entity_, where, options));
}
Mutations Mutator::delete_where(const Where& where, ErrorOut error, const ChoiceOptions& options) {
  return value_of(remove_all(*core_, entity_, where, options), error);
}

std::optional<Record> Repository::find_id(const Value& id, const Query& query) {
  return value_of(find_by_id(*core_, entity_, id, query));
}
std::optional<Record> Repository::find_id(const Value& id, ErrorOut error, const Query& query) {
  return value_of(find_by_id(*core_, entity_, id, query), error);
}
std::optional<Record> Repository::find_one(const Query& query) {
  return value_of(find_first(*core_, entity_, query));
}
std::optional<Record> Repository::find_one(const Query& query, ErrorOut error) {
  return value_of(find_first(*core_, entity_, query), error);
}
Page Repository::find_many(const Query& query) {
  return value_of(find_page(*core_, entity_, query));
}
Page Repository::find_many(const Query& query, ErrorOut error) {
  return value_of(find_page(*core_, entity_, query), error);
}
std::uint64_t Repository::count(const Where& where, const Value& as_of) {
  return value_of(count_of(*core_, entity_, where, as_of));
}
std::uint64_t Repository::count(const Where& where, ErrorOut error, const Value& as_of) {
  return value_of(count_of(*core_, entity_, where, as_of), error);
}
bool Repository::exists(const Where& where, const Value& as_of) {
  return value_of(exists_in(*core_, entity_, where, as_of));
}
bool Repository::exists(const Where& where, ErrorOut error, const Value& as_of) {
  return value_of(exists_in(*core_, entity_, where, as_of), error);
}
Map Repository::explain(const Query& query) { return value_of(plan_for(*core_, entity_, query)); }
Map Repository::explain(const Query& query, ErrorOut error) {
  return value_of(plan_for(*core_, entity_, query), error);
}

Client::Client(const Options& options) : core_(value_of(Core::connect(options))) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

SchemaChange Client::apply(const Schema& schema, const ApplyOptions& options) {
  return apply(schema.to_map(), options);
}
SchemaChange Client::apply(const Schema& schema, ErrorOut error, const ApplyOptions& options) {
  return apply(schema.to_map(), error, options);
}
SchemaChange Client::apply(std::initializer_list<Schema::Part> parts, const ApplyOptions& options) {
  return apply(Schema(parts), options);
}
SchemaChange Client::apply(std::initializer_list<Schema::Part> parts, ErrorOut error,
                           const ApplyOptions& options) {
  return apply(Schema(parts), error, options);
}
SchemaChange Client::apply(const Map& document, const ApplyOptions& options) {
  return value_of(apply_schema(*core_, document, options));
}
SchemaChange Client::apply(const Map& document, ErrorOut error, const ApplyOptions& options) {
  return value_of(apply_schema(*core_, document, options), error);
}

Mutator Client::mutator(std::string entity) { return {*core_, std::move(entity)}; }
Repository Client::repository(std::string entity) { return {*core_, std::move(entity)}; }
MediaLibrary Client::media() { return MediaLibrary(*core_); }
Pipeline Client::pipeline() { return Pipeline(*core_); }
Transaction Client::transaction() { return Transaction(*core_); }

Map Client::schema() { return value_of(core_->call_for_map(protocol::SchemaGet{})); }
Map Client::schema(ErrorOut error) {
  return value_of(core_->call_for_map(protocol::SchemaGet{}), error);
}
Map Client::status() { return value_of(core_->call_for_map(protocol::GetStatus{})); }
Map Client::status(ErrorOut error) {
  return value_of(core_->call_for_map(protocol::GetStatus{}), error);
}
std::uint64_t Client::ping() { return value_of(ping_once(*core_)); }
std::uint64_t Client::ping(ErrorOut error) { return value_of(ping_once(*core_), error); }
Map Client::log(const LogQuery& query) { return value_of(core_->call_for_map(log_read_of(query))); }
Map Client::log(const LogQuery& query, ErrorOut error) {
  return value_of(core_->call_for_map(log_read_of(query)), error);
}
Map Client::log(std::uint64_t from, std::uint64_t limit) {
  return value_of(core_->call_for_map(protocol::LogRead{from, limit}));
}
Map Client::log(std::uint64_t from, std::uint64_t limit, ErrorOut error) {
  return value_of(core_->call_for_map(protocol::LogRead{from, limit}), error);
}
Feed Client::subscribe(const FeedOptions& options) {
  return Feed(value_of(Feed::State::open(*core_, options)));
}
std::optional<Feed> Client::subscribe(const FeedOptions& options, ErrorOut error) {
  auto state = Feed::State::open(*core_, options);
  if (!state) {
    error.set(std::move(state).error());
    return std::nullopt;
  }
  error.clear();
  return Feed(*std::move(state));
}
Value Client::call(std::string_view method, const List& params) {
  return value_of(core_->caller().run(core_->outgoing(method, params)));
}
Value Client::call(std::string_view method, const List& params, ErrorOut error) {
  return value_of(core_->caller().run(core_->outgoing(method, params)), error);
}

TransactionResult Client::undo(std::uint64_t sequence, const MutationOptions& options) {
  return value_of(take_back(*core_, sequence, options));
}
TransactionResult Client::undo(std::uint64_t sequence, ErrorOut error,
                               const MutationOptions& options) {
  return value_of(take_back(*core_, sequence, options), error);
}

Map Client::hello() const { return core_->caller().hello(); }
const std::filesystem::path& Client::socket() const { return core_->caller().socket(); }
void Client::on_progress(ByteProgress progress) { core_->on_progress(std::move(progress)); }
void Client::on_push(PushHandler handler) {
  const Status taken = core_->caller().on_push(std::move(handler));
  if (!taken) throw Failure(taken.error());
}

Client connect(const Options& options) { return Client(options); }

std::optional<Client> connect(const Options& options, ErrorOut error) {
  error.clear();
  try {
    return Client(options);
  } catch (const Failure& refused) {
    error.set(refused.error());
    return std::nullopt;
  }
}

std::filesystem::path default_socket() {
  const auto variable = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (auto named = variable("EMSTORE_SOCKET"); !named.empty()) return named;
  std::filesystem::path system = "/run/emstore/sock";
  const auto runtime = variable("XDG_RUNTIME_DIR");
  const auto data = variable("EMSTORE_DATA");
  if (runtime.empty() && data.empty()) return system;
  auto own = runtime.empty() ? data / "sock" : runtime / "emstore" / "sock";
  std::error_code ignored;
  const bool only_system =
      !std::filesystem::exists(own, ignored) && std::filesystem::exists(system, ignored);
  return only_system ? system : own;
}

}  // namespace emstore
