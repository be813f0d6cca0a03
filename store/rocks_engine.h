// The open database behind Database, its snapshots and its generations. For rocks*.cc only.
// Threads: as rocks.h says; reading from any thread, everything else from one at a time.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/overlay.h"
#include "store/reader.h"
#include "store/rocks.h"
#include "store/rocks_headroom.h"
#include "store/rocks_options.h"

namespace emstore::store {

// Shared by all that read it: a family that is dropped stays readable for them.
using ColumnFamily = std::shared_ptr<rocksdb::ColumnFamilyHandle>;
using ColumnFamilies = std::array<ColumnFamily, kFamilyCount>;

// The name of a column family: "log" for a primary family, "records.3" for an index.
struct FamilyName {
  Family family;
  std::uint64_t generation = 0;  // 0 for primary families: they have one only.
};
std::string to_string(const FamilyName& name);
std::optional<FamilyName> family_name_of(std::string_view text);

// Which generation of a family is live, and what shape its rows have: a row of Family::meta.
struct FamilyRow {
  std::uint64_t generation = 0;
  std::uint64_t index_version = 0;
};
std::string family_row_key(Family family);
RowChange family_row(Family family, std::uint64_t generation);
// Nothing when the bytes have another shape.
std::optional<FamilyRow> family_row_of(std::string_view bytes);

// What a read goes to: one column family, as of a snapshot or as of now.
struct RowSource {
  rocksdb::DB& db;
  rocksdb::ColumnFamilyHandle& column_family;
  Family family;
  const rocksdb::Snapshot* snapshot = nullptr;
};
Result<std::optional<std::string>> get_row(const RowSource& source, std::string_view key);
Result<std::vector<std::optional<std::string>>> get_rows(const RowSource& source,
                                                         std::span<const std::string> keys);
Status scan_rows(const RowSource& source, const KeyRange& range, Direction direction,
                 const Reader::Visit& visit);

// Scans one range after the other with the same iterator: to make one costs as much as to read some
// rows. What the source is read as of stays on disk and in memory as long as it is there.
class RowScanner {
 public:
  explicit RowScanner(const RowSource& source);
  RowScanner(const RowScanner&) = delete;
  RowScanner& operator=(const RowScanner&) = delete;

  // Of a range that has an end. After an error it is of no further use.
  Status scan(const KeyRange& range, Direction direction, const Reader::Visit& visit);

 private:
  RowSource source_;
  rocksdb::Slice lower_, upper_;  // RocksDB looks at them anew at each seek.
  std::unique_ptr<rocksdb::Iterator> row_;
};

rocksdb::WriteOptions write_options(Durability durability);
// A flush that adds a table to however many there are: a merge for which there is no room would
// hold it up for good.
rocksdb::FlushOptions without_waiting_for_merges();
// A flush that adds a table to however many there are: a merge for which there is no room would
// hold it up for good.
rocksdb::FlushOptions without_waiting_for_merges();

struct Engine {
  Engine(const std::filesystem::path& path, const DatabaseOptions& options);
  ~Engine();

  // A moment and the rows that are live then: neither without the other, for a rebuild may put
  // other rows in place between the two.
  struct Moment {
    ColumnFamilies families;
    const rocksdb::Snapshot* snapshot = nullptr;  // To be released.
  };
  Moment moment() const;
  ColumnFamily live_family(Family family) const;
  // The one who writes alone: puts the families that are there in place of the live ones, and those
  // where they were.
  void exchange_live(ColumnFamilies& families);
  // All changes or none, into the given column families. Errors: outcome_unknown, and from then on.
  Status write(std::span<const RowChange> changes, const ColumnFamilies& families,
               const rocksdb::WriteOptions& options);
  Status write(const Overlay& rows, const ColumnFamilies& families,
               const rocksdb::WriteOptions& options);
  Result<std::vector<ColumnFamily>> create(std::span<const FamilyName> names);
  // Never of a primary family.
  Status drop(std::vector<ColumnFamily> dropped);

  // The error that answers every write after the first that failed.
  Error stopped() const;
  Error stop(const rocksdb::Status& status, std::string_view doing);

  using AddRow =
      std::function<void(Family, const std::string& key, const std::optional<std::string>& value)>;
  struct BatchSize {
    std::size_t rows = 0;
    std::size_t bytes = 0;  // Of their keys and values.
  };
  Status write_batch(const BatchSize& size, const std::function<void(const AddRow& add)>& add_all,
                     const ColumnFamilies& families, const rocksdb::WriteOptions& options);

  std::filesystem::path path;
  std::shared_ptr<LineLogger> logger;
  std::shared_ptr<FailStop> fail_stop;
  FamilyOptions family_options;
  std::unique_ptr<rocksdb::Env> env;
  std::shared_ptr<Headroom> headroom;
  std::unique_ptr<rocksdb::DB> db;  // Null until it is open.
  mutable std::mutex live_mutex;    // Of what is live, once it is open: see exchange_live().
  ColumnFamilies live;
  ColumnFamilies replaced;  // Rows of another index_version, where there are any: until a rebuild.
  std::uint64_t next_generation = 1;
  mutable std::atomic<int> snapshots = 0;  // Alive; each needs the column families.
  std::atomic<int> generations = 0;
};

}  // namespace emstore::store
