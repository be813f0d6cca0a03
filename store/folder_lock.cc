#include "store/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "base/io_failure.h"

namespace emstore::store {
namespace {

constexpr mode_t kLockMode = 0600;

struct KnownFileSystem {
  std::uint64_t magic;
  FileSystemType type;
};

// From statfs(2) and linux/magic.h. What is not here is taken for a local disk.
constexpr std::array kKnownFileSystems = {
    KnownFileSystem{0x01021994, {FileSystemKind::memory, "tmpfs"}},
    KnownFileSystem{0x858458f6, {FileSystemKind::memory, "ramfs"}},
    KnownFileSystem{0x6969, {FileSystemKind::remote, "nfs"}},
    KnownFileSystem{0x517b, {FileSystemKind::remote, "smb"}},
    KnownFileSystem{0xff534d42, {FileSystemKind::remote, "cifs"}},
    KnownFileSystem{0xfe534d42, {FileSystemKind::remote, "smb2"}},
    KnownFileSystem{0x65735546, {FileSystemKind::remote, "fuse"}},
    KnownFileSystem{0x01021997, {FileSystemKind::remote, "9p"}},
    KnownFileSystem{0x00c36400, {FileSystemKind::remote, "ceph"}},
    KnownFileSystem{0x5346414f, {FileSystemKind::remote, "afs"}},
    KnownFileSystem{0x6b414653, {FileSystemKind::remote, "kafs"}},
    KnownFileSystem{0x73757245, {FileSystemKind::remote, "coda"}},
    KnownFileSystem{0x564c, {FileSystemKind::remote, "ncp"}},
    KnownFileSystem{0x01161970, {FileSystemKind::remote, "gfs2"}},
    KnownFileSystem{0x7461636f, {FileSystemKind::remote, "ocfs2"}},
    KnownFileSystem{0x0bd00bd0, {FileSystemKind::remote, "lustre"}},
    KnownFileSystem{0x47504653, {FileSystemKind::remote, "gpfs"}},
    KnownFileSystem{0x786f4256, {FileSystemKind::remote, "vboxsf"}},
};

// "process 4711", from the file its holder wrote. It may be about to write it.
std::string holder_named_in(int descriptor) {
  std::array<char, 32> text;
  const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
  const std::string_view digits(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string pid(digits.substr(0, digits.find_first_not_of("0123456789")));
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Result<FolderLock> FolderLock::acquire(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "lock";
  FolderLock lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kLockMode));
  if (lock.descriptor_ < 0) return io_failure(errno, "open", path);
  if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io_failure(errno, "lock", path);
    return failure(ErrorCode::locked, "the data directory " + folder.string() + " is in use by " +
                                          holder_named_in(lock.descriptor_));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.descriptor_, 0) != 0 ||
      ::pwrite(lock.descriptor_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return io_failure(errno, "write", path);
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FileSystemType file_system_type(std::uint64_t magic) {
  const auto known = std::ranges::find(kKnownFileSystems, magic, &KnownFileSystem::magic);
  return known == kKnownFileSystems.end() ? FileSystemType{} : known->type;
}

Status check_file_system(const std::filesystem::path& folder, UnsafeFileSystem unsafe) {
  struct statfs found {};
  if (::statfs(folder.c_str(), &found) != 0) {
    return io_failure(errno, "find the file system of", folder);
  }
  // The field is signed on some machines; the numbers have 32 bits on all.
  return check_file_system(folder, file_system_type(static_cast<std::uint32_t>(found.f_type)),
                           unsafe);
}

Status check_file_system(const std::filesystem::path& folder, FileSystemType type,
                         UnsafeFileSystem unsafe) {
  const std::string place =
      "the data directory " + folder.string() + " lies on " + std::string(type.name);
  switch (type.kind) {
    case FileSystemKind::lasting:
      return {};
    case FileSystemKind::memory:
      if (unsafe == UnsafeFileSystem::allow) return {};
      return failure(ErrorCode::unsupported, place + ", which is gone with the machine", {},
                     "use a directory on a disk, or set store.allow_memory to true");
    case FileSystemKind::remote:
      return failure(ErrorCode::unsupported,
                     place + ", where locks and syncs are not to be relied on", {},
                     "use a directory on a local disk");
  }
  return {};
}

}  // namespace emstore::store
