#include "client-lib/answers.h"

#include <utility>

#include "client-lib/core.h"

namespace emstore {

std::string text_in(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  return value && value->if_text() ? *value->if_text() : std::string();
}

Result<std::optional<Record>> record_of(Value answer) {
  EMSTORE_TRY(Map map, expect_map(std::move(answer), "a find"));
  Value* data = map.find("data");
  if (!data || data->is_null()) return std::nullopt;
  EMSTORE_TRY(Map record, expect_map(std::move(*data), "a find"));
  return Record(std::move(record));
}

Result<Page> page_of(Value answer) {
  EMSTORE_TRY(Map map, expect_map(std::move(answer), "findMany"));
  Page page;
  if (const Value* meta = map.find("meta"); meta && meta->if_map()) {
    const Map& facts = *meta->if_map();
    page.sequence = unsigned_of(facts, "sequence");
    const Value* more = facts.find("hasMore");
    page.has_more = more && more->if_boolean() && *more->if_boolean();
    page.cursor = text_in(facts, "cursor");
    if (facts.contains("count")) page.count = unsigned_of(facts, "count");
  }
  Value* data = map.find("data");
  List* list = data ? data->if_list() : nullptr;
  if (!list) return failure(ErrorCode::internal, "the answer to findMany has no list");
  page.records.reserve(list->size());
  for (Value& item : *list) {
    EMSTORE_TRY(Map record, expect_map(std::move(item), "findMany"));
    page.records.emplace_back(std::move(record));
  }
  return page;
}

namespace {

bool truth_in(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  return value && value->if_boolean() && *value->if_boolean();
}

// What one operation answers: {data: […]}, a record of its own, or nothing. `whole` is the reply
// that it came with.
Mutations operation_of(const Value& answer, const Map& whole) {
  Mutations mutations;
  mutations.sequence = unsigned_of(whole, "sequence");
  mutations.replayed = truth_in(whole, "replayed");
  const auto add = [&](const Value& record) {
    Map reply = record.if_map() ? *record.if_map() : Map();
    reply.set("sequence", mutations.sequence);
    reply.set("replayed", mutations.replayed);
    mutations.records.emplace_back(std::move(reply));
  };
  const Map* map = answer.if_map();
  if (!map) return mutations;
  mutations.has_more = truth_in(*map, "hasMore");
  const Value* plan = map->find("plan");
  if (plan && plan->if_list()) mutations.plan = *plan->if_list();
  const Value* data = map->find("data");
  if (const List* records = data ? data->if_list() : nullptr) {
    for (const Value& record : *records) add(record);
  } else {
    add(answer);
  }
  return mutations;
}

}  // namespace

Result<Mutations> mutations_of(Result<Value> answer) {
  EMSTORE_TRY(const Value value, std::move(answer));
  EMSTORE_TRY(const Map map, expect_map(value, "a mutation of several records"));
  return operation_of(value, map);
}

Result<TransactionResult> transaction_of(const Map& answer) {
  const Value* results = answer.find("results");
  if (!results || !results->if_list()) {
    return failure(ErrorCode::internal, "the answer to a transaction has no results");
  }
  TransactionResult transaction;
  transaction.sequence = unsigned_of(answer, "sequence");
  transaction.replayed = truth_in(answer, "replayed");
  for (const Value& result : *results->if_list()) {
    transaction.results.push_back(operation_of(result, answer));
  }
  return transaction;
}

Error within(std::string_view place, Error error) {
  error.path = error.path.empty() ? std::string(place) : std::string(place) + "." + error.path;
  return error;
}

Error error_of(const Value& value) {
  Error error{ErrorCode::internal, to_string(value), "", "", {}};
  const List* parts = value.if_list();
  if (!parts || parts->size() < 2 || !(*parts)[0].if_text() || !(*parts)[1].if_text()) return error;
  error.code = error_code_named(*(*parts)[0].if_text()).value_or(ErrorCode::internal);
  error.message = *(*parts)[1].if_text();
  if (parts->size() > 2 && (*parts)[2].if_map()) {
    error.path = text_in(*(*parts)[2].if_map(), "path");
    error.hint = text_in(*(*parts)[2].if_map(), "hint");
  }
  return error;
}

}  // namespace emstore
