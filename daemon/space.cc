#include "daemon/space.h"

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

constexpr const char* kHint =
    "make room: delete what is not needed and run gc, or lower limits.free_space";

}  // namespace

Space::Space(asio::io_context& context, Log& log, const store::Database& database,
             std::vector<std::filesystem::path> folders, const Config& config)
    : log_(log),
      database_(database),
      folders_(std::move(folders)),
      config_(config),
      ticker_(context) {}

Status Space::look(std::uint64_t bytes) const {
  const std::uint64_t merging = database_.merging_bytes();
  for (const std::filesystem::path& folder : folders_) {
    struct statvfs disk {};
    if (::statvfs(folder.c_str(), &disk) != 0) {
      return io_failure(errno, "look at the disk of", folder);
    }
    const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free_bytes >= bytes + merging) continue;
    const std::string beside =
        merging == 0 ? "" : " beside the " + bytes_text(merging) + " that merging tables takes";
    return failure(ErrorCode::disk_full,
                   "the disk of " + folder.string() + " has " + bytes_text(free_bytes) + " left; " +
                       bytes_text(bytes) + " are kept free" + beside,
                   {}, kHint);
  }
  return {};
}

void Space::look_again() {
  looked_ = Clock::now();
  const bool was_well = last_.has_value();
  last_ = look(config_.free_bytes_min);
  if (last_) last_ = last_of_database_;
  if (was_well && !last_) log_.warning("disk_full", {{"message", last_.error().message}});
  if (!was_well && last_) log_.info("disk_has_room", {});
}

Status Space::check() {
  if (Clock::now() - looked_ >= kLookEvery) look_again();
  return last_;
}

// Few enough to look each time.
Status Space::check_for_deletions() { return look(config_.free_bytes_last()); }

void Space::watch() {
  last_of_database_ = database_.check_headroom();
  if (!last_of_database_) last_of_database_.error().hint = kHint;
  look_again();
  ticker_.expires_after(kWatchEvery);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (!error) watch();
  });
}

}  // namespace emstore::daemon
