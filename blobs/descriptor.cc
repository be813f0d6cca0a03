#include "blobs/descriptor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace emstore::blobs {
namespace {

#ifndef XFS_SUPER_MAGIC
constexpr long kXfs = 0x58465342;
#else
constexpr long kXfs = XFS_SUPER_MAGIC;
#endif

// Local, and answered by the kernel alone. In doubt a file system is left out: its files can still
// be sent in pieces.
constexpr std::array<long, 5> kFileSystems{EXT4_SUPER_MAGIC, kXfs, BTRFS_SUPER_MAGIC,
                                           F2FS_SUPER_MAGIC, TMPFS_MAGIC};

tl::unexpected<Error> refused(std::string_view what) {
  return failure(ErrorCode::invalid_request, "the descriptor is " + std::string(what), "descriptor",
                 "pass a regular file that is open for reading, or send its bytes with blob.begin");
}

std::string_view kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISLNK(mode)) return "a symbolic link";
  return "no file";
}

bool is_same(const timespec& one, const timespec& other) {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

}  // namespace

Result<SourceState> check_source(const File& source) {
  const int flags = ::fcntl(source.descriptor(), F_GETFL);
  if (flags < 0) return refused("not open");
  if ((flags & O_PATH) != 0) return refused("a mere path (O_PATH)");
  if ((flags & O_ACCMODE) == O_WRONLY) return refused("open for writing only");
  struct stat status {};
  if (::fstat(source.descriptor(), &status) != 0) return refused("not to be looked at");
  if (!S_ISREG(status.st_mode)) return refused(kind_of(status.st_mode));
  struct statfs system {};
  if (::fstatfs(source.descriptor(), &system) != 0) return refused("on no file system");
  if (std::find(kFileSystems.begin(), kFileSystems.end(), static_cast<long>(system.f_type)) ==
      kFileSystems.end()) {
    return refused("on a file system that is not read from (0x" + [&] {
      constexpr std::string_view kDigits = "0123456789abcdef";
      std::string text;
      auto rest = static_cast<unsigned long>(system.f_type);
      for (; rest != 0; rest >>= 4) text.insert(text.begin(), kDigits[rest & 15]);
      return text;
    }() + ")");
  }
  return SourceState{static_cast<std::uint64_t>(status.st_size), status.st_mtim};
}

Status check_unchanged(const File& source, const SourceState& before) {
  struct stat status {};
  const bool same = ::fstat(source.descriptor(), &status) == 0 &&
                    static_cast<std::uint64_t>(status.st_size) == before.size &&
                    is_same(status.st_mtim, before.modified);
  if (same) return {};
  return failure(ErrorCode::source_changed, "the file changed while it was read", "descriptor",
                 "store it again when nobody writes to it");
}

}  // namespace emstore::blobs
