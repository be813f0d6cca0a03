#include "store/spans.h"

#include <algorithm>
#include <utility>

#include "store/field_rules.h"
#include "store/reader.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

constexpr std::size_t kSpansMax = 1000;  // Of one column: beyond, they become one.

Value value_of(FieldKind kind, const OwnedScalar& scalar) {
  const bool is_binary = kind == FieldKind::address || kind == FieldKind::digest ||
                         kind == FieldKind::relation;  // Of a uuid.
  if (const auto* text = std::get_if<std::string>(&scalar); text != nullptr && is_binary) {
    return Binary{*text};
  }
  return std::visit(
      [](const auto& value) -> Value {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>) {
          return nullptr;
        } else {
          return value;
        }
      },
      scalar);
}

Span point(std::string bytes) {
  std::string until = range_of_prefix(bytes).until;
  return {std::move(bytes), std::move(until), true};
}

// The ids: integers before uuids. An id that no record can have is a place before all of them.
std::optional<std::string> id_bytes(const OwnedScalar& id) {
  std::string bytes;
  if (const auto* integer = std::get_if<std::int64_t>(&id)) {
    if (*integer < 0) return std::nullopt;
    append_id(RecordId(static_cast<std::uint64_t>(*integer)), bytes);
  } else if (const auto* uuid = std::get_if<std::string>(&id)) {
    std::array<std::uint8_t, 16> digits{};
    std::copy_n(uuid->begin(), std::min(uuid->size(), digits.size()), digits.begin());
    append_id(RecordId(digits), bytes);
  }
  return bytes;
}

// All values of a column but null.
Span every_value(const Column& column) {
  if (column.pseudo == Pseudo::id) return {std::string(1, '\x01'), std::string(1, '\x03'), false};
  return {range_of_prefix(*index_bytes(column, {})).until, std::string(1, '\x02'), false};
}

std::optional<Spans> spans_of_compare(const Condition::Compare& test) {
  const Column& column = test.subject.column;
  Span all = every_value(column);
  const std::optional<std::string> bytes = index_bytes(column, test.operand);
  if (!bytes && column.pseudo != Pseudo::id) return std::nullopt;
  // A negative id lies before all others.
  const Span at = bytes ? point(*bytes) : Span{all.from, all.from, false};
  switch (test.comparator) {
    case Comparator::equal:
      return bytes ? Spans{at} : Spans{};
    case Comparator::less:
      all.until = at.from;
      break;
    case Comparator::less_or_equal:
      all.until = at.until;
      break;
    case Comparator::greater:
      all.from = at.until;
      break;
    case Comparator::greater_or_equal:
      all.from = at.from;
      break;
  }
  return all.from < all.until ? Spans{all} : Spans{};
}

std::optional<Spans> spans_of_one_of(const Condition::OneOf& test) {
  Spans spans;
  for (const OwnedScalar& operand : test.operands) {
    std::optional<std::string> bytes = index_bytes(test.subject.column, operand);
    if (bytes) {
      spans.push_back(point(*std::move(bytes)));
    } else if (test.subject.column.pseudo != Pseudo::id) {
      return std::nullopt;
    }
  }
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.from < b.from; });
  return spans;
}

// All texts that begin with `prefix`.
std::optional<Spans> spans_of_prefix(const Column& column, const std::string& prefix) {
  Span all = every_value(column);
  std::optional<std::string> from = index_bytes(column, prefix);
  if (!from) return std::nullopt;
  all.from = *std::move(from);
  const std::string after = range_of_prefix(prefix).until;
  if (!after.empty()) {
    std::optional<std::string> until = index_bytes(column, after);
    if (!until) return std::nullopt;
    all.until = *std::move(until);
  }
  return Spans{std::move(all)};
}

struct SpanReader {
  const Column& column;

  bool is_of(const Subject& subject) const {
    return subject.column == column && subject.path.empty();
  }

  std::optional<Spans> operator()(const Condition::All& all) const {
    std::optional<Spans> spans;
    for (const Condition& part : all.parts) {
      std::optional<Spans> one = spans_of(part, column);
      if (one) spans = spans ? common(*spans, *one) : *std::move(one);
    }
    return spans;
  }
  std::optional<Spans> operator()(const Condition::Any& any) const {
    Spans spans;
    for (const Condition& part : any.parts) {
      const std::optional<Spans> one = spans_of(part, column);
      if (!one) return std::nullopt;
      spans = either(std::move(spans), *one);
    }
    return spans;
  }
  std::optional<Spans> operator()(const Condition::Not& negated) const {
    const auto* null = std::get_if<Condition::IsNull>(&negated.part.front().test);
    if (null == nullptr || !is_of(null->subject)) return std::nullopt;
    return Spans{every_value(column)};
  }
  std::optional<Spans> operator()(const Condition::IsNull& test) const {
    if (!is_of(test.subject)) return std::nullopt;
    if (column.pseudo == Pseudo::id) return Spans{};
    return Spans{point(*index_bytes(column, {}))};
  }
  std::optional<Spans> operator()(const Condition::Compare& test) const {
    return is_of(test.subject) ? spans_of_compare(test) : std::nullopt;
  }
  std::optional<Spans> operator()(const Condition::OneOf& test) const {
    return is_of(test.subject) ? spans_of_one_of(test) : std::nullopt;
  }
  std::optional<Spans> operator()(const Condition::TextHas& test) const {
    const bool is_prefix = test.test == TextTest::starts_with && !test.operand.empty();
    return is_of(test.subject) && is_prefix ? spans_of_prefix(column, test.operand) : std::nullopt;
  }
  std::optional<Spans> operator()(const Condition::Like& test) const {
    const std::string prefix = test.pattern.prefix();
    return is_of(test.subject) && !prefix.empty() ? spans_of_prefix(column, prefix) : std::nullopt;
  }
  std::optional<Spans> operator()(const Condition::SameJson& /*test*/) const {
    return std::nullopt;
  }
  std::optional<Spans> operator()(const Condition::Linked& /*test*/) const { return std::nullopt; }
};

struct Possibility {
  bool operator()(const Condition::All& all) const {
    return std::all_of(all.parts.begin(), all.parts.end(), can_be_met);
  }
  bool operator()(const Condition::Any& any) const {
    return std::any_of(any.parts.begin(), any.parts.end(), can_be_met);
  }
  bool operator()(const Condition::OneOf& test) const { return !test.operands.empty(); }
  bool operator()(const auto& /*test*/) const { return true; }
};

}  // namespace

Spans common(const Spans& a, const Spans& b) {
  Spans both;
  for (auto left = a.begin(), right = b.begin(); left != a.end() && right != b.end();) {
    Span span{std::max(left->from, right->from), std::min(left->until, right->until),
              left->is_point || right->is_point};
    if (span.from < span.until) both.push_back(std::move(span));
    (left->until < right->until ? left : right)++;
  }
  return both;
}

Spans either(Spans a, const Spans& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end(), [](const Span& x, const Span& y) { return x.from < y.from; });
  Spans apart;
  for (Span& span : a) {
    if (apart.empty() || apart.back().until < span.from ||
        (apart.back().until == span.from && (apart.back().is_point || span.is_point))) {
      apart.push_back(std::move(span));
    } else if (apart.back() != span) {
      apart.back().until = std::max(apart.back().until, span.until);
      apart.back().is_point = false;
    }
  }
  if (apart.size() > kSpansMax) apart = {{apart.front().from, apart.back().until, false}};
  return apart;
}

std::optional<std::string> index_bytes(const Column& column, const OwnedScalar& value) {
  if (column.pseudo == Pseudo::id) return id_bytes(value);
  if (column.pseudo != Pseudo::none) return std::nullopt;
  std::string bytes;
  const FieldKind kind = column.field->kind;
  if (!append_index_value(kind, value_of(kind, value), bytes)) return std::nullopt;
  return bytes;
}

std::optional<Spans> spans_of(const Condition& condition, const Column& column) {
  if (column.pseudo != Pseudo::none && column.pseudo != Pseudo::id) return std::nullopt;
  return std::visit(SpanReader{column}, condition.test);
}

bool can_be_met(const Condition& condition) { return std::visit(Possibility{}, condition.test); }

}  // namespace emstore::store
