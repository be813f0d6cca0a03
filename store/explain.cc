#include "store/explain.h"

#include <algorithm>
#include <utility>

#include "store/row_bytes.h"

namespace emstore::store {
namespace {

std::string_view name_of(Plan::Kind kind) {
  switch (kind) {
    case Plan::Kind::nothing:
      return "nothing";
    case Plan::Kind::by_id:
      return "ids";
    case Plan::Kind::by_index:
      return "index";
    case Plan::Kind::by_links:
      return "links";
    case Plan::Kind::by_value:
      return "backlinks";
    case Plan::Kind::any_of:
      return "any_of";
    case Plan::Kind::scan:
      return "scan";
  }
  return {};
}

// How many records a plan leads to.
struct Estimate {
  std::uint64_t rows = 0;
  std::string_view means = "exact";  // Or "at_least", "at_most", "unknown".
};

class Estimator {
 public:
  Estimator(const Reader& reader, EntityId entity) : reader_(reader), entity_(entity) {}

  Result<Estimate> of(const Plan& plan) const {
    switch (plan.kind) {
      case Plan::Kind::nothing:
        return Estimate{};
      case Plan::Kind::by_id:
        return Estimate{plan.ids.size(), "at_most"};
      case Plan::Kind::by_index:
        return keys_in(Family::values, plan.ranges);
      case Plan::Kind::scan:
        return plan.has_range || plan.seeks ? keys_in(Family::records, plan.ranges) : all_records();
      case Plan::Kind::any_of:
        return sum_of(plan.parts);
      case Plan::Kind::by_links:
      case Plan::Kind::by_value:
        return Estimate{0, "unknown"};
    }
    return Estimate{};
  }

 private:
  Result<Estimate> keys_in(Family family, const std::vector<KeyRange>& ranges) const {
    Estimate estimate;
    const auto count = [&estimate](std::string_view, std::string_view) {
      return ++estimate.rows < kEstimateMax;
    };
    for (const KeyRange& range : ranges) {
      if (estimate.rows >= kEstimateMax) break;
      EMSTORE_CHECKED(reader_.scan(family, range, count));
    }
    if (estimate.rows >= kEstimateMax) estimate.means = "at_least";
    return estimate;
  }

  Result<Estimate> all_records() const {
    EMSTORE_TRY(const std::uint64_t records, records_of(reader_, entity_));
    return Estimate{records, "exact"};
  }

  Result<Estimate> sum_of(const std::vector<Plan>& parts) const {
    Estimate sum{0, "at_most"};
    for (const Plan& part : parts) {
      EMSTORE_TRY(const Estimate one, of(part));
      sum.rows += one.rows;
      if (one.means == "unknown" || one.means == "at_least") sum.means = "unknown";
    }
    return sum;
  }

  const Reader& reader_;
  EntityId entity_;
};

Result<Map> plan_map(const Reader& reader, const Entity& entity, const Plan& plan) {
  Map map{{"kind", name_of(plan.kind)}, {"entity", entity.name}, {"text", plan.text}};
  if (plan.index != nullptr) {
    map.append("index", plan.index->name);
    map.append("equality", plan.equal_fields);
    map.append("range", plan.has_range);
    map.append("ranges", plan.ranges.size());
  }
  if (plan.through != nullptr) map.append("relation", name_of(*plan.through));
  if (plan.relation != nullptr) map.append("relation", plan.relation->name);
  if (!plan.parts.empty()) {
    const Entity& inner = plan.through == nullptr ? entity : *plan.through->query.entity;
    List parts;
    for (const Plan& part : plan.parts) {
      EMSTORE_TRY(Map one, plan_map(reader, inner, part));
      parts.push_back(std::move(one));
    }
    map.append("parts", std::move(parts));
  }
  EMSTORE_TRY(const Estimate estimate, Estimator(reader, entity.id).of(plan));
  const bool is_known = estimate.means != "unknown";
  map.append("rows", is_known ? Value(estimate.rows) : Value());
  map.append("estimate", estimate.means);
  return map;
}

// How the records of each `with` are found: by the links of each owner, by its value or by what
// leads to it, once in their own order and else put in order.
List withs_of(const Query& query) {
  List withs;
  for (const With& with : query.with) {
    const bool has_backlinks = with.field == nullptr || with.owner != nullptr;
    Map one{{"relation", name_of(with)},
            {"kind", has_backlinks         ? "backlinks"
                     : follows_value(with) ? "value"
                                           : "links"},
            {"sorts", with.field == nullptr || !with.query.order.empty()},
            {"filters", with.query.where != nullptr}};
    if (!with.query.with.empty()) one.append("with", withs_of(with.query));
    withs.emplace_back(std::move(one));
  }
  return withs;
}

}  // namespace

Result<Map> explain(const Reader& reader, const Query& query, const Plan& plan) {
  EMSTORE_TRY(Map map, plan_map(reader, *query.entity, plan));
  map.append("scans", plan.kind == Plan::Kind::scan);
  map.append("sorts", plan.sorts);
  map.append("direction", plan.direction == Direction::forward ? "forward" : "backward");
  map.append("filters", query.where != nullptr);
  map.append("seeks", plan.seeks);
  map.append("with", withs_of(query));
  return map;
}

Result<Map> explain_past(const Reader& live, const Query& query, const Plan& plan,
                         Sequence sequence) {
  std::uint64_t deleted = 0;
  EMSTORE_CHECKED(live.scan(
      Family::deleted, range_of_prefix(entity_prefix(query.entity->id)),
      [&deleted](std::string_view, std::string_view) { return ++deleted < kEstimateMax; }));
  std::string text =
      "a record that has not changed since is its live row; another one is folded "
      "from its own commits";
  if (plan.kind == Plan::Kind::scan) text += "; records deleted since are looked at too";
  return Map{{"sequence", sequence}, {"deleted", deleted}, {"text", std::move(text)}};
}

}  // namespace emstore::store
