#include "daemon/new_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/io_failure.h"

namespace emstore::daemon {

Status write_all(int descriptor, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_failure(errno, "write", path);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

NewFile::NewFile(std::filesystem::path path, std::filesystem::path unfinished)
    : path_(std::move(path)), unfinished_(std::move(unfinished)) {}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(other.path_),
      unfinished_(other.unfinished_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(unfinished_.c_str());
}

Result<NewFile> NewFile::create(const std::filesystem::path& path,
                                const std::filesystem::path& unfinished) {
  NewFile file(path, unfinished);
  file.descriptor_ =
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file.descriptor_ < 0) return io_failure(errno, "create", unfinished);
  return file;
}

Status NewFile::finish() {
  if (::fsync(descriptor_) != 0) return sync_failure(errno, unfinished_);
  if (::rename(unfinished_.c_str(), path_.c_str()) != 0) return io_failure(errno, "name", path_);
  ::close(std::exchange(descriptor_, -1));
  const int folder = ::open(path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = folder >= 0 && ::fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) ::close(folder);
  return is_synced ? Status{} : sync_failure(error, path_.parent_path());
}

}  // namespace emstore::daemon
