#include "store/rocks.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/rocks_engine.h"
#include "store/rocks_ingest.h"
#include "store/rocks_mending.h"
#include "store/rocks_opening.h"
#include "store/rocks_small_tables.h"
#include "store/rocks_tables.h"

namespace emstore::store {
namespace {

// What it takes to merge the tables of a family that lie over each other, when they are so many and
// nobody is at it. Else 0.
std::uint64_t waiting_bytes(const Engine& engine, Family family, std::size_t many) {
  const ColumnFamily rows = engine.live_family(family);
  std::string tables;
  engine.db->GetProperty(rows.get(), rocksdb::DB::Properties::kNumFilesAtLevelPrefix + "0",
                         &tables);
  if (std::strtoull(tables.c_str(), nullptr, 10) < many) return 0;
  rocksdb::ColumnFamilyMetaData all;
  engine.db->GetColumnFamilyMetaData(rows.get(), &all);
  const std::vector<rocksdb::SstFileMetaData>& waiting = all.levels[0].files;
  if (std::ranges::any_of(waiting, &rocksdb::SstFileMetaData::being_compacted)) return 0;
  return all.levels[0].size + all.levels[1].size;
}

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(const Engine& engine) : engine_(engine), moment_(engine.moment()) {
    ++engine_.snapshots;
  }
  ~RocksSnapshot() override {
    for (auto& scanner : idle_) delete scanner.load();
    engine_.db->ReleaseSnapshot(moment_.snapshot);
    moment_.families = {};
    --engine_.snapshots;
  }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    return get_row(source(family), key);
  }
  Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const override {
    return get_rows(source(family), keys);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    if (range.until.empty()) return scan_rows(source(family), range, direction, visit);
    std::atomic<RowScanner*>& idle = idle_[slot(family)];
    std::unique_ptr<RowScanner> scanner(idle.exchange(nullptr));
    if (!scanner) scanner = std::make_unique<RowScanner>(source(family));
    Status scanned = scanner->scan(range, direction, visit);
    if (scanned) scanner.reset(idle.exchange(scanner.release()));
    return scanned;
  }

 private:
  RowSource source(Family family) const {
    return {*engine_.db, *moment_.families[slot(family)], family, moment_.snapshot};
  }

  const Engine& engine_;
  Engine::Moment moment_;
  mutable std::array<std::atomic<RowScanner*>, kFamilyCount>
      idle_{};  // For the next scan; or null.
};

class RocksGeneration final : public Generation {
 public:
  RocksGeneration(Engine& engine, std::uint64_t number, ColumnFamilies rows)
      : engine_(engine), number_(number), rows_(std::move(rows)) {
    for (const FamilyInfo& family : kFamilies) {
      if (!is_index(family.family))
        primary_[slot(family.family)] = engine.live_family(family.family);
    }
    ++engine_.generations;
  }
  // What is left of it goes. A drop that fails is made up for at the next opening.
  ~RocksGeneration() override {
    if (!engine_.fail_stop->is_tripped()) static_cast<void>(engine_.drop(take_rows()));
    rows_ = {};
    primary_ = {};
    --engine_.generations;
  }
  RocksGeneration(const RocksGeneration&) = delete;
  RocksGeneration& operator=(const RocksGeneration&) = delete;

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    return get_row(source(family), key);
  }
  Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const override {
    return get_rows(source(family), keys);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    return scan_rows(source(family), range, direction, visit);
  }
  Status ingest(const RowTable& changes) override {
    return ingest_rows(engine_, rows_, std::exchange(is_empty_, false), changes);
  }

  const Engine& engine() const { return engine_; }
  std::uint64_t number() const { return number_; }
  ColumnFamilies& rows() { return rows_; }

 private:
  // Primary rows are not derived: the generation sees the live ones.
  RowSource source(Family family) const {
    return {*engine_.db, *(is_index(family) ? rows_ : primary_)[slot(family)], family};
  }
  std::vector<ColumnFamily> take_rows() {
    std::vector<ColumnFamily> taken;
    for (ColumnFamily& family : rows_) {
      if (family) taken.push_back(std::move(family));
    }
    return taken;
  }

  Engine& engine_;
  std::uint64_t number_;
  ColumnFamilies rows_;     // None for primary families.
  ColumnFamilies primary_;  // Those, and no others.
  bool is_empty_ = true;
};

}  // namespace

struct Database::State {
  State(const std::filesystem::path& path, const DatabaseOptions& options)
      : engine(path, options) {}

  Engine engine;
  std::vector<Family> outdated;
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}

Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path,
                                                 const DatabaseOptions& options) {
  auto state = std::make_unique<State>(path, options);
  EMSTORE_TRY(state->outdated, open_database(state->engine, options));
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

Result<Database::Mending> Database::drop_damaged_indexes(const std::filesystem::path& path,
                                                         const DatabaseOptions& options) {
  return drop_damaged_families(path, options);
}

std::unique_ptr<Snapshot> Database::snapshot() const {
  return std::make_unique<RocksSnapshot>(state_->engine);
}

Status Database::write(std::span<const RowChange> changes, Durability durability) {
  return state_->engine.write(changes, state_->engine.live, write_options(durability));
}

Status Database::write(const Overlay& rows, Durability durability) {
  return state_->engine.write(rows, state_->engine.live, write_options(durability));
}

bool Database::takes_writes() const { return !state_->engine.fail_stop->is_tripped(); }

const std::vector<Family>& Database::outdated() const { return state_->outdated; }

Result<std::unique_ptr<Generation>> Database::begin_generation() {
  Engine& engine = state_->engine;
  if (engine.fail_stop->is_tripped()) return failure(engine.stopped());
  const std::uint64_t number = engine.next_generation++;
  std::vector<FamilyName> names;
  for (const FamilyInfo& family : kFamilies) {
    if (is_index(family.family)) names.push_back({family.family, number});
  }
  EMSTORE_TRY(auto created, engine.create(names));
  ColumnFamilies rows;
  for (std::size_t i = 0; i < names.size(); ++i) {
    rows[slot(names[i].family)] = std::move(created[i]);
  }
  return std::make_unique<RocksGeneration>(engine, number, std::move(rows));
}

Status Database::adopt(std::unique_ptr<Generation> generation, std::span<const Family> families,
                       RowChanges changes) {
  Engine& engine = state_->engine;
  auto& built = static_cast<RocksGeneration&>(*generation);
  EMSTORE_CHECK(&built.engine() == &engine);
  if (engine.fail_stop->is_tripped()) return failure(engine.stopped());

  ColumnFamilies adopted;
  for (const Family family : families) {
    EMSTORE_CHECK(is_index(family));
    adopted[slot(family)] = std::move(built.rows()[slot(family)]);
    changes.push_back(family_row(family, built.number()));
  }
  // What the generation holds is durable since it was taken in.
  EMSTORE_CHECKED(engine.write(changes, engine.live, write_options(Durability::synced)));

  // From here on the new rows are the live ones, also after a crash.
  engine.exchange_live(adopted);
  std::vector<ColumnFamily> dropped;
  for (const Family family : families) {
    dropped.push_back(std::move(adopted[slot(family)]));
    dropped.push_back(std::move(engine.replaced[slot(family)]));
    std::erase(state_->outdated, family);
  }
  std::erase(dropped, nullptr);
  return engine.drop(std::move(dropped));
}

Status Database::forget_indexes() {
  RowChanges rows;
  for (const FamilyInfo& family : kFamilies) {
    if (is_index(family.family)) {
      rows.push_back({Family::meta, family_row_key(family.family), std::nullopt});
    }
  }
  return write(rows, Durability::synced);
}

Result<std::vector<DamagedTable>> Database::check_files() const {
  rocksdb::DB& db = *state_->engine.db;
  const KeptTables kept(db);
  if (kept.status().ok()) return damaged_tables(db);
  return failure(to_error(kept.status(), "keeping tables to read", ErrorCode::corrupt_log));
}

Status Database::write_out() const {
  const Engine& engine = state_->engine;
  std::vector<ColumnFamily> families;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const FamilyInfo& info : kFamilies) {
    families.push_back(engine.live_family(info.family));
    handles.push_back(families.back().get());
  }
  const rocksdb::Status done = engine.db->Flush(without_waiting_for_merges(), handles);
  if (done.ok()) return {};
  return failure(to_error(done, "writing rows to tables", ErrorCode::corrupt_log));
}

std::uint64_t Database::table_bytes(Family family) const {
  const Engine& engine = state_->engine;
  std::uint64_t bytes = 0;
  engine.db->GetIntProperty(engine.live_family(family).get(),
                            rocksdb::DB::Properties::kLiveSstFilesSize, &bytes);
  return bytes;
}

// Where it does not fit by what it reads, nothing else may take the room that it is granted; else
// the small steps of every day go on.
Status Database::compact(Family family, std::uint64_t left, std::atomic<bool>& is_cancelled) const {
  const Engine& engine = state_->engine;
  const std::uint64_t read = table_bytes(family);
  std::optional<Headroom::Grant> grant;
  if (read > engine.headroom->look()) grant.emplace(*engine.headroom, read, left);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = grant.has_value();
  options.canceled = &is_cancelled;
  const rocksdb::Status done =
      engine.db->CompactRange(options, engine.live_family(family).get(), nullptr, nullptr);
  if (done.ok()) return {};
  if (done.IsIncomplete()) return failure(ErrorCode::cancelled, "the compaction was cancelled");
  return failure(to_error(done, "compacting", corruption_of(family)));
}

void Database::look_at_disk() const { state_->engine.headroom->look(); }

Status Database::check_headroom(std::size_t tables_waiting) const {
  const Engine& engine = state_->engine;
  const std::uint64_t room = engine.headroom->look();
  for (const FamilyInfo& info : kFamilies) {
    const std::uint64_t needed = waiting_bytes(engine, info.family, tables_waiting);
    if (needed <= room) continue;
    return failure(ErrorCode::disk_full, "tables of " + std::string(info.name) +
                                             " wait to be merged, for which the disk of " +
                                             engine.path.string() + " has " + std::to_string(room) +
                                             " bytes and " + std::to_string(needed) +
                                             " are needed, beside what is kept free");
  }
  return {};
}

std::uint64_t Database::merging_bytes() const { return state_->engine.headroom->promised(); }

bool Database::merge_small_tables() { return store::merge_small_tables(state_->engine); }

Database::FamilySize Database::size(Family family) const {
  const Engine& engine = state_->engine;
  const ColumnFamily rows = engine.live_family(family);
  rocksdb::ColumnFamilyHandle* column_family = rows.get();
  FamilySize size;
  engine.db->GetIntProperty(column_family, rocksdb::DB::Properties::kEstimateNumKeys, &size.rows);
  engine.db->GetIntProperty(column_family, rocksdb::DB::Properties::kEstimateLiveDataSize,
                            &size.bytes);
  // Beyond every key that emstore writes.
  const std::string last(64, '\xff');
  std::uint64_t pending_rows = 0;
  std::uint64_t pending_bytes = 0;
  engine.db->GetApproximateMemTableStats(column_family, {rocksdb::Slice(), rocksdb::Slice(last)},
                                         &pending_rows, &pending_bytes);
  size.bytes += pending_bytes;
  return size;
}

}  // namespace emstore::store
