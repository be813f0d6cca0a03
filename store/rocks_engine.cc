#include "store/rocks_engine.h"

#include <rocksdb/iterator.h>
#include <rocksdb/perf_level.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/pack.h"

namespace emstore::store {
namespace {

// A checksum beside each row between here and its table: it finds bytes that memory has changed.
constexpr std::size_t kProtectionBytes = 8;
// Closing flushes when more than this is in memory, so that the next start has little to replay.
constexpr std::uint64_t kReplayBytesMax = 4u << 20;

// RocksDB keeps count of every key that it compares, for each thread, unless the thread says no.
void count_nothing() { rocksdb::SetPerfLevel(rocksdb::PerfLevel::kDisable); }

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

Error read_error(const RowSource& source, const rocksdb::Status& status) {
  return to_error(status, "reading rows of family " + std::string(name_of(source.family)),
                  corruption_of(source.family));
}

rocksdb::ReadOptions read_options(const RowSource& source) {
  rocksdb::ReadOptions options;
  options.snapshot = source.snapshot;
  return options;
}

Result<FamilyRow> read_family_row(std::string_view bytes) {
  pack::Cursor cursor(bytes);
  EMSTORE_TRY(const std::size_t size, cursor.begin_list());
  EMSTORE_TRY(const std::uint64_t generation, cursor.unsigned_integer());
  EMSTORE_TRY(const std::uint64_t index_version, cursor.unsigned_integer());
  if (size != 2 || !cursor.at_end()) {
    return failure(ErrorCode::corrupt_index, "a family's row has another shape");
  }
  return FamilyRow{generation, index_version};
}

rocksdb::ReadOptions scan_options(const RowSource& source) {
  rocksdb::ReadOptions options = read_options(source);
  // Reading through the history would push the rows that queries need out of the cache.
  options.fill_cache = source.family != Family::log;
  return options;
}

// All rows within the bounds of the iterator.
Status walk(const RowSource& source, rocksdb::Iterator& row, Direction direction,
            const Reader::Visit& visit) {
  const auto visited = [&] { return visit(row.key().ToStringView(), row.value().ToStringView()); };
  switch (direction) {
    case Direction::forward:
      row.SeekToFirst();
      while (row.Valid() && visited()) row.Next();
      break;
    case Direction::backward:
      row.SeekToLast();
      while (row.Valid() && visited()) row.Prev();
      break;
  }
  // An iterator ends at a damaged block as if there were no more rows; only the status tells.
  if (!row.status().ok()) return failure(read_error(source, row.status()));
  return {};
}

}  // namespace

std::string to_string(const FamilyName& name) {
  const std::string text(name_of(name.family));
  return is_index(name.family) ? text + "." + std::to_string(name.generation) : text;
}

std::optional<FamilyName> family_name_of(std::string_view text) {
  const std::size_t dot = text.find('.');
  const auto known = std::find_if(kFamilies.begin(), kFamilies.end(), [&](const FamilyInfo& info) {
    return info.name == text.substr(0, dot);
  });
  if (known == kFamilies.end()) return std::nullopt;
  FamilyName name{known->family};
  if (dot != std::string_view::npos) {
    const std::string_view digits = text.substr(dot + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), name.generation);
  }
  if (text != to_string(name)) return std::nullopt;
  return name;
}

std::string family_row_key(Family family) { return "family/" + std::string(name_of(family)); }

RowChange family_row(Family family, std::uint64_t generation) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(generation);
  writer.unsigned_integer(info(family).index_version);
  return {Family::meta, family_row_key(family), std::move(bytes)};
}

std::optional<FamilyRow> family_row_of(std::string_view bytes) {
  const auto row = read_family_row(bytes);
  if (!row) return std::nullopt;
  return *row;
}

Result<std::optional<std::string>> get_row(const RowSource& source, std::string_view key) {
  count_nothing();
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      source.db.Get(read_options(source), &source.column_family, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return failure(read_error(source, status));
  return value.ToString();
}

Result<std::vector<std::optional<std::string>>> get_rows(const RowSource& source,
                                                         std::span<const std::string> keys) {
  count_nothing();
  std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> found(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  source.db.MultiGet(read_options(source), &source.column_family, slices.size(), slices.data(),
                     found.data(), statuses.data());
  std::vector<std::optional<std::string>> values(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) return failure(read_error(source, statuses[i]));
    values[i] = found[i].ToString();
  }
  return values;
}

Status scan_rows(const RowSource& source, const KeyRange& range, Direction direction,
                 const Reader::Visit& visit) {
  if (!range.until.empty()) return RowScanner(source).scan(range, direction, visit);
  count_nothing();
  const rocksdb::Slice lower = range.from;
  rocksdb::ReadOptions options = scan_options(source);
  options.iterate_lower_bound = &lower;
  const std::unique_ptr<rocksdb::Iterator> row(
      source.db.NewIterator(options, &source.column_family));
  return walk(source, *row, direction, visit);
}

RowScanner::RowScanner(const RowSource& source) : source_(source) {
  rocksdb::ReadOptions options = scan_options(source);
  options.iterate_lower_bound = &lower_;
  options.iterate_upper_bound = &upper_;
  row_.reset(source.db.NewIterator(options, &source.column_family));
}

Status RowScanner::scan(const KeyRange& range, Direction direction, const Reader::Visit& visit) {
  if (range.until <= range.from) return {};
  count_nothing();
  lower_ = range.from;
  upper_ = range.until;
  return walk(source_, *row_, direction, visit);
}

rocksdb::WriteOptions write_options(Durability durability) {
  rocksdb::WriteOptions options;
  options.sync = durability == Durability::synced;
  return options;
}

rocksdb::FlushOptions without_waiting_for_merges() {
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  return options;
}

Engine::Engine(const std::filesystem::path& where, const DatabaseOptions& options)
    : path(where),
      logger(std::make_shared<LineLogger>(where, options.log)),
      fail_stop(std::make_shared<FailStop>(options.on_background_error)),
      family_options(options) {}

Engine::~Engine() {
  EMSTORE_CHECK(snapshots == 0 && generations == 0);
  if (!db) return;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const ColumnFamily& family : live) {
    if (family) handles.push_back(family.get());
  }
  std::uint64_t in_memory = 0;
  db->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &in_memory);
  if (!fail_stop->is_tripped() && in_memory > kReplayBytesMax) {
    // Nothing is lost when it fails: the rows are in the write-ahead log.
    db->Flush(without_waiting_for_merges(), handles).PermitUncheckedError();
  }
  live = {};
  replaced = {};
  db->Close().PermitUncheckedError();
}

Engine::Moment Engine::moment() const {
  const std::lock_guard lock(live_mutex);
  return {live, db->GetSnapshot()};
}

ColumnFamily Engine::live_family(Family family) const {
  const std::lock_guard lock(live_mutex);
  return live[slot(family)];
}

void Engine::exchange_live(ColumnFamilies& families) {
  const std::lock_guard lock(live_mutex);
  for (std::size_t family = 0; family < kFamilyCount; ++family) {
    if (families[family]) std::swap(live[family], families[family]);
  }
}

Error Engine::stopped() const {
  return {ErrorCode::outcome_unknown,
          "the database at " + path.string() +
              " takes no more writes; the first failure was: " + fail_stop->cause().message};
}

// A status that was no success: nothing is written after it.
Error Engine::stop(const rocksdb::Status& status, std::string_view doing) {
  fail_stop->trip(to_error(status, doing, ErrorCode::corrupt_log));
  return stopped();
}

Status Engine::write(std::span<const RowChange> changes, const ColumnFamilies& families,
                     const rocksdb::WriteOptions& options) {
  std::size_t bytes = 0;
  for (const RowChange& change : changes) {
    bytes += change.key.size() + (change.value ? change.value->size() : 0);
  }
  return write_batch(
      {changes.size(), bytes},
      [&](const AddRow& add) {
        for (const RowChange& change : changes) add(change.family, change.key, change.value);
      },
      families, options);
}

Status Engine::write(const Overlay& rows, const ColumnFamilies& families,
                     const rocksdb::WriteOptions& options) {
  return write_batch(
      {rows.change_count(), rows.bytes()},
      [&](const AddRow& add) {
        for (const FamilyInfo& family : kFamilies) {
          for (const auto& [key, value] : rows.changes(family.family)) {
            add(family.family, key, value);
          }
        }
      },
      families, options);
}

Status Engine::write_batch(const BatchSize& size,
                           const std::function<void(const AddRow& add)>& add_all,
                           const ColumnFamilies& families, const rocksdb::WriteOptions& options) {
  constexpr std::size_t kRowBytes = 16;  // Beside key and value.
  if (fail_stop->is_tripped()) return failure(stopped());
  if (size.rows == 0) return {};
  count_nothing();
  rocksdb::WriteBatch batch(size.bytes + size.rows * kRowBytes, /*max_bytes=*/0, kProtectionBytes,
                            /*default_cf_ts_sz=*/0);
  rocksdb::Status status;
  add_all([&](Family of, const std::string& key, const std::optional<std::string>& value) {
    rocksdb::ColumnFamilyHandle* family = families[slot(of)].get();
    EMSTORE_CHECK(family != nullptr);
    if (status.ok()) status = value ? batch.Put(family, key, *value) : batch.Delete(family, key);
  });
  if (!status.ok()) return failure(stop(status, "making a batch"));
  status = db->Write(options, &batch);
  if (!status.ok()) return failure(stop(status, "writing a batch"));
  return {};
}

Result<std::vector<ColumnFamily>> Engine::create(std::span<const FamilyName> names) {
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const FamilyName& name : names) {
    descriptors.emplace_back(to_string(name), family_options.of(name.family));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status status = db->CreateColumnFamilies(descriptors, &handles);
  std::vector<ColumnFamily> created(handles.begin(), handles.end());
  if (!status.ok()) return failure(stop(status, "creating column families"));
  return created;
}

Status Engine::drop(std::vector<ColumnFamily> dropped) {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const ColumnFamily& column_family : dropped) {
    const auto name = family_name_of(column_family->GetName());
    EMSTORE_CHECK(name && is_index(name->family));  // The log is never dropped.
    handles.push_back(column_family.get());
  }
  if (handles.empty()) return {};
  const rocksdb::Status status = db->DropColumnFamilies(handles);
  if (!status.ok()) return failure(stop(status, "dropping column families"));
  return {};
}

}  // namespace emstore::store
