#include "daemon/space.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/io_failure.h"

namespace emstore::daemon {
namespace {

// Less than what the writer or an upload fills meanwhile, by far.
constexpr std::chrono::milliseconds kLookEvery{10};
constexpr std::chrono::seconds kWatchEvery{1};

// Of tables that wait to be merged: before RocksDB slows writes down, and well before it stops
// them, for what the daemon writes by itself adds some, too.
constexpr std::size_t kTablesWaitingMax = 16;
constexpr std::size_t kTablesWaitingMaxForDeletions = 26;

constexpr const char* kHint =
    "make room: delete what is not needed and run gc, or lower limits.free_space";
constexpr const char* kHintForDeletions = "make room on the disk, or lower limits.free_space";

Status with_hint(Status status, const char* hint) {
  if (!status) status.error().hint = hint;
  return status;
}

}  // namespace

bool are_on_one_disk(const std::filesystem::path& one, const std::filesystem::path& other) {
  struct stat of_one {};
  struct stat of_other {};
  const bool are_known = ::stat(one.c_str(), &of_one) == 0 && ::stat(other.c_str(), &of_other) == 0;
  return !are_known || of_one.st_dev == of_other.st_dev;
}

Space::Space(asio::io_context& context, Log& log, const store::Database& database,
             const Config& config)
    : log_(log),
      database_(database),
      config_(config),
      media_(config.media_folder()),
      is_media_apart_(!are_on_one_disk(config.data, media_)),
      ticker_(context) {}

Status Space::look(const std::filesystem::path& folder, std::uint64_t kept) const {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) {
    return io_failure(errno, "look at the disk of", folder);
  }
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const bool is_apart = is_media_apart_ && folder == media_;
  const std::uint64_t merging = is_apart ? 0 : database_.merging_bytes();
  if (free_bytes >= kept + merging) return {};
  const std::string beside =
      merging == 0 ? "" : " beside the " + bytes_text(merging) + " that merging tables takes";
  return failure(ErrorCode::disk_full,
                 "the disk of " + folder.string() + " has " + bytes_text(free_bytes) + " left; " +
                     bytes_text(kept) + " are kept free" + beside,
                 {}, kHint);
}

void Space::look_again() {
  looked_ = Clock::now();
  database_.look_at_disk();
  const bool was_well = last_.has_value();
  last_ = look(config_.data, config_.free_bytes_min);
  if (last_) last_ = look(media_, config_.free_bytes_min);
  if (last_) last_ = of_tables_;
  if (was_well && !last_) log_.warning("disk_full", {{"message", last_.error().message}});
  if (!was_well && last_) log_.info("disk_has_room", {});
}

Status Space::check() {
  if (Clock::now() - looked_ >= kLookEvery) look_again();
  return last_;
}

// Few enough to look each time.
Status Space::check_for_deletions() {
  EMSTORE_CHECKED(of_tables_for_deletions_);
  return with_hint(look(config_.data, config_.free_bytes_last()), kHintForDeletions);
}

void Space::watch() {
  of_tables_ = with_hint(database_.check_headroom(kTablesWaitingMax), kHint);
  of_tables_for_deletions_ =
      with_hint(database_.check_headroom(kTablesWaitingMaxForDeletions), kHintForDeletions);
  look_again();
  ticker_.expires_after(kWatchEvery);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (!error) watch();
  });
}

}  // namespace emstore::daemon
