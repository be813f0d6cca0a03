#include "store/rocks_opening.h"

#include <fcntl.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "store/rocks_ingest.h"
#include "store/rocks_manifest.h"
#include "store/rocks_room.h"
#include "store/rocks_shortened.h"
#include "store/rocks_torn.h"

namespace emstore::store {
namespace {

Status sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return failure(ErrorCode::io_failed, "cannot open the folder " + folder.string());
  }
  const int outcome = ::fsync(descriptor);
  ::close(descriptor);
  if (outcome == 0) return {};
  return failure(ErrorCode::io_failed, "cannot sync the folder " + folder.string());
}

Status make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::create_directories(folder, error)) {
    if (!error) return {};
    return failure(ErrorCode::io_failed,
                   "cannot create the folder " + folder.string() + ": " + error.message());
  }
  return sync_folder(std::filesystem::absolute(folder).parent_path());
}

// Whether a database is there. RocksDB would make an empty one when CURRENT alone is lost, beside
// the files of the old one.
Result<bool> find_database(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder / "CURRENT", error)) return true;
  std::filesystem::directory_iterator file(folder, error);
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    const std::string extension = file->path().extension();
    if (extension == ".log" || extension == ".sst") {
      return failure(ErrorCode::corrupt_log, "the database at " + folder.string() +
                                                 " has lost its file CURRENT, but has " +
                                                 file->path().filename().string());
    }
  }
  if (!error) return false;
  return failure(ErrorCode::io_failed,
                 "cannot list the folder " + folder.string() + ": " + error.message());
}

Result<bool> is_empty(const RowSource& rows) {
  bool is_empty = true;
  EMSTORE_CHECKED(scan_rows(rows, {}, Direction::forward,
                            [&](std::string_view, std::string_view) { return is_empty = false; }));
  return is_empty;
}

// From the files of a folder to an engine whose families are all there.
class Opening {
 public:
  Opening(Engine& engine, const DatabaseOptions& options)
      : engine_(engine), acknowledged_(options.acknowledged), on_torn_end_(options.on_torn_end) {
    options_ = database_options(options, engine.logger, engine.fail_stop);
    engine.env = env_of(options);
    options_.env = engine.env.get();
    engine.headroom =
        std::make_shared<Headroom>(*engine.env, engine.logger, engine.path, options.free_bytes_min);
    options_.sst_file_manager = engine.headroom->manager();
    options_.listeners.push_back(engine.headroom);
  }

  // The families that have to be rebuilt.
  Result<std::vector<Family>> run() {
    EMSTORE_CHECKED(make_folder(engine_.path));
    EMSTORE_TRY(const bool exists, find_database(engine_.path));
    if (exists) {
      EMSTORE_CHECKED(drop_torn_ends());
      EMSTORE_CHECKED(sync_newest_log(*options_.env->GetFileSystem(), engine_.path));
    }
    engine_.headroom->look();  // Merges begin as soon as the files are open.
    EMSTORE_TRY(const auto families, list_families(exists, options_));
    EMSTORE_CHECKED(open_files(exists, families));
    EMSTORE_CHECKED(read_rows());
    EMSTORE_TRY(const bool is_new, is_unfinished());
    EMSTORE_CHECKED(take_primary_families(is_new));
    if (!is_new) take_index_families();
    EMSTORE_CHECKED(drop_leftovers());
    EMSTORE_CHECKED(create_missing_families());
    if (is_new) EMSTORE_CHECKED(write_rows());
    return is_new ? std::vector<Family>() : std::move(missing_);
  }

 private:
  Error error(const rocksdb::Status& status) const {
    Error error = to_error(status, "opening the database at " + engine_.path.string(),
                           ErrorCode::corrupt_log);
    const std::string line = engine_.logger->last_line_with_file();
    if (!line.empty()) error.message += " (" + line + ")";
    return error;
  }

  // Of the files that are there.
  Result<std::vector<rocksdb::ColumnFamilyDescriptor>> list_families(
      bool exists, const rocksdb::DBOptions& options) {
    std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
    if (exists) {
      const auto status = rocksdb::DB::ListColumnFamilies(options, engine_.path.string(), &names);
      if (!status.ok()) return failure(error(status));
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) {
      EMSTORE_TRY(auto chosen, options_of(name));
      families.emplace_back(name, std::move(chosen));
    }
    return families;
  }

  // Before anything is written: the ends may be evidence.
  Status drop_torn_ends() {
    EMSTORE_TRY(const auto ends, find_torn_ends(engine_.path));
    if (ends.empty()) return {};
    auto is_enough = reaches_acknowledged_without(ends);
    if (!is_enough) {
      is_enough.error().message += "; " + places(ends);
      return failure(std::move(is_enough).error());
    }
    if (!*is_enough) {
      return failure(ErrorCode::corrupt_log,
                     places(ends) + ": what was acknowledged is not before it");
    }
    for (const TornEnd& end : ends) {
      EMSTORE_CHECKED(cut_torn_end(end));
      if (on_torn_end_) on_torn_end_(end);
    }
    return {};
  }

  static std::string places(const std::vector<TornEnd>& ends) {
    std::string places;
    for (const TornEnd& end : ends) {
      if (!places.empty()) places += ", ";
      places += end.file.string() + " is damaged at byte " + std::to_string(end.offset);
    }
    return places;
  }

  // As RocksDB will take the files, without the ends.
  Result<bool> reaches_acknowledged_without(const std::vector<TornEnd>& ends) {
    const auto env = rocksdb::NewCompositeEnv(shortened(options_.env->GetFileSystem(), ends));
    rocksdb::DBOptions options = options_;
    options.env = env.get();
    EMSTORE_TRY(const auto families, list_families(true, options));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    const auto status =
        rocksdb::DB::OpenForReadOnly(options, engine_.path.string(), families, &handles, &opened);
    if (!status.ok()) return failure(error(status));
    const std::unique_ptr<rocksdb::DB> db(opened);
    const std::vector<ColumnFamily> owned(handles.begin(), handles.end());
    const std::string log = to_string(FamilyName{Family::log});
    for (std::size_t i = 0; i < families.size(); ++i) {
      if (families[i].name != log) continue;
      const RowSource rows{*db, *owned[i], Family::log};
      if (!acknowledged_) return is_empty(rows);
      if (acknowledged_->empty()) return true;
      EMSTORE_TRY(const auto row, get_row(rows, *acknowledged_));
      return row.has_value();
    }
    return !acknowledged_ || acknowledged_->empty();
  }

  Status open_files(bool exists, const std::vector<rocksdb::ColumnFamilyDescriptor>& families) {
    options_.create_if_missing = !exists;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options_, engine_.path.string(), families, &handles, &db);
    if (!status.ok()) return failure(error(status));
    engine_.db.reset(db);
    engine_.headroom->look();  // Now that all tables are known.
    for (std::size_t i = 0; i < families.size(); ++i) opened_[families[i].name].reset(handles[i]);
    opened_.erase(rocksdb::kDefaultColumnFamilyName);
    return {};
  }

  Result<rocksdb::ColumnFamilyOptions> options_of(const std::string& name) {
    if (name == rocksdb::kDefaultColumnFamilyName) return rocksdb::ColumnFamilyOptions();
    const auto known = family_name_of(name);
    if (!known) {
      return failure(ErrorCode::unsupported_format,
                     "the database at " + engine_.path.string() +
                         " has a column family that this version does not know: " + name);
    }
    engine_.next_generation = std::max(engine_.next_generation, known->generation + 1);
    return engine_.family_options.of(known->family);
  }

  Status read_rows() {
    const auto meta = opened_.find(name_of(Family::meta));
    if (meta == opened_.end()) return {};
    for (const FamilyInfo& family : kFamilies) {
      EMSTORE_TRY(const auto bytes, get_row({*engine_.db, *meta->second, Family::meta},
                                            family_row_key(family.family)));
      if (!bytes) continue;
      has_rows_ = true;
      // A row that cannot be read is no row: the family is made again.
      if (const auto row = family_row_of(*bytes)) rows_[slot(family.family)] = *row;
    }
    return {};
  }

  // No family has a row and there is no commit: a creation has not come to its end.
  Result<bool> is_unfinished() {
    const auto log = opened_.find(name_of(Family::log));
    if (has_rows_ || log == opened_.end()) return !has_rows_;
    return is_empty({*engine_.db, *log->second, Family::log});
  }

  bool take(Family family, const std::string& name, ColumnFamilies& families) {
    auto found = opened_.extract(name);
    if (found.empty()) return false;
    families[slot(family)] = std::move(found.mapped());
    return true;
  }

  Status take_primary_families(bool is_new) {
    for (const FamilyInfo& family : kFamilies) {
      if (is_index(family.family)) continue;
      const std::string name = to_string(FamilyName{family.family});
      if (take(family.family, name, engine_.live)) continue;
      if (!is_new) {
        return failure(ErrorCode::corrupt_log,
                       "the database at " + engine_.path.string() + " has lost its family " + name);
      }
    }
    return {};
  }

  void take_index_families() {
    for (const FamilyInfo& family : kFamilies) {
      const auto& row = rows_[slot(family.family)];
      if (!is_index(family.family) || !row) continue;
      engine_.next_generation = std::max(engine_.next_generation, row->generation + 1);
      const bool is_current = row->index_version == family.index_version;
      take(family.family, to_string(FamilyName{family.family, row->generation}),
           is_current ? engine_.live : engine_.replaced);
    }
  }

  // What an interrupted rebuild or adoption has left: no row names it.
  Status drop_leftovers() {
    std::vector<ColumnFamily> leftovers;
    for (auto& [name, column_family] : opened_) leftovers.push_back(std::move(column_family));
    opened_.clear();
    EMSTORE_CHECKED(clear_ingest_folder(engine_));
    return engine_.drop(std::move(leftovers));
  }

  Status create_missing_families() {
    std::vector<FamilyName> names;
    for (const FamilyInfo& family : kFamilies) {
      if (engine_.live[slot(family.family)]) continue;
      names.push_back({family.family, is_index(family.family) ? engine_.next_generation : 0});
      if (is_index(family.family)) missing_.push_back(family.family);
    }
    if (names.empty()) return {};
    generation_ = engine_.next_generation++;
    EMSTORE_TRY(auto created, engine_.create(names));
    for (std::size_t i = 0; i < names.size(); ++i) {
      engine_.live[slot(names[i].family)] = std::move(created[i]);
    }
    return {};
  }

  // Written last: only now is the creation complete.
  Status write_rows() {
    RowChanges rows;
    for (const FamilyInfo& family : kFamilies) {
      rows.push_back(family_row(family.family, is_index(family.family) ? generation_ : 0));
    }
    return engine_.write(rows, engine_.live, write_options(Durability::synced));
  }

  Engine& engine_;
  std::optional<std::string> acknowledged_;
  std::function<void(const TornEnd&)> on_torn_end_;
  rocksdb::DBOptions options_;
  std::map<std::string, ColumnFamily, std::less<>> opened_;  // Those that nobody has taken yet.
  std::array<std::optional<FamilyRow>, kFamilyCount> rows_;
  bool has_rows_ = false;
  std::uint64_t generation_ = 0;
  std::vector<Family> missing_;
};

}  // namespace

std::unique_ptr<rocksdb::Env> env_of(const DatabaseOptions& options) {
  const auto files = options.file_system
                         ? std::static_pointer_cast<rocksdb::FileSystem>(options.file_system)
                         : rocksdb::FileSystem::Default();
  return rocksdb::NewCompositeEnv(noting_manifests(logs_with_room(files)));
}

Result<std::vector<Family>> open_database(Engine& engine, const DatabaseOptions& options) {
  return Opening(engine, options).run();
}

}  // namespace emstore::store
