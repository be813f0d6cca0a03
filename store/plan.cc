#include <algorithm>
#include <utility>

#include "store/query.h"
#include "store/relations.h"
#include "store/row_bytes.h"
#include "store/spans.h"

namespace emstore::store {
namespace {

constexpr std::size_t kRangesMax = 1000;  // Of one plan.
const Column kId{Pseudo::id, nullptr};

// The columns that a key consists of: those of the index, and the id that ends it.
std::vector<Column> columns_of(const Entity& entity, const Index& index) {
  std::vector<Column> columns;
  for (const FieldId id : index.fields) columns.push_back({Pseudo::none, entity.field(id)});
  columns.push_back(kId);
  return columns;
}

// How far keys of some columns lead to what a condition wants.
struct Reach {
  std::size_t points = 0;  // Leading columns held to single values.
  bool has_range = false;  // The next one is held to ranges.
  bool has_null = false;
  std::vector<KeyRange> ranges;
};

bool is_null_point(const Span& span) { return span.from == std::string(1, '\0'); }

Reach reach_of(std::string prefix, const std::vector<Column>& columns, const Condition* where) {
  Reach reach;
  std::vector<std::string> prefixes{std::move(prefix)};
  Spans last;
  for (const Column& column : columns) {
    const auto spans = where == nullptr ? std::nullopt : spans_of(*where, column);
    if (!spans) break;
    const bool fits = prefixes.size() * spans->size() <= kRangesMax;
    const bool are_points =
        std::all_of(spans->begin(), spans->end(), [](const Span& span) { return span.is_point; });
    if (!fits || !are_points) {
      last = fits ? *spans : Spans{{spans->front().from, spans->back().until, false}};
      reach.has_range = true;
      break;
    }
    std::vector<std::string> longer;
    for (const std::string& before : prefixes) {
      for (const Span& span : *spans) longer.push_back(before + span.from);
    }
    prefixes = std::move(longer);
    ++reach.points;
    reach.has_null = reach.has_null || std::any_of(spans->begin(), spans->end(), is_null_point);
  }
  for (const std::string& before : prefixes) {
    if (!reach.has_range) reach.ranges.push_back(range_of_prefix(before));
    for (const Span& span : last) reach.ranges.push_back({before + span.from, before + span.until});
  }
  return reach;
}

// The id whose bytes these are.
RecordId id_of(const std::string& bytes) {
  return *id_at_end(bytes, bytes.size() == 9 ? IdFormat::integer : IdFormat::uuid);
}

// Leaves the keys that come behind `key`.
std::vector<KeyRange> behind(const std::string& key, Direction direction,
                             std::vector<KeyRange> ranges) {
  const std::string next = key + '\0';
  for (KeyRange& range : ranges) {
    if (direction == Direction::forward) {
      range.from = std::max(range.from, next);
    } else if (range.until.empty() || key < range.until) {
      range.until = key;
    }
  }
  std::erase_if(ranges, [](const KeyRange& range) {
    return !range.until.empty() && range.from >= range.until;
  });
  return ranges;
}

struct IndexUse {
  const Index* index = nullptr;
  Reach reach;
  std::optional<Direction> direction;  // In which its keys come in the order that is wanted.

  bool is_narrow() const { return reach.points > 0 || reach.has_range; }
  std::size_t equal_fields() const { return std::min(reach.points, index->fields.size()); }
  // The more fields are held to a value, the fewer records; a range says less, the order is worth
  // something, and a unique value leads to one record.
  std::size_t score() const {
    const bool is_one = index->unique && equal_fields() == index->fields.size() && !reach.has_null;
    return (is_one ? 1000U : 0U) + 100 * equal_fields() + (reach.has_range ? 30U : 0U) +
           (direction ? 10U : 0U);
  }
};

class Planner {
 public:
  Planner(const Schema& schema, const Entity& entity, const Condition* where,
          const IndexIsReady& is_ready)
      : schema_(schema), entity_(entity), where_(where), is_ready_(is_ready) {}

  Plan plan(const Query& query) const {
    if (where_ != nullptr && !can_be_met(*where_)) return nothing();
    const std::vector<OrderTerm> order = order_of(query);
    if (std::optional<Plan> plan = by_id()) return ordered(*std::move(plan), order);
    std::optional<IndexUse> use = best_index(order);
    if (use && use->is_narrow()) return by_index(*std::move(use), query, order);
    if (std::optional<Plan> plan = by_detour()) return ordered(*std::move(plan), order);
    const bool ends_early = query.limit && !query.count;
    const bool comes_by_id = direction_of({kId}, order).has_value();
    if (use && ends_early && !comes_by_id) return by_index(*std::move(use), query, order);
    return scan(query, order);
  }

 private:
  static Plan nothing() {
    Plan plan;
    plan.kind = Plan::Kind::nothing;
    plan.text = "nothing can match";
    return plan;
  }

  // A way to few records, whatever their order; nothing when there is none.
  std::optional<Plan> lookup() const {
    if (!can_be_met(*where_)) return nothing();
    if (std::optional<Plan> plan = by_id()) return plan;
    if (std::optional<IndexUse> use = best_index({}); use && use->is_narrow()) {
      return by_index(*std::move(use), Query(), {});
    }
    return by_detour();
  }

  std::optional<Plan> by_id() const {
    const auto spans = where_ == nullptr ? std::nullopt : spans_of(*where_, kId);
    if (!spans) return std::nullopt;
    if (spans->empty()) return nothing();
    Plan plan;
    plan.kind = Plan::Kind::by_id;
    for (const Span& span : *spans) {
      if (!span.is_point) return std::nullopt;
      plan.ids.push_back(id_of(span.from));
    }
    plan.text = plan.ids.size() == 1 ? "by id" : "by " + std::to_string(plan.ids.size()) + " ids";
    return plan;
  }

  // ---- Indexes
  std::optional<IndexUse> best_index(const std::vector<OrderTerm>& order) const {
    std::optional<IndexUse> best;
    for (const Index* index : schema_.indexes_of(entity_.id)) {
      if (!is_ready_(index->id)) continue;
      const std::vector<Column> columns = columns_of(entity_, *index);
      IndexUse use{index, reach_of(index_prefix(index->id), columns, where_), {}};
      if (!order.empty()) use.direction = direction_of(columns, order);
      if (use.score() > (best ? best->score() : 0)) best = std::move(use);
    }
    return best;
  }

  Plan by_index(IndexUse use, const Query& query, const std::vector<OrderTerm>& order) const {
    if (use.reach.ranges.empty()) return nothing();
    const Index& index = *use.index;
    Plan plan;
    plan.kind = Plan::Kind::by_index;
    plan.index = &index;
    plan.id_format = entity_.ids;
    plan.equal_fields = use.equal_fields();
    plan.has_range = use.reach.has_range;
    plan.sorts = !use.direction;
    plan.direction = use.direction.value_or(Direction::forward);
    plan.text = "index " + index.name;
    if (plan.equal_fields > 0) plan.text += ", equality";
    if (plan.equal_fields > 0 && plan.equal_fields < index.fields.size()) {
      plan.text += " on " + std::to_string(plan.equal_fields) + " of " +
                   std::to_string(index.fields.size()) + " fields";
    }
    if (plan.has_range) plan.text += ", range";
    if (!use.is_narrow()) plan.text += ", order";
    plan.ranges = std::move(use.reach.ranges);
    seek(index_prefix(index.id), columns_of(entity_, index), query, order, plan);
    return plan;
  }

  // ---- Detours: ids are collected first.
  std::optional<Plan> by_detour() const {
    if (where_ == nullptr) return std::nullopt;
    if (const auto* all = std::get_if<Condition::All>(&where_->test)) {
      for (const Condition& part : all->parts) {
        if (auto plan = Planner(schema_, entity_, &part, is_ready_).by_detour()) return plan;
      }
    }
    if (std::optional<Plan> plan = by_value()) return plan;
    if (const auto* any = std::get_if<Condition::Any>(&where_->test)) return by_any_of(*any);
    if (const auto* linked = std::get_if<Condition::Linked>(&where_->test))
      return by_links(*linked);
    return std::nullopt;
  }

  // What holds the id of one record is found from there, without an index.
  std::optional<Plan> by_value() const {
    for (const Field& field : entity_.fields) {
      if (field.kind != FieldKind::relation) continue;
      const auto spans = spans_of(*where_, {Pseudo::none, &field});
      const bool are_ids = spans && std::all_of(spans->begin(), spans->end(), [](const Span& span) {
                             return span.is_point && !is_null_point(span);
                           });
      if (!are_ids) continue;
      if (spans->empty()) return nothing();
      Plan plan;
      plan.kind = Plan::Kind::by_value;
      plan.relation = &field;
      plan.target = &target_of(schema_, field);
      for (const Span& span : *spans) plan.ids.push_back(id_of(span.from.substr(1)));
      plan.text = "what refers to " + plan.target->name + " by " + field.name;
      if (plan.ids.size() > 1) plan.text += " (" + std::to_string(plan.ids.size()) + " ids)";
      return plan;
    }
    return std::nullopt;
  }

  std::optional<Plan> by_any_of(const Condition::Any& any) const {
    Plan plan;
    plan.kind = Plan::Kind::any_of;
    for (const Condition& part : any.parts) {
      std::optional<Plan> way = Planner(schema_, entity_, &part, is_ready_).lookup();
      if (!way) return std::nullopt;
      plan.text += (plan.text.empty() ? "any of (" : "; ") + way->text;
      plan.parts.push_back(*std::move(way));
    }
    plan.text += ')';
    return plan;
  }

  std::optional<Plan> by_links(const Condition::Linked& linked) const {
    const Query& targets = linked.with->query;
    if (targets.where == nullptr) return std::nullopt;
    std::optional<Plan> way =
        Planner(schema_, *targets.entity, targets.where.get(), is_ready_).lookup();
    if (!way) return std::nullopt;
    Plan plan;
    plan.kind = Plan::Kind::by_links;
    plan.through = linked.with.get();
    plan.text = "links of " + std::string(name_of(*linked.with)) + " to " + targets.entity->name +
                " (" + way->text + ")";
    plan.parts.push_back(*std::move(way));
    return plan;
  }

  // ---- Everything
  Plan scan(const Query& query, const std::vector<OrderTerm>& order) const {
    Plan plan;
    plan.kind = Plan::Kind::scan;
    Reach reach = reach_of(entity_prefix(entity_.id), {kId}, where_);
    if (reach.ranges.empty()) return nothing();
    plan.has_range = reach.has_range;
    plan.ranges = std::move(reach.ranges);
    plan.text = "scan of " + entity_.name + (plan.has_range ? ", some ids" : "");
    plan = ordered(std::move(plan), order);
    seek(entity_prefix(entity_.id), {kId}, query, order, plan);
    return plan;
  }

  // ---- Order
  // Of a plan that leads through the ids in their order.
  Plan ordered(Plan plan, const std::vector<OrderTerm>& order) const {
    const std::optional<Direction> direction = direction_of({kId}, order);
    plan.sorts = !direction;
    plan.direction = direction.value_or(Direction::forward);
    return plan;
  }

  // The one value that the column has in every record that is wanted, as bytes.
  std::optional<std::string> constant(const Column& column) const {
    const auto spans = where_ == nullptr ? std::nullopt : spans_of(*where_, column);
    if (!spans || spans->size() != 1 || !spans->front().is_point) return std::nullopt;
    return spans->front().from;
  }

  // The direction in which keys of these columns come in the order that is wanted, if there is one.
  std::optional<Direction> direction_of(const std::vector<Column>& columns,
                                        const std::vector<OrderTerm>& order) const {
    std::optional<bool> descending;
    auto column = columns.begin();
    for (const OrderTerm& term : order) {
      if (constant(term.column)) continue;
      while (column != columns.end() && *column != term.column && constant(*column)) ++column;
      const bool is_next = column != columns.end() && *column == term.column;
      if (!is_next || descending.value_or(term.descending) != term.descending) return std::nullopt;
      descending = term.descending;
      if (*column++ == kId) break;
    }
    return descending.value_or(false) ? Direction::backward : Direction::forward;
  }

  // Has the plan begin behind the place at which the page before ended. Not when all are counted,
  // nor when they are to be sorted: then each is held against that place.
  void seek(std::string key, const std::vector<Column>& columns, const Query& query,
            const std::vector<OrderTerm>& order, Plan& plan) const {
    const bool counts_each = query.count && where_ != nullptr;
    if (!query.after || counts_each || plan.sorts) return;
    for (const Column& column : columns) {
      std::optional<std::string> bytes = constant(column);
      if (!bytes) bytes = bytes_at(column, *query.after, order);
      if (!bytes) return;
      key += *bytes;
    }
    plan.ranges = behind(key, plan.direction, std::move(plan.ranges));
    plan.seeks = true;
    if (plan.ranges.empty()) plan.kind = Plan::Kind::nothing;
  }

  static std::optional<std::string> bytes_at(const Column& column, const Position& position,
                                             const std::vector<OrderTerm>& order) {
    if (column == kId) {
      std::string bytes;
      append_id(position.id, bytes);
      return bytes;
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (order[i].column == column) return index_bytes(column, position.keys[i]);
    }
    return std::nullopt;
  }

  const Schema& schema_;
  const Entity& entity_;
  const Condition* where_;
  const IndexIsReady& is_ready_;
};

bool asks_id_alone(const Condition& condition) {
  const auto is_id = [](const Subject& asked) { return asked.column == kId && asked.path.empty(); };
  if (const auto* all = std::get_if<Condition::All>(&condition.test)) {
    return std::all_of(all->parts.begin(), all->parts.end(), asks_id_alone);
  }
  if (const auto* one = std::get_if<Condition::Compare>(&condition.test)) {
    return is_id(one->subject);
  }
  const auto* any = std::get_if<Condition::OneOf>(&condition.test);
  return any != nullptr && is_id(any->subject);
}

}  // namespace

std::vector<OrderTerm> order_of(const Query& query) {
  return query.order.empty() ? std::vector<OrderTerm>{{kId, false}} : query.order;
}

bool is_range_of_ids(const Query& query, const Plan& plan) {
  return plan.kind == Plan::Kind::scan && !plan.sorts && query.where && asks_id_alone(*query.where);
}

Plan plan_of(const Schema& schema, const Query& query, const IndexIsReady& index_is_ready) {
  return Planner(schema, *query.entity, query.where.get(), index_is_ready).plan(query);
}

}  // namespace emstore::store
