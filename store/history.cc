#include "store/history.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "store/event_bytes.h"
#include "store/log.h"
#include "store/merged_rows.h"
#include "store/overlay.h"
#include "store/refold.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

constexpr std::size_t kFoldedBytesMax = 32u << 20;  // Of records kept for the next look.

// What a record is folded upon: nothing of its own, and stand-ins for what it leads to. Those have
// no fields that a cover could hold and no slot to give, so that nothing of theirs enters its rows.
class Ground final : public Reader {
 public:
  Result<std::optional<std::string>> get(Family family, std::string_view) const override {
    if (family == Family::records) return encode(OwnerRow{});
    if (family == Family::bodies) return pack_fields({});
    if (family == Family::uses) return encode(UseRow{kCoverSlotsMax, kCoverSlotsMax, 0});
    return std::nullopt;
  }
  using Reader::scan;
  Status scan(Family, const KeyRange&, Direction, const Visit&) const override { return {}; }
};

// A live link as it would be without slots and covers.
Result<std::string> uncovered(std::string_view link_row) {
  EMSTORE_TRY(LinkRow row, decode_link(link_row));
  row.covered = false;
  row.cover.reset();
  return encode(row);
}

tl::unexpected<Error> no_history(Family family) {
  return failure(ErrorCode::internal, "a read of the past asked for the rows of " +
                                          std::string(name_of(family)) + ", which have no history");
}

}  // namespace

class History::Folded {
 public:
  Folded() : rows_(ground_) {}
  Overlay& rows() { return rows_; }
  const Overlay& rows() const { return rows_; }
  // Of the record itself; the stand-ins are not for readers.
  std::optional<std::string> own(Family family, std::string_view key) const {
    const auto& changes = rows_.changes(family);
    const auto found = changes.find(key);
    return found == changes.end() ? std::nullopt : found->second;
  }

 private:
  Ground ground_;
  Overlay rows_;
};

// How a record stood at the moment.
struct History::Standing {
  enum class Kind : std::uint8_t {
    absent,
    as_now,  // Its live rows are those of then.
    folded,
  } kind = Kind::absent;
  std::shared_ptr<const Folded> rows = {};  // folded.
};

History::History(const Reader& live, Moment moment, const QueryLimits& limits)
    : live_(live), moment_(std::move(moment)), chain_(live, limits) {}

History::~History() = default;

// ---- How a record stood -------------------------------------------------------------------------

Result<History::Standing> History::standing_of(const RecordRef& record,
                                               const std::optional<std::string>& live_row) const {
  if (live_row) {
    EMSTORE_TRY(const RecordView view, view_of_owner(*live_row));
    if (view.version <= moment_.sequence) return Standing{Standing::Kind::as_now};
    if (view.created > moment_.time) return Standing{};
    return fold(record, view.version);
  }
  EMSTORE_TRY(const auto bytes, live_.get(Family::deleted, record_key(record)));
  if (!bytes) return Standing{};
  EMSTORE_TRY(const DeletedRow deleted, decode_deleted(*bytes));
  if (deleted.sequence <= moment_.sequence || deleted.created > moment_.time) return Standing{};
  return fold(record, deleted.sequence);
}

Result<History::Standing> History::standing_of(const RecordRef& record) const {
  EMSTORE_TRY(const auto live_row, live_.get(Family::records, record_key(record)));
  return standing_of(record, live_row);
}

Result<History::Standing> History::fold(const RecordRef& record, Sequence last) const {
  if (const auto known = folded_.find(record); known != folded_.end()) {
    return Standing{Standing::Kind::folded, known->second};
  }
  std::vector<Sequence> commits;  // Up to the moment, the latest first.
  EMSTORE_CHECKED(chain_.walk_back(record, last, [&](const CommitParts& commit) -> Result<bool> {
    if (commit.info().sequence <= moment_.sequence) commits.push_back(commit.info().sequence);
    return true;
  }));
  if (commits.empty()) return Standing{};
  auto folded = std::make_shared<Folded>();
  for (auto sequence = commits.rbegin(); sequence != commits.rend(); ++sequence) {
    EMSTORE_TRY(const auto commit, chain_.commit(*sequence));
    EMSTORE_TRY(const auto schema, schema_at(commit->info().schema));
    for (const std::uint32_t number : commit->about(record)) {
      EMSTORE_TRY(const Event event, commit->event(number));
      const FoldPlace place{{*sequence, number}, commit->info().time, commit->info().peer.uid};
      EMSTORE_CHECKED(store::fold(*schema, event, place, folded->rows()));
    }
  }
  if (folded_bytes_ + folded->rows().bytes() > kFoldedBytesMax) {
    folded_.clear();
    folded_bytes_ = 0;
  }
  folded_bytes_ += folded->rows().bytes();
  folded_.emplace(record, folded);
  return Standing{Standing::Kind::folded, std::move(folded)};
}

// Without indexes: their keys are not asked for, and cost time.
Result<std::shared_ptr<const Schema>> History::schema_at(Sequence version) const {
  if (const auto known = schemas_.find(version); known != schemas_.end()) return known->second;
  Schema schema;
  if (version == moment_.schema->version) {
    schema = *moment_.schema;
  } else {
    EMSTORE_TRY(schema, schema_applied_at(live_, version));
  }
  schema.indexes.clear();
  return schemas_.emplace(version, std::make_shared<const Schema>(std::move(schema))).first->second;
}

// Whether a record with this row or, deleted, that row was there; without folding it.
Result<bool> History::existed(const RecordRef& record, Time created, Sequence last) const {
  if (created != moment_.time) return created < moment_.time;
  bool existed = false;  // Made in the same microsecond: before or after?
  EMSTORE_CHECKED(chain_.walk_back(record, last, [&](const CommitParts& commit) -> Result<bool> {
    existed = commit.info().sequence <= moment_.sequence;
    return !existed;
  }));
  return existed;
}

// ---- Single rows --------------------------------------------------------------------------------

Result<std::optional<std::string>> History::get(Family family, std::string_view key) const {
  switch (family) {
    case Family::records: {
      EMSTORE_TRY(auto live_row, live_.get(family, key));
      return record_row(key, std::move(live_row));
    }
    case Family::bodies:
    case Family::links:
      return linked_row(family, key);
    case Family::counters:
      return counter_row(key).map([](std::string row) { return std::optional(std::move(row)); });
    case Family::backlinks: {
      std::optional<std::string> found;
      EMSTORE_CHECKED(scan(family, {std::string(key), std::string(key) + '\0'}, Direction::forward,
                           [&](std::string_view, std::string_view row) {
                             found = std::string(row);
                             return false;
                           }));
      return found;
    }
    case Family::log:
    case Family::bytes:
    case Family::blobs:
      return live_.get(family, key);
    case Family::leases:
    case Family::meta:
    case Family::schema:
    case Family::uses:
    case Family::unused:
    case Family::values:
    case Family::requests:
    case Family::deleted:
    case Family::unlinked:
    case Family::tree:
      break;
  }
  return no_history(family);
}

Result<std::vector<std::optional<std::string>>> History::get_many(
    Family family, std::span<const std::string> keys) const {
  if (family != Family::records) return Reader::get_many(family, keys);
  EMSTORE_TRY(auto rows, live_.get_many(family, keys));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EMSTORE_TRY(rows[i], record_row(keys[i], std::move(rows[i])));
  }
  return rows;
}

Result<std::optional<std::string>> History::record_row(std::string_view key,
                                                       std::optional<std::string> live_row) const {
  EMSTORE_TRY(const RecordRef record, record_of_key(key));
  EMSTORE_TRY(const Standing standing, standing_of(record, live_row));
  switch (standing.kind) {
    case Standing::Kind::absent:
      return std::nullopt;
    case Standing::Kind::as_now:
      return live_row;
    case Standing::Kind::folded:
      return standing.rows->own(Family::records, key);
  }
  return std::nullopt;
}

// A body or a link, which belong to one record.
Result<std::optional<std::string>> History::linked_row(Family family, std::string_view key) const {
  RecordRef record;
  if (family == Family::links) {
    EMSTORE_TRY(const LinkKey link, link_of_key(key));
    record = link.owner;
  } else {
    EMSTORE_TRY(record, record_of_key(key));
  }
  EMSTORE_TRY(const Standing standing, standing_of(record));
  if (standing.kind == Standing::Kind::absent) return std::nullopt;
  if (standing.kind == Standing::Kind::folded) return standing.rows->own(family, key);
  EMSTORE_TRY(auto row, live_.get(family, key));
  if (!row || family != Family::links) return row;
  EMSTORE_TRY(row, uncovered(*row));
  return row;
}

Result<std::string> History::counter_row(std::string_view key) const {
  CounterRow counter;
  const KeyRange range = range_of_prefix(key);
  MergedRows rows(live_, {{Family::records, {}}, {Family::deleted, {}}}, range, Direction::forward);
  while (true) {
    EMSTORE_TRY(const auto step, rows.next());
    if (!step) break;
    EMSTORE_CHECKED(chain_.look());
    EMSTORE_TRY(const RecordRef record, record_of_key(step->key));
    if (step->rows[0]) {
      EMSTORE_TRY(const RecordView view, view_of_owner(*step->rows[0]));
      EMSTORE_TRY(const bool was_there, existed(record, view.created, view.version));
      counter.records += was_there ? 1 : 0;
    } else {
      EMSTORE_TRY(const DeletedRow deleted, decode_deleted(*step->rows[1]));
      if (deleted.sequence <= moment_.sequence) continue;
      EMSTORE_TRY(const bool was_there, existed(record, deleted.created, deleted.sequence));
      counter.records += was_there ? 1 : 0;
    }
  }
  return encode(counter);
}

// ---- Scans --------------------------------------------------------------------------------------

Status History::scan(Family family, const KeyRange& range, Direction direction,
                     const Visit& visit) const {
  switch (family) {
    case Family::records:
      return scan_records(range, direction, visit);
    case Family::links:
      return scan_links(range, direction, visit);
    case Family::backlinks:
      return scan_backlinks(range, direction, visit);
    case Family::log:
      return live_.scan(family, range, direction, visit);
    case Family::bytes:
    case Family::leases:
    case Family::meta:
    case Family::schema:
    case Family::bodies:
    case Family::uses:
    case Family::unused:
    case Family::blobs:
    case Family::values:
    case Family::requests:
    case Family::counters:
    case Family::deleted:
    case Family::unlinked:
    case Family::tree:
      break;
  }
  return no_history(family);
}

// Every record that ever was is a row of records or of deleted.
Status History::scan_records(const KeyRange& range, Direction direction, const Visit& visit) const {
  MergedRows rows(live_, {{Family::records, {}}, {Family::deleted, {}}}, range, direction);
  while (true) {
    EMSTORE_TRY(auto step, rows.next());
    if (!step) return {};
    EMSTORE_CHECKED(chain_.look());
    EMSTORE_TRY(const auto row, record_row(step->key, std::move(step->rows[0])));
    if (row && !visit(step->key, *row)) return {};
  }
}

// Links are asked for by their owner.
Status History::scan_links(const KeyRange& range, Direction direction, const Visit& visit) const {
  EMSTORE_TRY(const LinkKey first, link_of_key(range.from));
  EMSTORE_TRY(const Standing standing, standing_of(first.owner));
  switch (standing.kind) {
    case Standing::Kind::absent:
      return {};
    case Standing::Kind::as_now:
      return live_.try_scan(Family::links, range, direction,
                            [&](std::string_view key, std::string_view row) -> Result<bool> {
                              EMSTORE_TRY(const std::string shown, uncovered(row));
                              return visit(key, shown);
                            });
    case Standing::Kind::folded:
      return standing.rows->rows().scan(Family::links, range, direction, visit);
  }
  return {};
}

// Backlinks are asked for by their target. What led there is in the live backlinks, which say since
// when, or in the removed ones, which say until when; what an owner with later commits had is
// folded. As no link holds a slot, all of them stand under covered 0.
Status History::scan_backlinks(const KeyRange& range, Direction direction,
                               const Visit& visit) const {
  const bool is_uuid = range.from.size() > 4 && range.from[4] == 2;
  const std::size_t size = record_key_size(is_uuid ? IdFormat::uuid : IdFormat::integer);
  EMSTORE_TRY(const RecordRef target, record_of_key(range.from.substr(0, size)));
  const std::string free = backlink_prefix(target, /*covered=*/false);
  if (!range.from.starts_with(free)) return {};
  const bool ends_within = range.until.starts_with(free);
  const KeyRange rest{range.from.substr(free.size()),
                      ends_within ? range.until.substr(free.size()) : std::string()};
  MergedRows rows(live_,
                  {{Family::backlinks, free},
                   {Family::backlinks, backlink_prefix(target, /*covered=*/true)},
                   {Family::unlinked, record_key(target)}},
                  rest, direction);
  while (true) {
    EMSTORE_TRY(auto step, rows.next());
    if (!step) return {};
    EMSTORE_CHECKED(chain_.look());
    std::optional<std::string>& live_row = step->rows[0] ? step->rows[0] : step->rows[1];
    EMSTORE_TRY(const bool may_have_been, led_there(live_row, step->rows[2]));
    if (!may_have_been) continue;
    const std::string key = free + step->key;
    EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
    EMSTORE_TRY(const Standing standing, standing_of(place.owner));
    if (standing.kind == Standing::Kind::absent) continue;
    const auto row = standing.kind == Standing::Kind::as_now
                         ? live_row
                         : standing.rows->own(Family::backlinks, key);
    if (row && !visit(key, *row)) return {};
  }
}

// Whether a link can have been there at the moment: it was made before and is there still, or it
// was removed later.
Result<bool> History::led_there(const std::optional<std::string>& live_row,
                                const std::optional<std::string>& unlinked_row) const {
  if (live_row) {
    EMSTORE_TRY(const BacklinkRow backlink, decode_backlink(*live_row));
    if (backlink.since.sequence <= moment_.sequence) return true;
  }
  if (!unlinked_row) return false;
  EMSTORE_TRY(const UnlinkedRow unlinked, decode_unlinked(*unlinked_row));
  return unlinked.sequence > moment_.sequence;
}

}  // namespace emstore::store
