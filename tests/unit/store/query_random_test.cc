// Random queries against a naive evaluator over the documents themselves, which shares no code with
// where.cc, plan.cc and hits.cc. EMSTORE_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "store/query.h"
#include "tests/unit/store/shop.h"

namespace emstore::store {
namespace {

constexpr std::size_t kShops = 30;
constexpr std::size_t kQueriesAShop = 100;

unsigned seed_of_run() {
  const char* given = std::getenv("EMSTORE_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10))
                          : std::random_device{}();
}

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(engine_);
  }
  bool one_in(std::size_t many) { return below(many) == 0; }
  template <typename T>
  const T& of(const std::vector<T>& choices) {
    return choices[below(choices.size())];
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kNames{"id", "name", "price", "active", "made", "kind", "stock"};

// Few values, so that they meet often.
Value random_value(Dice& dice, const std::string& name) {
  if (name == "id") return dice.below(30);
  if (name == "name")
    return std::string(1 + dice.below(2), dice.one_in(2) ? 'a' : 'b') + (dice.one_in(2) ? "é" : "");
  if (name == "active") return dice.one_in(2);
  if (name == "made")
    return dice.of(std::vector<std::string>{"2023-12-31", "2024-02-29", "1969-07-20"});
  if (name == "kind") return dice.of(std::vector<std::string>{"book", "lamp", "pen"});
  return dice.one_in(3) ? Value(static_cast<double>(dice.below(5)) - 1.5) : Value(dice.below(4));
}

Value random_list(Dice& dice, const std::string& name, std::size_t size) {
  List list;
  for (std::size_t i = 0; i < size; ++i) list.push_back(random_value(dice, name));
  return list;
}

Map::Member random_operator(Dice& dice, const std::string& name) {
  const bool is_text = name == "name" || name == "kind";
  if (is_text && dice.one_in(3)) {
    const std::string op =
        dice.of(std::vector<std::string>{"$startsWith", "$endsWith", "$contains"});
    return {op, dice.of(std::vector<std::string>{"a", "b", "é", "ab", "", "boo"})};
  }
  switch (dice.below(5)) {
    case 0:
      return {"$between", random_list(dice, name, 2)};
    case 1:
      return {dice.one_in(2) ? "$in" : "$notin", random_list(dice, name, dice.below(4))};
    case 2:
      return {"$isnull", dice.one_in(2)};
    default:
      break;
  }
  const std::string op =
      dice.of(std::vector<std::string>{"$eq", "$ne", "$gt", "$gte", "$lt", "$lte"});
  const bool may_be_null = op == "$eq" || op == "$ne";
  return {op, may_be_null && dice.one_in(6) ? Value() : random_value(dice, name)};
}

Map random_where(Dice& dice, std::size_t depth) {
  Map where;
  const std::size_t size = dice.below(3) + (depth == 0 ? 1 : 0);
  for (std::size_t i = 0; i < size; ++i) {
    if (depth < 3 && dice.one_in(3)) {
      const std::string logic = dice.of(std::vector<std::string>{"$and", "$or", "$not"});
      if (dice.one_in(2)) {
        where.set(logic, random_where(dice, depth + 1));
        continue;
      }
      List list;
      for (std::size_t part = dice.below(3); part > 0; --part)
        list.push_back(random_where(dice, depth + 1));
      where.set(logic, std::move(list));
      continue;
    }
    const std::string& name = dice.of(kNames);
    if (dice.one_in(3)) {
      where.set(name, random_value(dice, name));
    } else {
      Map operators;
      for (std::size_t part = 1 + dice.below(2); part > 0; --part) {
        Map::Member member = random_operator(dice, name);
        operators.set(member.name, member.value);
      }
      where.set(name, std::move(operators));
    }
  }
  return where;
}

// ---- The naive evaluator ------------------------------------------------------------------------

using Truth3 = std::optional<bool>;

double as_number(const Value& value) {
  if (const auto* integer = value.if_integer()) return static_cast<double>(*integer);
  return value.if_number() != nullptr ? *value.if_number()
                                      : static_cast<double>(*value.if_boolean());
}

// Below, equal or above; nothing when one of them is null. Dates compare as their texts do.
std::optional<int> naive_order(const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return std::nullopt;
  if (a.if_text() != nullptr) return a.if_text()->compare(*b.if_text());
  return as_number(a) < as_number(b) ? -1 : as_number(a) > as_number(b) ? 1 : 0;
}

Truth3 naive_not(Truth3 truth) { return truth ? Truth3(!*truth) : truth; }

Truth3 naive_and(const std::vector<Truth3>& truths) {
  if (std::find(truths.begin(), truths.end(), Truth3(false)) != truths.end()) return false;
  if (std::find(truths.begin(), truths.end(), Truth3()) != truths.end()) return std::nullopt;
  return true;
}

Truth3 naive_or(std::vector<Truth3> truths) {
  for (Truth3& truth : truths) truth = naive_not(truth);
  return naive_not(naive_and(truths));
}

Truth3 naive_in(const Value& value, const List& list) {
  std::vector<Truth3> truths;
  for (const Value& item : list) {
    const std::optional<int> order = naive_order(value, item);
    truths.push_back(order ? Truth3(*order == 0) : Truth3());
  }
  return naive_or(truths);
}

Truth3 naive_compare(const Value& value, const std::string& op, const Value& operand) {
  if (operand.is_null()) return value.is_null() == (op == "$eq");
  const std::optional<int> order = naive_order(value, operand);
  if (!order) return std::nullopt;
  if (op == "$eq") return *order == 0;
  if (op == "$ne") return *order != 0;
  if (op == "$gt") return *order > 0;
  if (op == "$gte") return *order >= 0;
  if (op == "$lt") return *order < 0;
  return *order <= 0;
}

Truth3 naive_test(const Value& value, const std::string& op, const Value& operand) {
  if (op == "$isnull") return value.is_null() == *operand.if_boolean();
  if (op == "$in") return naive_in(value, *operand.if_list());
  if (op == "$notin") return naive_not(naive_in(value, *operand.if_list()));
  if (op == "$between") {
    return naive_and({naive_compare(value, "$gte", operand.if_list()->at(0)),
                      naive_compare(value, "$lte", operand.if_list()->at(1))});
  }
  if (op != "$startsWith" && op != "$endsWith" && op != "$contains")
    return naive_compare(value, op, operand);
  if (value.is_null()) return std::nullopt;
  const std::string& text = *value.if_text();
  const std::size_t place =
      op == "$endsWith" ? text.rfind(*operand.if_text()) : text.find(*operand.if_text());
  if (place == std::string::npos) return false;
  if (op == "$startsWith") return place == 0;
  return op == "$contains" || place + operand.if_text()->size() == text.size();
}

Truth3 naive_member(const Map& document, const Map::Member& member);

std::vector<Truth3> naive_members(const Map& document, const Map& where) {
  std::vector<Truth3> truths;
  for (const Map::Member& member : where) truths.push_back(naive_member(document, member));
  return truths;
}

Truth3 naive_member(const Map& document, const Map::Member& member) {
  if (!member.name.starts_with('$')) {
    const Value* found = document.find(member.name);
    const Value value = found == nullptr ? Value() : *found;
    const Map* operators = member.value.if_map();
    if (operators == nullptr) return naive_test(value, "$eq", member.value);
    std::vector<Truth3> truths;
    for (const auto& [op, operand] : *operators) truths.push_back(naive_test(value, op, operand));
    return naive_and(truths);
  }
  std::vector<Truth3> truths;
  if (const List* list = member.value.if_list()) {
    for (const Value& part : *list)
      truths.push_back(naive_and(naive_members(document, *part.if_map())));
  } else {
    truths = naive_members(document, *member.value.if_map());
  }
  if (member.name == "$or") return naive_or(truths);
  return member.name == "$and" ? naive_and(truths) : naive_not(naive_and(truths));
}

// ---- Queries ------------------------------------------------------------------------------------

struct Order {
  std::string name;
  bool descending;
};

bool naive_precedes(const Map& a, const Map& b, const std::vector<Order>& order) {
  for (const Order& term : order) {
    const Value* left = a.find(term.name);
    const Value* right = b.find(term.name);
    int sign = 0;
    if (left == nullptr || right == nullptr) {
      sign = static_cast<int>(left != nullptr) - static_cast<int>(right != nullptr);
    } else {
      sign = *naive_order(*left, *right);
    }
    if (sign != 0) return term.descending ? sign > 0 : sign < 0;
  }
  return false;
}

struct RandomQuery {
  Map given;
  std::vector<Order> order;
  std::size_t offset = 0;
  std::optional<std::size_t> limit;
};

RandomQuery random_query(Dice& dice) {
  RandomQuery query;
  query.given.set("where", random_where(dice, 0));
  List order;
  for (std::size_t terms = dice.below(3); terms > 0; --terms) {
    query.order.push_back({dice.of(kNames), dice.one_in(2)});
    order.push_back((query.order.back().descending ? "-" : "") + query.order.back().name);
  }
  query.order.push_back({"id", !query.order.empty() && query.order.back().descending});
  if (!order.empty()) query.given.set("orderBy", std::move(order));
  if (dice.one_in(2)) query.given.set("limit", *(query.limit = dice.below(12)));
  if (dice.one_in(3)) query.given.set("offset", query.offset = dice.below(6));
  return query;
}

std::string naive_answer(std::vector<Map> documents, const RandomQuery& query) {
  const Map& where = *query.given.find("where")->if_map();
  std::erase_if(documents, [&](const Map& document) {
    return naive_and(naive_members(document, where)) != Truth3(true);
  });
  std::sort(documents.begin(), documents.end(),
            [&](const Map& a, const Map& b) { return naive_precedes(a, b, query.order); });
  const std::size_t matches = documents.size();
  std::string text;
  for (std::size_t i = query.offset;
       i < matches && i - query.offset < query.limit.value_or(matches); ++i) {
    text += to_string(*documents[i].find("id")) + ' ';
  }
  const bool has_more = query.limit && matches > query.offset + *query.limit;
  return text + (has_more ? "and more, of " : "of ") + std::to_string(matches);
}

std::string answer(const Shop& shop, const Query& query, const Plan& plan) {
  ValueSink sink;
  const Result<Found> found = find_many(shop.rows, shop.schema, query, plan, shop.limits, sink);
  if (!found) return to_text(found.error());
  std::string text;
  const Value list = sink.take();
  for (const Value& item : *list.if_list()) text += to_string(*item.if_map()->find("id")) + ' ';
  return text + (found->has_more ? "and more, of " : "of ") +
         std::to_string(found->count.value_or(0));
}

Map random_product(Dice& dice, std::uint64_t id) {
  Map fields;
  for (const std::string& name : kNames) {
    if (name != "id" && !dice.one_in(3)) fields.set(name, random_value(dice, name));
  }
  // The name is unique.
  if (Value* name = fields.find("name")) *name = *name->if_text() + std::to_string(id);
  return fields;
}

TEST(RandomQuery, GivesWhatANaiveEvaluatorGivesOnEveryPlan) {
  const unsigned seed = seed_of_run();
  SCOPED_TRACE("EMSTORE_SEED=" + std::to_string(seed));
  Dice dice(seed);
  std::size_t by_index = 0, by_id = 0, wanted = 0;
  for (std::size_t round = 0; round < kShops; ++round) {
    Shop shop;
    std::vector<Map> documents;
    for (std::uint64_t id = 1; id <= 25; ++id) {
      Map fields = random_product(dice, id);
      shop.add("products", id, fields);
      fields.set("id", id);
      if (!fields.contains("stock")) fields.set("stock", 7);
      documents.push_back(std::move(fields));
    }
    for (std::size_t i = 0; i < kQueriesAShop; ++i) {
      RandomQuery random = random_query(dice);
      const std::string expected = naive_answer(documents, random);
      random.given.set("count", true);
      const Result<Query> query = resolve_query(shop.schema, "products", random.given);
      ASSERT_TRUE(query) << to_string(Value(random.given)) << ": " << to_text(query.error());
      for (const bool has_indexes : {true, false}) {
        const Plan plan = plan_of(shop.schema, *query, [=](IndexId) { return has_indexes; });
        ASSERT_EQ(answer(shop, *query, plan), expected)
            << to_string(Value(random.given)) << " " << plan.text;
        by_index += plan.kind == Plan::Kind::by_index ? 1 : 0;
        by_id += plan.kind == Plan::Kind::by_id ? 1 : 0;
      }
      wanted += expected.ends_with(" of 0") || expected == "of 0" ? 0 : 1;
    }
  }
  // The queries are worth asking: each way is taken, and many find something.
  EXPECT_GT(by_index, 50U);
  EXPECT_GT(by_id, 20U);
  EXPECT_GT(wanted, kShops * kQueriesAShop / 4);
}

}  // namespace
}  // namespace emstore::store
