#include "store/refold.h"

#include <algorithm>
#include <utility>

#include "store/index_keys.h"

namespace emstore::store {
namespace {

// Rows that were written out and are asked for again.
constexpr std::size_t kCacheBytes = 64u << 20;
constexpr std::size_t kSliceKeys = 10'000;

std::shared_ptr<const Schema> with_indexes(Schema schema, const std::set<IndexId>& kept) {
  std::erase_if(schema.indexes, [&](const Index& index) { return !kept.contains(index.id); });
  return std::make_shared<const Schema>(std::move(schema));
}

Status still(const GoesOn& goes_on) {
  if (!goes_on || goes_on()) return {};
  return failure(ErrorCode::cancelled, "cancelled while keys of indexes were made");
}

template <typename Rows>
Status fold_into(Rows& rows, const Schema& schema, const Event& event, const FoldPlace& place) {
  EMSTORE_TRY(const Facts facts, read_facts(rows, event));
  EMSTORE_TRY(RowChanges changes, rows_of(schema, facts, event, place));
  for (RowChange& change : changes) rows.apply(std::move(change));
  return {};
}

}  // namespace

Status fold(const Schema& schema, const Event& event, const FoldPlace& place, Overlay& rows) {
  return fold_into(rows, schema, event, place);
}

Result<std::shared_ptr<const Schema>> schema_after(const Event& event, Sequence sequence,
                                                   std::shared_ptr<const Schema> before) {
  const auto* applied = std::get_if<SchemaApplied>(&event);
  if (applied == nullptr) return before;
  EMSTORE_TRY(Schema schema, schema_of(applied->schema, sequence));
  return std::make_shared<const Schema>(std::move(schema));
}

Status each_index_key(
    const Reader& reader, const Schema& schema, const Index& index, std::string_view after,
    const std::function<bool(std::string_view record_key, std::optional<std::string> key)>& visit) {
  const Entity& entity = *schema.entity(index.entity);
  KeyRange range = range_of_prefix(entity_prefix(entity.id));
  if (!after.empty()) range.from = std::string(after) + '\0';
  return reader.try_scan(
      Family::records, range, [&](std::string_view key, std::string_view) -> Result<bool> {
        EMSTORE_TRY(const RecordRef record, record_of_key(key));
        EMSTORE_TRY(const std::optional<StoredRecord> stored, read_record(reader, record));
        if (!stored) return failure(ErrorCode::corrupt_index, "a record that is not there");
        EMSTORE_TRY(const FieldValues values, unpack_fields(stored->fields()));
        EMSTORE_TRY(std::optional<std::string> row,
                    index_key_if_any(entity, index, values, record.id));
        return visit(key, std::move(row));
      });
}

class Refold::Split final : public Reader {
 public:
  Split(const Reader& log, const Reader& rows) : log_(log), rows_(rows) {}
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    if (!is_index(family)) return log_.get(family, key);
    if (!has_rows_) return std::nullopt;
    return rows_.get(family, key);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    if (!is_index(family)) return log_.scan(family, range, direction, visit);
    return has_rows_ ? rows_.scan(family, range, direction, visit) : Status();
  }
  // Until then nobody is asked for what is not there, and may just be making room for it.
  void note_rows() { has_rows_ = true; }

 private:
  const Reader& log_;
  const Reader& rows_;
  bool has_rows_ = false;
};

Refold::Refold(const Reader& log, const Reader& rows, Write write, std::size_t bytes_max,
               Writing writing)
    : cache_(kCacheBytes),
      cached_(rows, cache_),
      base_(std::make_unique<Split>(log, cached_)),
      write_(std::move(write)),
      writing_(writing),
      table_bytes_max_(writing == Writing::in_turn ? bytes_max : bytes_max / 2),
      pending_(std::make_unique<RowTable>(*base_)),
      written_(std::make_unique<RowTable>(*base_)),
      schema_(std::make_shared<const Schema>(initial_schema())),
      folding_(with_indexes(*schema_, kept_)) {}

Refold::~Refold() = default;

Status Refold::add(const LoggedCommit& logged) {
  const CommitInfo& info = logged.commit.info;
  if (info.sequence != last_ + 1) {
    return failure(ErrorCode::corrupt_log,
                   "commit " + std::to_string(info.sequence) + " follows " + std::to_string(last_));
  }
  FoldPlace place{{info.sequence, 0}, info.time, info.peer.uid};
  for (const Event& event : logged.commit.events) {
    EMSTORE_CHECKED(fold_into(*pending_, *folding_, event, place));
    if (std::holds_alternative<SchemaApplied>(event)) {
      EMSTORE_TRY(schema_, schema_after(event, info.sequence, schema_));
      folding_ = with_indexes(*schema_, kept_);
    }
    ++place.event.index;
  }
  tree_.append(logged.leaf);
  last_ = info.sequence;
  events_ += logged.commit.events.size();
  return flush_if_full();
}

Status Refold::flush_if_full() {
  if (pending_->bytes() < table_bytes_max_) return {};
  return write_out();
}

// Whoever goes on from here has little left to fold.
Status Refold::flush() {
  EMSTORE_CHECKED(write_out());
  EMSTORE_CHECKED(settle());
  pending_ = std::make_unique<RowTable>(*base_);
  written_ = std::make_unique<RowTable>(*base_);
  cache_ = RowCache(kCacheBytes);
  return {};
}

Status Refold::write_out() {
  EMSTORE_CHECKED(settle());
  if (writing_ == Writing::in_turn) {
    last_write_ = write_(*pending_);
    return take_written(*pending_);
  }
  std::swap(pending_, written_);
  pending_->stand_on(*written_);
  // Where no thread can be had, it is done when it has to be.
  write_under_way_ =
      std::async(std::launch::async | std::launch::deferred, [this] { return write_(*written_); });
  return {};
}

Status Refold::settle() {
  if (write_under_way_.valid()) {
    last_write_ = write_under_way_.get();
    EMSTORE_CHECKED(take_written(*written_));
    pending_->stand_on(*base_);
  }
  for (const RowChange& change : tree_.take_changes()) pending_->apply(change);
  return last_write_;
}

// The fold asks again for some of the rows that it made.
Status Refold::take_written(RowTable& table) {
  if (!last_write_) return last_write_;
  base_->note_rows();
  table.each([this](Family family, const RowTable::Row& row) {
    if (RowCache::keeps(family)) cache_.put(family, row.first, value_of(row));
  });
  table.clear();
  return {};
}

Status Refold::keep_indexes(const std::function<bool(IndexId)>& is_ready, const GoesOn& goes_on) {
  std::set<IndexId> gone = kept_;
  for (const Index& index : schema_->indexes) {
    gone.erase(index.id);
    if (!is_ready(index.id) || kept_.contains(index.id)) continue;
    EMSTORE_CHECKED(make_keys(index, goes_on));
    kept_.insert(index.id);
  }
  for (const IndexId index : gone) {
    EMSTORE_CHECKED(drop_keys(index, goes_on));
    kept_.erase(index);
  }
  folding_ = with_indexes(*schema_, kept_);
  return {};
}

// A slice at a time: a table that is being read is not written out.
Status Refold::make_keys(const Index& index, const GoesOn& goes_on) {
  for (std::string after;;) {
    EMSTORE_CHECKED(still(goes_on));
    RowChanges keys;
    std::size_t records = 0;
    EMSTORE_CHECKED(
        each_index_key(*pending_, *schema_, index, std::exchange(after, {}),
                       [&](std::string_view record_key, std::optional<std::string> key) {
                         if (key) keys.push_back({Family::values, *std::move(key), std::string()});
                         after = record_key;
                         return ++records < kSliceKeys;
                       }));
    for (const RowChange& key : keys) pending_->apply(key);
    EMSTORE_CHECKED(flush_if_full());
    if (records < kSliceKeys) return {};
  }
}

Status Refold::drop_keys(IndexId index, const GoesOn& goes_on) {
  for (std::size_t dropped = kSliceKeys; dropped == kSliceKeys;) {
    EMSTORE_CHECKED(still(goes_on));
    RowChanges keys;
    EMSTORE_CHECKED(
        pending_->scan(Family::values, range_of_prefix(index_prefix(index)),
                       [&](std::string_view key, std::string_view) {
                         keys.push_back({Family::values, std::string(key), std::nullopt});
                         return keys.size() < kSliceKeys;
                       }));
    dropped = keys.size();
    for (const RowChange& key : keys) pending_->apply(key);
    EMSTORE_CHECKED(flush_if_full());
  }
  return {};
}

Status Refold::finish(const std::function<bool(IndexId)>& is_ready, const GoesOn& goes_on) {
  EMSTORE_CHECKED(keep_indexes(is_ready, goes_on));
  return flush();
}

}  // namespace emstore::store
