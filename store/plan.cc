#include <algorithm>
#include <limits>
#include <utility>

#include "store/field_rules.h"
#include "store/query.h"
#include "store/row_bytes.h"
#include "store/where.h"

namespace emstore::store {
namespace {

// Conditions that every wanted record meets: the parts of the ANDs at the top.
void collect_required(const Condition& condition, std::vector<const Condition*>& required) {
  if (const auto* all = std::get_if<Condition::All>(&condition.test)) {
    for (const Condition& part : all->parts) collect_required(part, required);
  } else {
    required.push_back(&condition);
  }
}

Value value_of(FieldKind kind, const OwnedScalar& operand) {
  const bool is_binary = kind == FieldKind::address || kind == FieldKind::digest ||
                         kind == FieldKind::relation;  // Of a uuid.
  if (const auto* text = std::get_if<std::string>(&operand); text != nullptr && is_binary) {
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
      operand);
}

// The least text, as bytes, above all that begin with `prefix`; nothing when there is none.
std::optional<std::string> text_after(std::string_view prefix) {
  KeyRange range = range_of_prefix(prefix);
  if (range.until.empty()) return std::nullopt;
  return std::move(range.until);
}

void narrow_from(KeyRange& range, std::string from) {
  if (range.from < from) range.from = std::move(from);
}

void narrow_until(KeyRange& range, std::string until) {
  if (until.empty()) return;
  if (range.until.empty() || until < range.until) range.until = std::move(until);
}

// How far an index leads to what is wanted.
struct IndexUse {
  const Index* index = nullptr;
  std::size_t equal_fields = 0;
  bool has_range = false;
  KeyRange range;

  bool is_whole() const { return equal_fields == index->fields.size(); }
  std::size_t score() const {
    if (equal_fields == 0 && !has_range) return 0;
    return 4 * equal_fields + (has_range ? 2 : 0) + (is_whole() && index->unique ? 1 : 0);
  }
};

class Planner {
 public:
  Planner(const Schema& schema, const Query& query) : schema_(schema), query_(query) {
    if (query.where) collect_required(*query.where, required_);
  }

  Plan plan(const std::function<bool(IndexId)>& index_is_ready) const {
    if (std::any_of(required_.begin(), required_.end(), is_never)) return nothing();
    if (std::optional<Plan> plan = by_id()) return *std::move(plan);
    if (std::optional<Plan> plan = by_index(index_is_ready)) return *std::move(plan);
    return scan();
  }

 private:
  static bool is_never(const Condition* condition) {
    const auto* one_of = std::get_if<Condition::OneOf>(&condition->test);
    return one_of != nullptr && one_of->operands.empty();
  }

  static Plan nothing() {
    Plan plan;
    plan.kind = Plan::Kind::nothing;
    plan.text = "nothing can match";
    return plan;
  }

  static void add_id(const OwnedScalar& operand, std::vector<RecordId>& ids) {
    if (const auto* integer = std::get_if<std::int64_t>(&operand);
        integer != nullptr && *integer > 0) {
      ids.emplace_back(static_cast<std::uint64_t>(*integer));
    }
    if (const auto* bytes = std::get_if<std::string>(&operand)) {
      std::array<std::uint8_t, 16> uuid{};
      std::copy_n(bytes->begin(), uuid.size(), uuid.begin());
      ids.emplace_back(uuid);
    }
  }

  std::optional<Plan> by_id() const {
    for (const Condition* condition : required_) {
      Plan plan;
      const auto* compare = std::get_if<Condition::Compare>(&condition->test);
      const auto* one_of = std::get_if<Condition::OneOf>(&condition->test);
      if (compare != nullptr && compare->subject.column.pseudo == Pseudo::id &&
          compare->comparator == Comparator::equal) {
        add_id(compare->operand, plan.ids);
      } else if (one_of != nullptr && one_of->subject.column.pseudo == Pseudo::id) {
        for (const OwnedScalar& operand : one_of->operands) add_id(operand, plan.ids);
      } else {
        continue;
      }
      if (plan.ids.empty()) return nothing();
      plan.kind = Plan::Kind::by_id;
      plan.text = plan.ids.size() == 1 ? "by id" : "by " + std::to_string(plan.ids.size()) + " ids";
      return plan;
    }
    return std::nullopt;
  }

  std::optional<Plan> by_index(const std::function<bool(IndexId)>& index_is_ready) const {
    if (required_.empty()) return std::nullopt;
    IndexUse best;
    for (const Index* index : schema_.indexes_of(query_.entity->id)) {
      if (!index_is_ready(index->id)) continue;
      IndexUse use = use_of(*index);
      if (use.score() > (best.index == nullptr ? 0 : best.score())) best = std::move(use);
    }
    if (best.index == nullptr) return std::nullopt;
    Plan plan;
    plan.kind = Plan::Kind::by_index;
    plan.index = best.index;
    plan.is_by_id = best.is_whole();
    plan.text = "index " + best.index->name;
    if (best.equal_fields > 0) plan.text += ", equality";
    if (best.equal_fields > 0 && !best.is_whole()) {
      plan.text += " on " + std::to_string(best.equal_fields) + " of " +
                   std::to_string(best.index->fields.size()) + " fields";
    }
    if (best.has_range) plan.text += ", range";
    plan.range = std::move(best.range);
    return plan;
  }

  IndexUse use_of(const Index& index) const {
    IndexUse use{&index, 0, false, {}};
    std::string prefix = index_prefix(index.id);
    for (const FieldId id : index.fields) {
      const Field& field = *query_.entity->field(id);
      const std::optional<std::string> longer = with_equality(field, prefix);
      if (!longer) break;
      prefix = *longer;
      ++use.equal_fields;
    }
    use.range = range_of_prefix(prefix);
    if (!use.is_whole()) {
      const KeyRange whole = use.range;
      narrow(*query_.entity->field(index.fields[use.equal_fields]), prefix, use.range);
      use.has_range = use.range.from != whole.from || use.range.until != whole.until;
    }
    return use;
  }

  // `prefix` with the one value that the field must have; nothing when no condition says it.
  std::optional<std::string> with_equality(const Field& field, const std::string& prefix) const {
    for (const Condition* condition : required_) {
      const auto* compare = std::get_if<Condition::Compare>(&condition->test);
      const auto* null = std::get_if<Condition::IsNull>(&condition->test);
      if (compare != nullptr && compare->subject.column.field == &field &&
          compare->comparator == Comparator::equal) {
        return with_value(field, compare->operand, prefix);
      }
      if (null != nullptr && null->subject.column.field == &field)
        return with_value(field, {}, prefix);
    }
    return std::nullopt;
  }

  // Nothing when the value is too long for an index.
  static std::optional<std::string> with_value(const Field& field, const OwnedScalar& operand,
                                               std::string prefix) {
    if (!append_index_value(field.kind, value_of(field.kind, operand), prefix)) return std::nullopt;
    return prefix;
  }

  void narrow(const Field& field, const std::string& prefix, KeyRange& range) const {
    for (const Condition* condition : required_) {
      const auto* compare = std::get_if<Condition::Compare>(&condition->test);
      const auto* text = std::get_if<Condition::TextHas>(&condition->test);
      if (compare != nullptr && compare->subject.column.field == &field) {
        narrow_by(*compare, with_value(field, compare->operand, prefix), range);
      }
      if (text != nullptr && text->subject.column.field == &field &&
          text->test == TextTest::starts_with && !text->operand.empty()) {
        if (auto from = with_value(field, text->operand, prefix))
          narrow_from(range, *std::move(from));
        const std::optional<std::string> after = text_after(text->operand);
        auto until = after ? with_value(field, *after, prefix) : std::nullopt;
        if (until) narrow_until(range, *std::move(until));
      }
    }
  }

  // Bounds are rounded outwards: the condition itself is asked of each record.
  static void narrow_by(const Condition::Compare& compare, std::optional<std::string> key,
                        KeyRange& range) {
    if (!key) return;
    switch (compare.comparator) {
      case Comparator::equal:
        break;
      case Comparator::less:
      case Comparator::less_or_equal:
        narrow_until(range, range_of_prefix(*key).until);
        break;
      case Comparator::greater:
      case Comparator::greater_or_equal:
        narrow_from(range, *std::move(key));
        break;
    }
  }

  Plan scan() const {
    Plan plan;
    plan.kind = Plan::Kind::scan;
    plan.range = range_of_prefix(entity_prefix(query_.entity->id));
    plan.text = "scan of " + query_.entity->name;
    const KeyRange whole = plan.range;
    for (const Condition* condition : required_) {
      const auto* compare = std::get_if<Condition::Compare>(&condition->test);
      if (compare == nullptr || compare->subject.column.pseudo != Pseudo::id) continue;
      const auto* bound = std::get_if<std::int64_t>(&compare->operand);
      if (bound == nullptr || *bound < 0) continue;
      const RecordRef record{query_.entity->id, RecordId(static_cast<std::uint64_t>(*bound))};
      narrow_by(*compare, record_key(record), plan.range);
    }
    if (plan.range.from != whole.from || plan.range.until != whole.until) plan.text += ", some ids";
    return plan;
  }

  const Schema& schema_;
  const Query& query_;
  std::vector<const Condition*> required_;
};

}  // namespace

Plan plan_of(const Schema& schema, const Query& query,
             const std::function<bool(IndexId)>& index_is_ready) {
  return Planner(schema, query).plan(index_is_ready);
}

}  // namespace emstore::store
