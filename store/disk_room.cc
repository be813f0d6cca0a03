#include "store/disk_room.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <string>

#include "base/io_failure.h"

namespace emstore::store {

Status check_disk_room(const std::filesystem::path& folder, std::uint64_t bytes, std::uint64_t kept,
                       std::string_view what, std::string_view hint) {
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0)
    return io_failure(errno, "look at the disk of", folder);
  const std::uint64_t free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free_bytes >= bytes + kept) return {};
  return failure(ErrorCode::disk_full,
                 "the disk of " + folder.string() + " has " + std::to_string(free_bytes) +
                     " bytes left; " + std::string(what) + " take up to " + std::to_string(bytes) +
                     ", and " + std::to_string(kept) + " are kept free",
                 {}, std::string(hint));
}

}  // namespace emstore::store
