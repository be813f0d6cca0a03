#include "blobs/descriptor.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <fstream>
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
constexpr std::array<std::string_view, 7> kFileSystemNames{"ext4",  "ext3", "ext2", "xfs",
                                                           "btrfs", "f2fs", "tmpfs"};
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

std::string_view take_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

// The name of the file system, as far as the kernel knows it without asking who serves it, which
// statfs() would. Where it is not mounted for this process it is "unknown".
std::string file_system_of(const File& source, const struct statx& status) {
  // Of memory, mounted or not; all others have no seals.
  if (::fcntl(source.descriptor(), F_GET_SEALS) >= 0) return "tmpfs";
  const std::string device =
      std::to_string(status.stx_dev_major) + ":" + std::to_string(status.stx_dev_minor);
  // A subvolume of Btrfs has a device of its own, which is not that of its mount.
  const std::string mount =
      (status.stx_mask & STATX_MNT_ID) != 0 ? std::to_string(status.stx_mnt_id) : "";
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::string_view rest = line;
    const std::string_view id = take_word(rest);
    take_word(rest);  // Its parent.
    if (take_word(rest) != device && id != mount) continue;
    while (!rest.empty() && take_word(rest) != "-") continue;
    return std::string(take_word(rest));
  }
  return "unknown";
}

template <typename List, typename Item>
bool holds(const List& list, const Item& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
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
  struct statx known {};
  if (::statx(source.descriptor(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
              STATX_TYPE | STATX_MNT_ID, &known) != 0) {
    return refused("not to be looked at");
  }
  if (!S_ISREG(known.stx_mode)) return refused(kind_of(known.stx_mode));
  const std::string name = file_system_of(source, known);
  if (!holds(kFileSystemNames, name)) {
    return refused("on a file system that is not read from (" + name + ")");
  }
  // From here on only the kernel is asked. A file of one file system that stands on another one may
  // have the other's device.
  struct statfs system {};
  if (::fstatfs(source.descriptor(), &system) != 0 ||
      !holds(kFileSystems, static_cast<long>(system.f_type))) {
    return refused("on a file system that is not read from");
  }
  struct stat status {};
  if (::fstat(source.descriptor(), &status) != 0) return refused("not to be looked at");
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
