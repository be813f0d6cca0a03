// The data directory: it belongs to one daemon at a time, and lies on a lasting file system.
//
// Threads: any; a lock from one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace emstore::store {

class FolderLock {
 public:
  // Takes the lock of the folder, which exists: an flock on its file `lock`, which then holds the
  // number of this process as text. The lock ends with the object, or with the process however it
  // ends; the file stays. Errors: locked (names the process that holds it), disk_full, io_failed.
  static Result<FolderLock> acquire(const std::filesystem::path& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

enum class FileSystemKind : std::uint8_t {
  lasting,  // A local disk, for all we know. Overlays too: containers often have nothing else.
  memory,   // Gone with the machine.
  remote,   // Over a network, or FUSE: somebody else decides what locks and syncs mean.
};

struct FileSystemType {
  FileSystemKind kind = FileSystemKind::lasting;
  std::string_view name;  // "nfs"; empty when it is of no interest.
};

// By the magic number that statfs() gives.
FileSystemType file_system_type(std::uint64_t magic);

enum class UnsafeFileSystem : bool { refuse, allow };

// Refuses remote file systems always, and those in memory unless they are allowed: for tests and
// for data that may be lost. Errors: unsupported; io_failed when the folder is not there.
Status check_file_system(const std::filesystem::path& folder,
                         UnsafeFileSystem unsafe = UnsafeFileSystem::refuse);
// The same for a folder on a file system that is known already.
Status check_file_system(const std::filesystem::path& folder, FileSystemType type,
                         UnsafeFileSystem unsafe);

}  // namespace emstore::store
