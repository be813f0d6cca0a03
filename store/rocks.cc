#include "store/rocks.h"

#include <utility>

#include "base/check.h"
#include "store/rocks_engine.h"
#include "store/rocks_opening.h"

namespace emstore::store {
namespace {

class RocksSnapshot final : public Snapshot {
 public:
  explicit RocksSnapshot(const Engine& engine)
      : engine_(engine), snapshot_(engine.db->GetSnapshot()) {
    ++engine_.snapshots;
  }
  ~RocksSnapshot() override {
    engine_.db->ReleaseSnapshot(snapshot_);
    --engine_.snapshots;
  }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    return get_row(engine_.live_rows(family, snapshot_), key);
  }
  Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const override {
    return get_rows(engine_.live_rows(family, snapshot_), keys);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    return scan_rows(engine_.live_rows(family, snapshot_), range, direction, visit);
  }

 private:
  const Engine& engine_;
  const rocksdb::Snapshot* snapshot_;
};

class RocksGeneration final : public Generation {
 public:
  RocksGeneration(Engine& engine, std::uint64_t number, ColumnFamilies rows)
      : engine_(engine), number_(number), rows_(std::move(rows)) {
    ++engine_.generations;
  }
  ~RocksGeneration() override { --engine_.generations; }
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
  Status write(std::span<const RowChange> changes) override {
    // adopt() flushes the rows before it names them; until then a log of them would be in vain.
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return engine_.write(changes, rows_, options);
  }

  const Engine& engine() const { return engine_; }
  std::uint64_t number() const { return number_; }
  ColumnFamilies& rows() { return rows_; }

 private:
  // Primary rows are not derived: the generation sees the live ones.
  RowSource source(Family family) const {
    if (!is_index(family)) return engine_.live_rows(family);
    return {*engine_.db, *rows_[slot(family)], family};
  }

  Engine& engine_;
  std::uint64_t number_;
  ColumnFamilies rows_;  // None for primary families.
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

std::unique_ptr<Snapshot> Database::snapshot() const {
  return std::make_unique<RocksSnapshot>(state_->engine);
}

Status Database::write(std::span<const RowChange> changes, Durability durability) {
  return state_->engine.write(changes, state_->engine.live, write_options(durability));
}

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

Status Database::adopt(std::unique_ptr<Generation> generation, std::span<const Family> families) {
  Engine& engine = state_->engine;
  auto& built = static_cast<RocksGeneration&>(*generation);
  EMSTORE_CHECK(&built.engine() == &engine && engine.snapshots == 0);
  if (engine.fail_stop->is_tripped()) return failure(engine.stopped());

  std::vector<rocksdb::ColumnFamilyHandle*> flushed;
  RowChanges rows;
  for (const Family family : families) {
    EMSTORE_CHECK(is_index(family));
    flushed.push_back(built.rows()[slot(family)].get());
    rows.push_back(family_row(family, built.number()));
  }
  const auto status = engine.db->Flush(rocksdb::FlushOptions(), flushed);
  if (!status.ok()) return failure(engine.stop(status, "flushing a rebuilt generation"));
  EMSTORE_CHECKED(engine.write(rows, engine.live, write_options(Durability::synced)));

  // From here on the new rows are the live ones, also after a crash.
  std::vector<ColumnFamily> dropped;
  for (const Family family : families) {
    std::swap(engine.live[slot(family)], built.rows()[slot(family)]);
    dropped.push_back(std::move(engine.replaced[slot(family)]));
    std::erase(state_->outdated, family);
  }
  for (ColumnFamily& column_family : built.rows()) dropped.push_back(std::move(column_family));
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

Status Database::check_files() const {
  const auto status = state_->engine.db->VerifyFileChecksums(rocksdb::ReadOptions());
  if (status.ok()) return {};
  return failure(to_error(status, "checking the files of the database", ErrorCode::corrupt_log));
}

Database::FamilySize Database::size(Family family) const {
  const Engine& engine = state_->engine;
  rocksdb::ColumnFamilyHandle* column_family = engine.live[slot(family)].get();
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
