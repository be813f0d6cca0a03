#include "client-lib/answers.h"

#include <utility>

#include "client-lib/core.h"

namespace emstore {
namespace {

std::string text_in(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  return value && value->if_text() ? *value->if_text() : std::string();
}

}  // namespace

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
