// The only door to RocksDB: options, families as column families, rocksdb::Status → Error. Why each
// option has its value stands in rocks_options.cc and docs/architecture.md.
//
// Threads: const members from any thread, the others from one at a time. A generation may be filled
// on another thread than the database is written on.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/reader.h"

namespace emstore::store {

// Of a write that was under way when the power or the process went: the end of a file, behind what
// holds.
struct TornEnd {
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

// A table file that is not what was written, cannot be read, or is gone.
struct DamagedTable {
  std::filesystem::path file;
  Family family{};
  Error error;  // corrupt_log, corrupt_index or corrupt_blob, by the family; io_failed.
};

struct DatabaseOptions {
  std::size_t memtable_bytes = 64u << 20;
  std::size_t cache_bytes = 512u << 20;
  // Tables are merged in the background, which takes as much room again for a while.
  bool merges_tables = true;
  // A merge that might leave less on the disk waits (rocks_headroom.h); 0: none does.
  std::uint64_t free_bytes_min = 0;
  // What RocksDB wants to log: one line each, no file is written. May be called from any thread.
  std::function<void(std::string_view line)> log = {};
  // Told once when RocksDB reports a background error: from then on every write fails.
  std::function<void(const Error&)> on_background_error = {};
  // The key of the last row of Family::log that is known to be on disk, empty when none is yet: an
  // end that a power cut tore is dropped only when that row is there without it. Nothing when it is
  // not known: only when no row is there.
  std::optional<std::string> acknowledged = {};
  // Told of such an end when it was dropped.
  std::function<void(const TornEnd&)> on_torn_end = {};
  // Told of each damaged table of an index, before the index is dropped to be made of the log
  // again.
  std::function<void(const DamagedTable&)> on_damaged_index = {};
  // For tests of lost writes only: a rocksdb::FileSystem in place of the real one (type-erased
  // here, so that no RocksDB type reaches beyond this file).
  std::shared_ptr<void> file_system = {};
};

enum class Durability : bool {
  memory,  // Handed to the kernel: survives the end of the process, not of the machine.
  synced,  // On disk when write() returns.
};

// The rows as of one moment. Alive, it keeps them readable, and what it has been asked for on disk
// and in memory; destroy it before the database.
class Snapshot : public Reader {};

class Overlay;
class RowTable;
// New column families beside the live ones, which stay readable while a rebuild writes here.
class Generation;

class Database {
 public:
  // Opens the database below `path`, which nobody else opens meanwhile, creating it where it is
  // absent. Verifies that the manifest is whole, and that every write-ahead log named in it is
  // there and whole, but for writes that were under way when the power or the process went: those
  // are dropped (rocks_torn.h). Errors: locked, corrupt_log, unsupported_format, disk_full,
  // io_failed.
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& path,
                                                const DatabaseOptions& options);
  // For a database that cannot be opened, or not be read: holds every table against its checksum,
  // and where all that are damaged belong to indexes, drops these indexes, so that the next opening
  // has them outdated. Where something else is damaged as well, nothing changes. Errors: as open().
  struct Mending {
    std::vector<DamagedTable> damaged;
    bool is_done = false;  // Some were, and are dropped.
  };
  static Result<Mending> drop_damaged_indexes(const std::filesystem::path& path,
                                              const DatabaseOptions& options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  std::unique_ptr<Snapshot> snapshot() const;
  // All rows or none. After an error the outcome is unknown and the database takes no further
  // write. Errors: outcome_unknown.
  Status write(std::span<const RowChange> changes, Durability durability);
  // The same of what an overlay changes.
  Status write(const Overlay& rows, Durability durability);
  // Whether no write has failed so far, in the background neither.
  bool takes_writes() const;

  // Index families whose rows are absent or were written by another index_version. Empty after a
  // creation: nothing has been folded, nothing is missing.
  const std::vector<Family>& outdated() const;

  // Starts an empty generation of every index family. It is a reader and a writer of its own; of
  // primary families it sees the live rows. Destroy it before the database; what is not adopted is
  // dropped with it, or at the next opening.
  Result<std::unique_ptr<Generation>> begin_generation();
  // Puts the generation's rows of `families` in place of the live ones, durably and at once, in one
  // batch with `changes`; drops the replaced rows and what else the generation holds. Snapshots go
  // on showing the rows that were live when they were made. Errors: outcome_unknown, and from then
  // on.
  Status adopt(std::unique_ptr<Generation> generation, std::span<const Family> families,
               RowChanges changes = {});

  // Forgets which rows the index families have: at the next opening all of them are outdated.
  Status forget_indexes();

  // Looks how much the disk has, so that merges of tables wait for room, or go on that waited: to
  // be called now and then. Any thread.
  void look_at_disk() const;
  // Errors: disk_full when so many tables of a family lie over each other and wait for room to be
  // merged. RocksDB slows writes down at 20 of them and at 36 lets them wait, too. Any thread.
  Status check_headroom(std::size_t tables_waiting) const;
  // What the merges of tables that are under way may still write. Any thread.
  std::uint64_t merging_bytes() const;

  // Makes one table of a row of small ones; false: there is no such row (rocks_small_tables.h).
  bool merge_small_tables();

  // Writes the rows that are in memory only to tables, which needs as much room as they take.
  // Errors: disk_full, io_failed, and the database takes no writes any more.
  Status write_out() const;
  // What the tables of a family take on the disk, deleted rows and all.
  std::uint64_t table_bytes(Family family) const;
  // Gives the disk back what deleted rows of a family take: writes its tables anew without them,
  // which needs room for what is left in them meanwhile: at most `left` bytes, and whoever calls
  // has looked whether they fit. What a snapshot shows stays. One thread at a time, but not beside
  // a rebuild; ends early when `is_cancelled` becomes true. Errors: cancelled; disk_full when other
  // merges have taken the room; disk_full and io_failed, and the database takes no writes any more.
  Status compact(Family family, std::uint64_t left, std::atomic<bool>& is_cancelled) const;

  // Reads every table file whole and holds it against the checksum that it was written with: all
  // that are damaged. Any thread. Errors: io_failed.
  Result<std::vector<DamagedTable>> check_files() const;

  // Figures for `status`: approximate count of rows and bytes of a family.
  struct FamilySize {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
  };
  FamilySize size(Family family) const;

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Generation : public Reader {
 public:
  // Takes over all rows of a table, over those it has: sorted, written as one file for each family,
  // and put into place all at once; several threads share that work. Durable, but nothing until the
  // generation is adopted. Errors: disk_full and io_failed, after which the generation is as
  // before; outcome_unknown, and from then on.
  virtual Status ingest(const RowTable& changes) = 0;
};

}  // namespace emstore::store
