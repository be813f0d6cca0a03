#include <emstore/query.hpp>

#include <utility>

#include "client-lib/answers.h"
#include "client-lib/core.h"

namespace emstore {
namespace {

List list_of(const std::vector<Where>& wheres) {
  List list;
  for (const Where& where : wheres) list.emplace_back(where.to_map());
  return list;
}

// `tests` and `others`, which are of names that `tests` has already: these go into its $and.
void add_others(Map& tests, List others) {
  if (others.empty()) return;
  Value* all = tests.find("$and");
  if (all != nullptr && all->if_list() != nullptr) {
    all->if_list()->insert(all->if_list()->end(), others.begin(), others.end());
    return;
  }
  if (all != nullptr) others.insert(others.begin(), Map{{"$and", *all}});
  tests.set("$and", std::move(others));
}

Value order_value(const Order& order) {
  return Map{{"by", order.field}, {"dir", order.descending ? "desc" : "asc"}};
}

Result<Value> whole_number(std::uint64_t number, const std::string& name) {
  if (std::in_range<std::int64_t>(number)) return Value(number);
  return failure(ErrorCode::out_of_range, name + " is above 2^63-1: " + std::to_string(number),
                 name, "name a smaller one, or leave it out");
}

Result<Value> value_of_with(const With& relation) {
  const Query& query = relation.query;
  const char* const misplaced = query.after ? "after" : !query.as_of.is_null() ? "as_of" : nullptr;
  if (misplaced != nullptr) {
    return failure(ErrorCode::unknown_option,
                   std::string(misplaced) + " is of the whole query, not of what is read along",
                   misplaced, "give it to the query itself");
  }
  EMSTORE_TRY(Map map, lowered(query));
  return map.empty() ? Value(true) : Value(std::move(map));
}

Result<Map> map_of_withs(const Withs& withs) {
  Map map;
  for (const With& relation : withs.relations()) {
    Result<Value> inner = value_of_with(relation);
    if (!inner) return failure(within("with." + relation.field, std::move(inner).error()));
    map.set(relation.field, *std::move(inner));
  }
  return map;
}

}  // namespace

Result<Map> lowered(const Query& query) {
  Map map;
  if (!query.where.to_map().empty()) map.append("where", query.where.to_map());
  if (!query.with.relations().empty()) {
    EMSTORE_TRY(Map with, map_of_withs(query.with));
    map.append("with", std::move(with));
  }
  if (!query.select.empty()) {
    map.append("select", List(query.select.begin(), query.select.end()));
  }
  if (!query.order_by.empty()) {
    map.append("orderBy", to_value(query.order_by));
  }
  if (query.limit) {
    EMSTORE_TRY(Value limit, whole_number(*query.limit, "limit"));
    map.append("limit", std::move(limit));
  }
  if (query.offset != 0) {
    EMSTORE_TRY(Value offset, whole_number(query.offset, "offset"));
    map.append("offset", std::move(offset));
  }
  if (query.count) map.append("count", true);
  if (!query.cursor.empty()) map.append("cursor", query.cursor);
  return map;
}

Condition::Condition(std::string operator_name, Value operand) {
  tests_.append(std::move(operator_name), std::move(operand));
}

Condition operator&&(Condition left, const Condition& right) {
  List others;
  for (const Map::Member& test : right.tests_) {
    if (!left.tests_.contains(test.name)) {
      left.tests_.append(test.name, test.value);
    } else {
      others.emplace_back(Map{{test.name, test.value}});
    }
  }
  add_others(left.tests_, std::move(others));
  return left;
}

Condition eq(Value value) { return {"$eq", std::move(value)}; }
Condition ne(Value value) { return {"$ne", std::move(value)}; }
Condition gt(Value value) { return {"$gt", std::move(value)}; }
Condition gte(Value value) { return {"$gte", std::move(value)}; }
Condition lt(Value value) { return {"$lt", std::move(value)}; }
Condition lte(Value value) { return {"$lte", std::move(value)}; }
Condition between(Value low, Value high) {
  return {"$between", List{std::move(low), std::move(high)}};
}
Condition in(List values) { return {"$in", std::move(values)}; }
Condition not_in(List values) { return {"$notin", std::move(values)}; }
Condition is_null(bool null) { return {"$isnull", null}; }
Condition starts_with(std::string text) { return {"$startsWith", std::move(text)}; }
Condition ends_with(std::string text) { return {"$endsWith", std::move(text)}; }
Condition contains(std::string text) { return {"$contains", std::move(text)}; }
Condition like(std::string pattern) { return {"$like", std::move(pattern)}; }
Condition ilike(std::string pattern) { return {"$ilike", std::move(pattern)}; }

Where::Where(std::initializer_list<Term> terms) {
  // Two terms of one name are both meant.
  List others;
  for (const Term& term : terms) {
    if (!map_.contains(term.name)) {
      map_.append(term.name, term.operand);
    } else {
      others.emplace_back(Map{{term.name, term.operand}});
    }
  }
  add_others(map_, std::move(others));
}

Where::Term any_of(const std::vector<Where>& alternatives) {
  return {"$or", list_of(alternatives)};
}
Where::Term all_of(const std::vector<Where>& all) { return {"$and", list_of(all)}; }
Where::Term none_of(const Where& where) { return {"$not", where.to_map()}; }

Withs::Withs() = default;
Withs::Withs(std::initializer_list<With> relations) : relations_(relations) {}
Withs::Withs(const Withs&) = default;
Withs::Withs(Withs&&) noexcept = default;
Withs& Withs::operator=(const Withs&) = default;
Withs& Withs::operator=(Withs&&) noexcept = default;
Withs::~Withs() = default;
void Withs::add(With relation) { relations_.push_back(std::move(relation)); }

With::With(const char* field_name) : field(field_name) {}
With::With(std::string field_name) : field(std::move(field_name)) {}
With::With(std::string field_name, Query query_of_items)
    : field(std::move(field_name)), query(std::move(query_of_items)) {}
With::With(const With&) = default;
With::With(With&&) noexcept = default;
With& With::operator=(const With&) = default;
With& With::operator=(With&&) noexcept = default;
With::~With() = default;

Value to_value(const std::vector<Order>& order) {
  List list;
  for (const Order& term : order) list.push_back(order_value(term));
  return list;
}

Map to_map(const Query& query) { return value_of(lowered(query)); }

}  // namespace emstore
