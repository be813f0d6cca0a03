// Files that are written whole, or not at all.
// Threads: any, one at a time for a file.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace emstore::daemon {

// All of `bytes` to an open descriptor; `path` is for the message. Errors: disk_full, io_failed.
Status write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path);

// A file that appears under its name once it is whole and on disk, and lies at `unfinished` until
// then, on the same file system. One that is not finished is gone with the object.
class NewFile {
 public:
  // Replaces what lies at `unfinished`. Errors: disk_full, busy, io_failed.
  static Result<NewFile> create(const std::filesystem::path& path,
                                const std::filesystem::path& unfinished);
  NewFile(NewFile&& other) noexcept;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile();

  Status write(std::string_view bytes) { return write_all(descriptor_, bytes, unfinished_); }
  Status finish();

 private:
  NewFile(std::filesystem::path path, std::filesystem::path unfinished);

  std::filesystem::path path_, unfinished_;
  int descriptor_ = -1;
};

}  // namespace emstore::daemon
