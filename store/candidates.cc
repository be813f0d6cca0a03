#include "store/candidates.h"

#include <algorithm>
#include <span>
#include <utility>

#include "store/row_bytes.h"

namespace emstore::store {
namespace {

// Enough for a read of many keys at once to pay, little enough to waste nothing when the walk ends
// early.
constexpr std::size_t kIdsAtOnce = 64;

class Walk {
 public:
  Walk(const Reader& reader, EntityId entity, Direction direction, const VisitRecord& visit)
      : reader_(reader), entity_(entity), direction_(direction), visit_(visit) {}

  Status by_ids(std::vector<RecordId> ids) {
    if (direction_ == Direction::backward) std::reverse(ids.begin(), ids.end());
    const std::span<const RecordId> all(ids);
    for (std::size_t done = 0; done < all.size(); done += kIdsAtOnce) {
      const std::size_t size = std::min(kIdsAtOnce, all.size() - done);
      EMSTORE_TRY(const bool goes_on, visit_ids(all.subspan(done, size), Missing::skipped));
      if (!goes_on) break;
    }
    return {};
  }

  Status by_index(const KeyRange& range) {
    std::vector<RecordId> ids;
    bool goes_on = true;
    EMSTORE_CHECKED(reader_.try_scan(Family::values, range, direction_,
                                     [&](std::string_view key, std::string_view) -> Result<bool> {
                                       EMSTORE_TRY(const RecordId id, id_at_end(key));
                                       ids.push_back(id);
                                       if (ids.size() < kIdsAtOnce) return true;
                                       EMSTORE_TRY(goes_on, visit_ids(ids, Missing::corrupt));
                                       ids.clear();
                                       return goes_on;
                                     }));
    if (goes_on) EMSTORE_CHECKED(visit_ids(ids, Missing::corrupt));
    return {};
  }

  Status by_scan(const KeyRange& range) {
    return reader_.try_scan(Family::records, range, direction_,
                            [&](std::string_view key, std::string_view row) -> Result<bool> {
                              EMSTORE_TRY(const RecordRef record, record_of_key(key));
                              return visit_(record.id, row);
                            });
  }

 private:
  // What it means that there is no record: of an id in a query nothing, of one in an index damage.
  enum class Missing : bool { skipped, corrupt };

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

Status for_each_candidate(const Reader& reader, EntityId entity, const Plan& plan,
                          Direction direction, const VisitRecord& visit) {
  Walk walk(reader, entity, direction, visit);
  switch (plan.kind) {
    case Plan::Kind::nothing:
      return {};
    case Plan::Kind::by_id:
      return walk.by_ids(plan.ids);
    case Plan::Kind::by_index:
      return walk.by_index(plan.range);
    case Plan::Kind::scan:
      return walk.by_scan(plan.range);
  }
  return {};
}

}  // namespace emstore::store
