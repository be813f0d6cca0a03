#include "store/rocks_ingest.h"

#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <utility>

#include "base/check.h"

namespace emstore::store {
namespace {

// A family's table, once it is written; `path` is empty when the family has no rows.
struct Table {
  Family family{};
  std::string path;
  std::string checksum, checksum_name;
  rocksdb::Status status;
};

rocksdb::Status add_rows(rocksdb::SstFileWriter& writer,
                         const std::vector<const RowTable::Row*>& rows, bool is_empty) {
  for (const RowTable::Row* row : rows) {
    if (!row->second && is_empty) continue;
    rocksdb::Status status =
        row->second ? writer.Put(row->first, *row->second) : writer.Delete(row->first);
    if (!status.ok()) return status;
  }
  return {};
}

class Ingestion {
 public:
  Ingestion(Engine& engine, const ColumnFamilies& families, bool is_empty, const RowTable& rows)
      : engine_(engine), families_(families), is_empty_(is_empty), rows_(rows) {}

  Status run() {
    // A name that was taken in before may still lead to a live table: none is written to twice.
    EMSTORE_CHECKED(clear_ingest_folder(engine_));
    const std::string folder = ingest_folder(engine_.path).string();
    const rocksdb::Status made = engine_.db->GetEnv()->CreateDirIfMissing(folder);
    if (!made.ok()) return failure(to_error(made, "making " + folder, ErrorCode::io_failed));
    for (const FamilyInfo& family : kFamilies) {
      if (families_[slot(family.family)])
        tables_.push_back({family.family, folder + "/" + std::string(family.name), {}, {}, {}});
    }
    write_tables();
    for (const Table& table : tables_) {
      if (table.status.ok()) continue;
      // The database knows nothing of these files: what cannot be written here is no harm to it.
      static_cast<void>(clear_ingest_folder(engine_));
      return failure(to_error(table.status, "writing a table of a rebuild", ErrorCode::io_failed));
    }
    const rocksdb::Status taken = take_in();
    if (!taken.ok()) return failure(engine_.stop(taken, "taking in the tables of a rebuild"));
    return {};
  }

 private:
  // Each thread takes the next family that nobody has taken.
  void write_tables() {
    const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::future<void>> others;
    for (unsigned other = 1; other < cores; ++other) {
      others.push_back(
          std::async(std::launch::async | std::launch::deferred, [this] { write_next_tables(); }));
    }
    write_next_tables();
    for (std::future<void>& other : others) other.get();
  }

  void write_next_tables() {
    for (std::size_t next = next_++; next < tables_.size(); next = next_++) {
      tables_[next].status = write(tables_[next]);
    }
  }

  rocksdb::Status write(Table& table) const {
    const auto& rows = rows_.in_order(table.family);
    const bool has_rows = std::any_of(rows.begin(), rows.end(), [this](const RowTable::Row* row) {
      return bool{row->second} || !is_empty_;
    });
    if (!has_rows) {
      table.path.clear();
      return {};
    }
    rocksdb::ColumnFamilyHandle* family = families_[slot(table.family)].get();
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), engine_.db->GetOptions(family), family);
    rocksdb::Status status = writer.Open(table.path);
    if (status.ok()) status = add_rows(writer, rows, is_empty_);
    rocksdb::ExternalSstFileInfo written;
    if (status.ok()) status = writer.Finish(&written);
    table.checksum = written.file_checksum;
    table.checksum_name = written.file_checksum_func_name;
    return status;
  }

  rocksdb::Status take_in() const {
    std::vector<rocksdb::IngestExternalFileArg> arguments;
    for (const Table& table : tables_) {
      if (table.path.empty()) continue;
      rocksdb::IngestExternalFileArg argument;
      argument.column_family = families_[slot(table.family)].get();
      argument.external_files = {table.path};
      argument.options.move_files = true;
      argument.options.write_global_seqno = false;  // The file stays what its checksum says.
      // Its checksum is of the bytes as they were written; to read all of them again right behind
      // that would ask the page cache, not the disk.
      argument.options.verify_file_checksum = false;
      argument.files_checksums = {table.checksum};
      argument.files_checksum_func_names = {table.checksum_name};
      arguments.push_back(std::move(argument));
    }
    return arguments.empty() ? rocksdb::Status() : engine_.db->IngestExternalFiles(arguments);
  }

  Engine& engine_;
  const ColumnFamilies& families_;
  const bool is_empty_;
  const RowTable& rows_;
  std::vector<Table> tables_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace

std::filesystem::path ingest_folder(const std::filesystem::path& database) {
  return database / "ingest";
}

Status ingest_rows(Engine& engine, const ColumnFamilies& families, bool is_empty,
                   const RowTable& rows) {
  if (engine.fail_stop->is_tripped()) return failure(engine.stopped());
  return Ingestion(engine, families, is_empty, rows).run();
}

Status clear_ingest_folder(Engine& engine) {
  const std::filesystem::path folder = ingest_folder(engine.path);
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (!error) return {};
  return failure(ErrorCode::io_failed, "cannot remove " + folder.string() + ": " + error.message());
}

}  // namespace emstore::store
