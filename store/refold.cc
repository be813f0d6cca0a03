#include "store/refold.h"

#include <algorithm>
#include <utility>

#include "store/index_keys.h"

namespace emstore::store {
namespace {

constexpr std::size_t kPendingChangesMax = 20'000;
constexpr std::size_t kPendingBytesMax = 16u << 20;
constexpr std::size_t kCacheBytes = 64u << 20;

std::shared_ptr<const Schema> without_indexes(Schema schema) {
  schema.indexes.clear();
  return std::make_shared<const Schema>(std::move(schema));
}

}  // namespace

Status fold(const Schema& schema, const Event& event, const FoldPlace& place, Overlay& rows) {
  EMSTORE_TRY(const Facts facts, read_facts(rows, event));
  EMSTORE_TRY(RowChanges changes, rows_of(schema, facts, event, place));
  for (RowChange& change : changes) rows.apply(std::move(change));
  return {};
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
    return side(family).get(family, key);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    return side(family).scan(family, range, direction, visit);
  }

 private:
  const Reader& side(Family family) const { return is_index(family) ? rows_ : log_; }
  const Reader& log_;
  const Reader& rows_;
};

Refold::Refold(const Reader& log, const Reader& rows, Write write)
    : base_(std::make_unique<Split>(log, rows)),
      rows_(rows),
      write_(std::move(write)),
      cache_(kCacheBytes),
      cached_(*base_, cache_),
      pending_(cached_),
      schema_(std::make_shared<const Schema>(initial_schema())),
      folding_(without_indexes(*schema_)) {}

Refold::~Refold() = default;

Status Refold::add(const LoggedCommit& logged) {
  const CommitInfo& info = logged.commit.info;
  if (info.sequence != last_ + 1) {
    return failure(ErrorCode::corrupt_log,
                   "commit " + std::to_string(info.sequence) + " follows " + std::to_string(last_));
  }
  FoldPlace place{{info.sequence, 0}, info.time, info.peer.uid};
  for (const Event& event : logged.commit.events) {
    EMSTORE_CHECKED(fold(*folding_, event, place, pending_));
    if (std::holds_alternative<SchemaApplied>(event)) {
      EMSTORE_TRY(schema_, schema_after(event, info.sequence, schema_));
      folding_ = without_indexes(*schema_);
    }
    ++place.event.index;
  }
  tree_.append(logged.leaf);
  last_ = info.sequence;
  events_ += logged.commit.events.size();
  const bool full =
      pending_.change_count() >= kPendingChangesMax || pending_.bytes() >= kPendingBytesMax;
  return full ? flush() : Status{};
}

Status Refold::flush() {
  RowChanges changes = pending_.take_changes();
  RowChanges tree = tree_.take_changes();
  std::move(tree.begin(), tree.end(), std::back_inserter(changes));
  EMSTORE_CHECKED(write_(changes));
  cache_.take(changes);
  return {};
}

Status Refold::finish(const std::function<bool(IndexId)>& is_ready) {
  EMSTORE_CHECKED(flush());
  for (const Index& index : schema_->indexes) {
    if (!is_ready(index.id)) continue;
    RowChanges keys;
    Status status;
    EMSTORE_CHECKED(each_index_key(
        rows_, *schema_, index, {}, [&](std::string_view, std::optional<std::string> key) {
          if (key) keys.push_back({Family::values, *std::move(key), std::string()});
          if (keys.size() < kPendingChangesMax) return true;
          status = write_(keys);
          keys.clear();
          return status.has_value();
        }));
    EMSTORE_CHECKED(status);
    EMSTORE_CHECKED(write_(keys));
  }
  return {};
}

}  // namespace emstore::store
