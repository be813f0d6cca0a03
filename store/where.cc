#include "store/where.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "store/query.h"

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

bool is_json(const Subject& subject) {
  return subject.column.field != nullptr && subject.column.field->kind == FieldKind::json;
}

// One kind of condition each, on one record.
struct Evaluator {
  const Cells& record;
  const LooksAtLinks& links;

  // Ends at the first part that settles it: `settling` itself, which is no for AND and yes for OR.
  Result<Truth> combine(const std::vector<Condition>& parts, Truth settling) const {
    const bool is_and = settling == Truth::no;
    Truth all = is_and ? Truth::yes : Truth::no;
    for (const Condition& part : parts) {
      EMSTORE_TRY(const Truth one, evaluate(part, record, links));
      all = is_and ? std::min(all, one) : std::max(all, one);
      if (all == settling) break;
    }
    return all;
  }

  // `test` of a value that is not null; no for what cannot be compared with a scalar.
  template <typename Test>
  Result<Truth> test_scalar(const Subject& subject, const Test& test) const {
    if (!is_json(subject)) {
      EMSTORE_TRY(const Scalar value, record.scalar(subject.column));
      return is_null(value) ? Truth::unknown : truth_of(test(value));
    }
    EMSTORE_TRY(const Value whole, record.json(*subject.column.field));
    const Value& value = json_at(whole, subject.path);
    if (value.is_null()) return Truth::unknown;
    const std::optional<Scalar> scalar = json_scalar(value);
    return truth_of(scalar && test(*scalar));
  }

  // `test` of a text.
  template <typename Test>
  Result<Truth> test_text(const Subject& subject, const Test& test) const {
    return test_scalar(subject, [&test](const Scalar& value) {
      const auto* text = std::get_if<std::string_view>(&value);
      return text != nullptr && test(*text);
    });
  }

  Result<Truth> operator()(const Condition::All& all) const {
    return combine(all.parts, Truth::no);
  }
  Result<Truth> operator()(const Condition::Any& any) const {
    return combine(any.parts, Truth::yes);
  }

  Result<Truth> operator()(const Condition::Not& negated) const {
    EMSTORE_TRY(const Truth truth, evaluate(negated.part.front(), record, links));
    if (truth == Truth::unknown) return Truth::unknown;
    return truth_of(truth == Truth::no);
  }

  Result<Truth> operator()(const Condition::IsNull& test) const {
    if (is_json(test.subject)) {
      EMSTORE_TRY(const Value whole, record.json(*test.subject.column.field));
      return truth_of(json_at(whole, test.subject.path).is_null());
    }
    EMSTORE_TRY(const Scalar value, record.scalar(test.subject.column));
    return truth_of(is_null(value));
  }

  Result<Truth> operator()(const Condition::Compare& test) const {
    const Scalar operand = view_of(test.operand);
    const bool has_an_order = !is_json(test.subject);  // The two kinds of ids have one too.
    return test_scalar(test.subject, [&](const Scalar& value) {
      return (has_an_order || is_of_one_kind(value, operand)) &&
             holds(test.comparator, compare(value, operand));
    });
  }

  Result<Truth> operator()(const Condition::OneOf& test) const {
    if (test.operands.empty()) return Truth::no;
    return test_scalar(test.subject, [&test](const Scalar& value) {
      const auto place = std::lower_bound(
          test.operands.begin(), test.operands.end(), value,
          [](const OwnedScalar& a, const Scalar& b) { return compare(view_of(a), b) < 0; });
      return place != test.operands.end() && compare(view_of(*place), value) == 0;
    });
  }

  Result<Truth> operator()(const Condition::TextHas& test) const {
    return test_text(test.subject, [&test](std::string_view text) {
      return holds(test.test, text, test.operand);
    });
  }

  Result<Truth> operator()(const Condition::Like& test) const {
    return test_text(test.subject,
                     [&test](std::string_view text) { return test.pattern.matches(text); });
  }

  Result<Truth> operator()(const Condition::SameJson& test) const {
    EMSTORE_TRY(const Value whole, record.json(*test.subject.column.field));
    const Value& value = json_at(whole, test.subject.path);
    if (value.is_null()) return Truth::unknown;
    return truth_of(is_same_json(value, test.operand));
  }

  Result<Truth> operator()(const Condition::Linked& test) const {
    EMSTORE_TRY(const bool any, links(*test.with));
    return truth_of(any);
  }
};

// A list of values is asked for, also an empty one: who gives it to `$notin` means every record.
struct ConstantTruth {
  // As Evaluator::combine(): one part that settles it is enough, whatever the others look at.
  static std::optional<Truth> combine(const std::vector<Condition>& parts, Truth settling) {
    std::optional<Truth> all = settling == Truth::no ? Truth::yes : Truth::no;
    for (const Condition& part : parts) {
      const std::optional<Truth> one = constant_truth(part);
      if (one == settling) return settling;
      if (!one) all.reset();
    }
    return all;
  }

  std::optional<Truth> operator()(const Condition::All& all) const {
    return combine(all.parts, Truth::no);
  }
  std::optional<Truth> operator()(const Condition::Any& any) const {
    return combine(any.parts, Truth::yes);
  }
  std::optional<Truth> operator()(const Condition::Not& negated) const {
    const std::optional<Truth> truth = constant_truth(negated.part.front());
    return truth ? std::optional(truth_of(truth == Truth::no)) : truth;
  }
  std::optional<Truth> operator()(const auto&) const { return std::nullopt; }
};

bool any_reads_fields(const std::vector<Condition>& parts) {
  return std::any_of(parts.begin(), parts.end(), reads_fields);
}

struct FieldReading {
  bool operator()(const Condition::All& all) const { return any_reads_fields(all.parts); }
  bool operator()(const Condition::Any& any) const { return any_reads_fields(any.parts); }
  bool operator()(const Condition::Not& negated) const { return any_reads_fields(negated.part); }
  bool operator()(const Condition::Linked& linked) const { return follows_value(*linked.with); }
  bool operator()(const auto& leaf) const { return leaf.subject.column.pseudo == Pseudo::none; }
};

bool is_same_map(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&b](const Map::Member& member) {
    const Value* other = b.find(member.name);
    return other != nullptr && is_same_json(member.value, *other);
  });
}

}  // namespace

Result<Truth> evaluate(const Condition& condition, const Cells& record, const LooksAtLinks& links) {
  return std::visit(Evaluator{record, links}, condition.test);
}

std::optional<Truth> constant_truth(const Condition& condition) {
  return std::visit(ConstantTruth(), condition.test);
}

bool reads_fields(const Condition& condition) { return std::visit(FieldReading{}, condition.test); }

bool is_same_json(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare(*json_scalar(a), *json_scalar(b)) == 0;
  if (a.kind() != b.kind()) return false;
  if (const Map* map = a.if_map()) return is_same_map(*map, *b.if_map());
  if (const List* list = a.if_list()) {
    const List& other = *b.if_list();
    return std::equal(list->begin(), list->end(), other.begin(), other.end(), is_same_json);
  }
  return a == b;
}

}  // namespace emstore::store
