#include "store/spill.h"

#include <atomic>
#include <string>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "store/disk_room.h"
#include "store/row_table.h"

namespace emstore::store {
namespace {

// Several folds may go on at once.
std::string next_name() {
  static std::atomic<std::uint64_t> next = 1;
  return std::to_string(next++);
}

// Rows come as finished tables: little is written through memory, and each is read once or twice.
DatabaseOptions spill_options() {
  DatabaseOptions options;
  options.memtable_bytes = std::size_t{1} << 20;
  options.cache_bytes = std::size_t{32} << 20;
  options.merges_tables = false;
  return options;
}

// Not the store's errors: its own rows are not damaged by what happens here.
Error of_fold(Error error, const std::filesystem::path& path) {
  const bool is_full = error.code == ErrorCode::disk_full;
  if (!is_full) error.code = ErrorCode::io_failed;
  error.message = "the rows of the fold in " + path.string() + ": " + error.message;
  error.hint = is_full ? "make room, and try again" : "try again; the store is not concerned";
  return error;
}

template <typename T>
Result<T> of_fold(Result<T> result, const std::filesystem::path& path) {
  if (result) return result;
  return failure(of_fold(std::move(result).error(), path));
}

}  // namespace

std::filesystem::path fold_folder(const std::filesystem::path& directory) {
  return directory / "fold";
}

// What cannot be removed is in nobody's way.
void clear_fold_folder(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::remove_all(fold_folder(directory), error);
}

Spill::Spill(FoldRoom room) : room_(std::move(room)) { EMSTORE_CHECK(!room_.folder.empty()); }

Spill::~Spill() {
  if (path_.empty()) return;
  rows_.reset();
  database_.reset();
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  std::filesystem::remove(room_.folder, error);  // Unless another fold has it.
}

Status Spill::take(const RowTable& rows) {
  if (path_.empty()) EMSTORE_CHECKED(make_folder());
  EMSTORE_CHECKED(check_disk_room(path_, rows.bytes(), room_.free_bytes_min,
                                  "the next rows of the fold",
                                  "make room: until it ends, a fold of a large log needs as much "
                                  "as the indexes take"));
  if (!rows_) EMSTORE_CHECKED(open_database());
  return of_fold(rows_->ingest(rows), path_);
}

Status Spill::make_folder() {
  std::error_code error;
  std::filesystem::create_directories(room_.folder, error);
  for (std::filesystem::path path; !error;) {
    path = room_.folder / next_name();
    if (!std::filesystem::create_directory(path, error))
      continue;  // One that could not be removed.
    path_ = std::move(path);
    return {};
  }
  return failure(ErrorCode::io_failed,
                 "cannot make a folder in " + room_.folder.string() + ": " + error.message());
}

Status Spill::open_database() {
  EMSTORE_TRY(database_, of_fold(Database::open(path_, spill_options()), path_));
  EMSTORE_TRY(rows_, of_fold(database_->begin_generation(), path_));
  return {};
}

Result<std::optional<std::string>> Spill::get(Family family, std::string_view key) const {
  if (!rows_) return std::nullopt;
  return of_fold(rows_->get(family, key), path_);
}

Status Spill::scan(Family family, const KeyRange& range, Direction direction,
                   const Visit& visit) const {
  if (!rows_) return {};
  return of_fold(rows_->scan(family, range, direction, visit), path_);
}

}  // namespace emstore::store
