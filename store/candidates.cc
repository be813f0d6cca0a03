#include "store/candidates.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "store/facts.h"
#include "store/field_rules.h"
#include "store/row_bytes.h"
#include "store/selection.h"

namespace emstore::store {
namespace {

// Enough for a read of many keys at once to pay.
constexpr std::size_t kIdsAtOnce = 64;
// Ids that a detour holds; where it leads to more, all records are walked through instead.
constexpr std::size_t kIdsHeldMax = 250'000;

using Ids = std::vector<RecordId>;

// Collects the ids that a plan leads to; nothing when they are too many to be held.
class Collector {
 public:
  Collector(const Reader& reader, EntityId entity, Budget& budget)
      : reader_(reader), entity_(entity), budget_(budget) {}

  // Ascending, each once.
  Result<std::optional<Ids>> collect(const Plan& plan) {
    EMSTORE_CHECKED(add(plan));
    if (ids_.size() > kIdsHeldMax) return std::optional<Ids>();
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    return std::optional<Ids>(std::move(ids_));
  }

 private:
  Status add(const Plan& plan) {
    switch (plan.kind) {
      case Plan::Kind::nothing:
        return {};
      case Plan::Kind::by_id:
        ids_.insert(ids_.end(), plan.ids.begin(), plan.ids.end());
        return {};
      case Plan::Kind::by_index:
        for (const KeyRange& range : plan.ranges) {
          EMSTORE_CHECKED(add_rows(Family::values, range, [&plan](std::string_view key) {
            return id_at_end(key, plan.id_format);
          }));
        }
        return {};
      case Plan::Kind::any_of:
        for (const Plan& part : plan.parts) EMSTORE_CHECKED(add(part));
        return {};
      case Plan::Kind::by_links:
        return add_owners(plan);
      case Plan::Kind::by_value:
        for (const RecordId& id : plan.ids) {
          EMSTORE_CHECKED(add_owners_of({plan.target->id, id}, plan.relation->id));
        }
        return {};
      case Plan::Kind::scan:
        break;
    }
    return failure(ErrorCode::internal, "a detour leads through everything");
  }

  template <typename IdOf>
  Status add_rows(Family family, const KeyRange& range, const IdOf& id_of) {
    return reader_.try_scan(family, range,
                            [&](std::string_view key, std::string_view) -> Result<bool> {
                              EMSTORE_CHECKED(budget_.examine());
                              EMSTORE_TRY(const RecordId id, id_of(key));
                              ids_.push_back(id);
                              return ids_.size() <= kIdsHeldMax;
                            });
  }

  // The records from which the relation leads to one of those that the plan's only part leads to.
  Status add_owners(const Plan& plan) {
    const Query& targets = plan.through->query;
    Selection selection(reader_, targets, {}, budget_);
    const auto look_at = [&](const RecordId& id, std::string_view row) -> Result<bool> {
      EMSTORE_CHECKED(budget_.examine());
      EMSTORE_TRY(const RecordView view, view_of_owner(row));
      const RecordRef target{targets.entity->id, id};
      EMSTORE_TRY(const bool is_wanted, selection.wants(target, view));
      if (is_wanted) {
        EMSTORE_CHECKED(plan.through->owner == nullptr
                            ? add_owners_of(target, plan.through->field->id)
                            : add_targets_of(target, *plan.through->field));
      }
      return ids_.size() <= kIdsHeldMax;
    };
    return for_each_candidate(reader_, targets.entity->id, plan.parts.front(), budget_, look_at);
  }

  Status add_owners_of(const RecordRef& target, FieldId field) {
    for (const bool is_covered : {false, true}) {
      const std::string prefix = backlink_prefix(target, is_covered) + entity_prefix(entity_);
      EMSTORE_CHECKED(reader_.try_scan(Family::backlinks, range_of_prefix(prefix),
                                       [&](std::string_view key, std::string_view) -> Result<bool> {
                                         EMSTORE_CHECKED(budget_.examine());
                                         EMSTORE_TRY(const BacklinkKey link, backlink_of_key(key));
                                         if (link.field == field) ids_.push_back(link.owner.id);
                                         return ids_.size() <= kIdsHeldMax;
                                       }));
    }
    return {};
  }

  // Seen from its other side, a relation leads back by the values and links of `owner`.
  Status add_targets_of(const RecordRef& owner, const Field& field) {
    if (is_link(field.kind)) {
      return reader_.try_scan(Family::links, range_of_prefix(link_prefix(owner, field.id)),
                              [&](std::string_view, std::string_view row) -> Result<bool> {
                                EMSTORE_CHECKED(budget_.examine());
                                EMSTORE_TRY(const LinkView link, view_of_link(row));
                                ids_.push_back(link.target.id);
                                return ids_.size() <= kIdsHeldMax;
                              });
    }
    EMSTORE_TRY(const std::optional<StoredRecord> record, read_record(reader_, owner));
    if (!record) return {};
    EMSTORE_TRY(const FieldValues values, unpack_fields(record->fields()));
    const Value* value = values.find(field.id);
    const std::optional<RecordId> id = value == nullptr ? std::nullopt : reference_of(*value);
    if (id) ids_.push_back(*id);
    return {};
  }

  const Reader& reader_;
  EntityId entity_;
  Budget& budget_;
  Ids ids_;
};

class Walk {
 public:
  Walk(const Reader& reader, EntityId entity, Direction direction, const VisitRecord& visit)
      : reader_(reader), entity_(entity), direction_(direction), visit_(visit) {}

  Status by_ids(Ids ids) {
    if (direction_ == Direction::backward) std::reverse(ids.begin(), ids.end());
    const std::span<const RecordId> all(ids);
    for (std::size_t done = 0; done < all.size(); done += kIdsAtOnce) {
      const std::size_t size = std::min(kIdsAtOnce, all.size() - done);
      EMSTORE_TRY(const bool goes_on, visit_ids(all.subspan(done, size), Missing::skipped));
      if (!goes_on) break;
    }
    return {};
  }

  // Reads `first` rows at once to begin with.
  Status by_index(const std::vector<KeyRange>& ranges, std::size_t first, IdFormat format) {
    Ids ids;
    std::size_t at_once = std::clamp<std::size_t>(first, 1, kIdsAtOnce);
    EMSTORE_TRY(const bool goes_on,
                each_range(ranges, Family::values,
                           [&](std::string_view key, std::string_view) -> Result<bool> {
                             EMSTORE_TRY(const RecordId id, id_at_end(key, format));
                             ids.push_back(id);
                             if (ids.size() < at_once) return true;
                             at_once = kIdsAtOnce;
                             const Ids found = std::exchange(ids, {});
                             return visit_ids(found, Missing::corrupt);
                           }));
    if (goes_on) EMSTORE_CHECKED(visit_ids(ids, Missing::corrupt));
    return {};
  }

  Status by_scan(const std::vector<KeyRange>& ranges) {
    EMSTORE_CHECKED(each_range(ranges, Family::records,
                               [&](std::string_view key, std::string_view row) -> Result<bool> {
                                 EMSTORE_TRY(const RecordRef record, record_of_key(key));
                                 return visit_(record.id, row);
                               }));
    return {};
  }

 private:
  // What it means that there is no record: of an id in a query nothing, of one in an index damage.
  enum class Missing : bool { skipped, corrupt };

  // Whether the walk came to its end.
  Result<bool> each_range(const std::vector<KeyRange>& ranges, Family family,
                          const Reader::Attempt& attempt) {
    bool goes_on = true;
    const auto go = [&](std::string_view key, std::string_view row) -> Result<bool> {
      EMSTORE_TRY(goes_on, attempt(key, row));
      return goes_on;
    };
    for (std::size_t i = 0; i < ranges.size() && goes_on; ++i) {
      const std::size_t place = direction_ == Direction::forward ? i : ranges.size() - 1 - i;
      EMSTORE_CHECKED(reader_.try_scan(family, ranges[place], direction_, go));
    }
    return goes_on;
  }

  Result<bool> visit_ids(std::span<const RecordId> ids, Missing missing) {
    EMSTORE_TRY(const auto rows, read(ids));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (!rows[i] && missing == Missing::corrupt) {
        return failure(ErrorCode::corrupt_index,
                       "an index names record " + to_string(ids[i]) + ", which does not exist");
      }
      if (!rows[i]) continue;
      EMSTORE_TRY(const bool goes_on, visit_(ids[i], *rows[i]));
      if (!goes_on) return false;
    }
    return true;
  }

  Result<std::vector<std::optional<std::string>>> read(std::span<const RecordId> ids) const {
    std::vector<std::string> keys;
    keys.reserve(ids.size());
    for (const RecordId& id : ids) keys.push_back(record_key({entity_, id}));
    if (keys.size() != 1) return reader_.get_many(Family::records, keys);
    std::vector<std::optional<std::string>> rows(1);
    EMSTORE_TRY(rows.front(), reader_.get(Family::records, keys.front()));
    return rows;
  }

  const Reader& reader_;
  EntityId entity_;
  Direction direction_;
  const VisitRecord& visit_;
};

}  // namespace

Status for_each_candidate(const Reader& reader, EntityId entity, const Plan& plan, Budget& budget,
                          const VisitRecord& visit, std::size_t wanted) {
  Walk walk(reader, entity, plan.direction, visit);
  switch (plan.kind) {
    case Plan::Kind::nothing:
      return {};
    case Plan::Kind::by_id:
      return walk.by_ids(plan.ids);
    case Plan::Kind::by_index:
      return walk.by_index(plan.ranges, wanted, plan.id_format);
    case Plan::Kind::scan:
      return walk.by_scan(plan.ranges);
    case Plan::Kind::any_of:
    case Plan::Kind::by_links:
    case Plan::Kind::by_value: {
      EMSTORE_TRY(std::optional<Ids> ids, Collector(reader, entity, budget).collect(plan));
      if (ids) return walk.by_ids(*std::move(ids));
      return walk.by_scan({range_of_prefix(entity_prefix(entity))});
    }
  }
  return {};
}

}  // namespace emstore::store
