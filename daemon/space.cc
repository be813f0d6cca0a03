#include "daemon/space.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <utility>

#include "base/io_failure.h"
#include "daemon/config.h"

namespace emstore::daemon {
namespace {

// Less than what the writer or an upload fills meanwhile, by far.
constexpr std::chrono::milliseconds kLookEvery{10};

}  // namespace

Space::Space(Log& log, std::vector<std::filesystem::path> folders, std::uint64_t free_bytes_min)
    : log_(log), folders_(std::move(folders)), free_bytes_min_(free_bytes_min) {}

Status Space::look() const {
  for (const std::filesystem::path& folder : folders_) {
    struct statvfs disk {};
    if (::statvfs(folder.c_str(), &disk) != 0) {
      return io_failure(errno, "look at the disk of", folder);
    }
    const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free_bytes >= free_bytes_min_) continue;
    return failure(ErrorCode::disk_full,
                   "the disk of " + folder.string() + " has " + bytes_text(free_bytes) + " left; " +
                       bytes_text(free_bytes_min_) + " are kept free",
                   {},
                   "make room: delete what is not needed and run gc, or lower "
                   "limits.free_space");
  }
  return {};
}

Status Space::check() {
  const Clock::time_point now = Clock::now();
  if (now - looked_ < kLookEvery) return last_;
  looked_ = now;
  const bool was_well = last_.has_value();
  last_ = look();
  if (was_well && !last_) log_.warning("disk_full", {{"message", last_.error().message}});
  if (!was_well && last_) log_.info("disk_has_room", {});
  return last_;
}

}  // namespace emstore::daemon
