// The socket's file: made with the right mode from its first moment, a dead one replaced, a live
// one left alone, removed at the end if it is still ours.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace emstore::daemon {

struct SocketOptions {
  std::filesystem::path path;
  mode_t mode = 0600;
  std::string group;  // Name of the group that the file belongs to; empty: as it comes.
};

class SocketFile {
 public:
  // Creates the folder (0700) when it is missing, and a listening, non-blocking socket at the path.
  // Errors: invalid_request (path too long, no such group, something else lies there), locked
  // (another daemon listens there), io_failed.
  static Result<SocketFile> listen(const SocketOptions& options);
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();  // close()

  int descriptor() const { return descriptor_; }
  const std::filesystem::path& path() const { return path_; }
  // Stops listening and removes the file.
  void close();

 private:
  SocketFile(int descriptor, std::filesystem::path path);
  Status note_file();

  int descriptor_ = -1;
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace emstore::daemon
