#include "store/where.h"

#include <algorithm>

namespace emstore::store {
namespace {

Truth truth_of(bool is_so) { return is_so ? Truth::yes : Truth::no; }

bool holds(Comparator comparator, std::strong_ordering order) {
  switch (comparator) {
    case Comparator::equal:
      return order == 0;
    case Comparator::less:
      return order < 0;
    case Comparator::less_or_equal:
      return order <= 0;
    case Comparator::greater:
      return order > 0;
    case Comparator::greater_or_equal:
      return order >= 0;
  }
  return false;
}

bool holds(TextTest test, std::string_view text, std::string_view operand) {
  switch (test) {
    case TextTest::starts_with:
      return text.starts_with(operand);
    case TextTest::ends_with:
      return text.ends_with(operand);
    case TextTest::contains:
      return text.find(operand) != std::string_view::npos;
  }
  return false;
}

// One kind of condition each, on one record.
struct Evaluator {
  const Cells& record;

  // Ends at the first part that settles it: `settling` itself, which is no for AND and yes for OR.
  Result<Truth> combine(const std::vector<Condition>& parts, Truth settling) const {
    const bool is_and = settling == Truth::no;
    Truth all = is_and ? Truth::yes : Truth::no;
    for (const Condition& part : parts) {
      EMSTORE_TRY(const Truth one, evaluate(part, record));
      all = is_and ? std::min(all, one) : std::max(all, one);
      if (all == settling) break;
    }
    return all;
  }

  Result<Truth> operator()(const Condition::All& all) const {
    return combine(all.parts, Truth::no);
  }
  Result<Truth> operator()(const Condition::Any& any) const {
    return combine(any.parts, Truth::yes);
  }

  Result<Truth> operator()(const Condition::Not& negated) const {
    EMSTORE_TRY(const Truth truth, evaluate(negated.part.front(), record));
    if (truth == Truth::unknown) return Truth::unknown;
    return truth_of(truth == Truth::no);
  }

  Result<Truth> operator()(const Condition::IsNull& test) const {
    if (test.column.field != nullptr && test.column.field->kind == FieldKind::json) {
      EMSTORE_TRY(const Value value, record.json(*test.column.field));
      return truth_of(value.is_null());
    }
    EMSTORE_TRY(const Scalar value, record.scalar(test.column));
    return truth_of(is_null(value));
  }

  Result<Truth> operator()(const Condition::Compare& test) const {
    EMSTORE_TRY(const Scalar value, record.scalar(test.column));
    if (is_null(value)) return Truth::unknown;
    return truth_of(holds(test.comparator, compare(value, view_of(test.operand))));
  }

  Result<Truth> operator()(const Condition::OneOf& test) const {
    if (test.operands.empty()) return Truth::no;
    EMSTORE_TRY(const Scalar value, record.scalar(test.column));
    if (is_null(value)) return Truth::unknown;
    const auto place = std::lower_bound(
        test.operands.begin(), test.operands.end(), value,
        [](const OwnedScalar& a, const Scalar& b) { return compare(view_of(a), b) < 0; });
    return truth_of(place != test.operands.end() && compare(view_of(*place), value) == 0);
  }

  Result<Truth> operator()(const Condition::TextHas& test) const {
    EMSTORE_TRY(const Scalar value, record.scalar(test.column));
    const auto* text = std::get_if<std::string_view>(&value);
    if (text == nullptr) return Truth::unknown;
    return truth_of(holds(test.test, *text, test.operand));
  }

  Result<Truth> operator()(const Condition::Like& test) const {
    EMSTORE_TRY(const Scalar value, record.scalar(test.column));
    const auto* text = std::get_if<std::string_view>(&value);
    if (text == nullptr) return Truth::unknown;
    return truth_of(test.pattern.matches(*text));
  }

  Result<Truth> operator()(const Condition::SameJson& test) const {
    EMSTORE_TRY(const Value value, record.json(*test.column.field));
    if (value.is_null()) return Truth::unknown;
    return truth_of(is_same_json(value, test.operand));
  }
};

bool any_reads_fields(const std::vector<Condition>& parts) {
  return std::any_of(parts.begin(), parts.end(), reads_fields);
}

struct FieldReading {
  bool operator()(const Condition::All& all) const { return any_reads_fields(all.parts); }
  bool operator()(const Condition::Any& any) const { return any_reads_fields(any.parts); }
  bool operator()(const Condition::Not& negated) const { return any_reads_fields(negated.part); }
  bool operator()(const auto& leaf) const { return leaf.column.pseudo == Pseudo::none; }
};

double number_of(const Value& value) {
  if (const auto* integer = value.if_integer()) return static_cast<double>(*integer);
  return *value.if_number();
}

bool is_same_map(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&b](const Map::Member& member) {
    const Value* other = b.find(member.name);
    return other != nullptr && is_same_json(member.value, *other);
  });
}

}  // namespace

Result<Truth> evaluate(const Condition& condition, const Cells& record) {
  return std::visit(Evaluator{record}, condition.test);
}

bool reads_fields(const Condition& condition) { return std::visit(FieldReading{}, condition.test); }

bool is_same_json(const Value& a, const Value& b) {
  if (a.if_integer() != nullptr && b.if_integer() != nullptr)
    return *a.if_integer() == *b.if_integer();
  if (a.is_number() && b.is_number()) return number_of(a) == number_of(b);
  if (a.kind() != b.kind()) return false;
  if (const Map* map = a.if_map()) return is_same_map(*map, *b.if_map());
  if (const List* list = a.if_list()) {
    const List& other = *b.if_list();
    return std::equal(list->begin(), list->end(), other.begin(), other.end(), is_same_json);
  }
  return a == b;
}

}  // namespace emstore::store
