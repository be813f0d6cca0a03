#include "blobs/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace emstore::blobs {
namespace {

// Not for syncs: one that failed, for whatever reason, says nothing when it is repeated.
template <typename Call>
auto repeat_interrupted(Call call) {
  auto answer = call();
  while (answer == -1 && errno == EINTR) answer = call();
  return answer;
}

}  // namespace

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = other.release();
  }
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int File::release() { return std::exchange(descriptor_, -1); }

int System::open(int directory, const char* name, int flags, mode_t mode) {
  const int safe_flags = flags | O_NOFOLLOW | O_CLOEXEC;
  return repeat_interrupted([&] { return ::openat(directory, name, safe_flags, mode); });
}

int System::make_directory(int directory, const char* name, mode_t mode) {
  return ::mkdirat(directory, name, mode);
}

ssize_t System::read(int file, char* bytes, std::size_t size, std::uint64_t offset) {
  return repeat_interrupted([&] { return ::pread(file, bytes, size, static_cast<off_t>(offset)); });
}

ssize_t System::write(int file, std::string_view bytes, std::uint64_t offset) {
  return repeat_interrupted(
      [&] { return ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
}

int System::change_mode(int file, mode_t mode) { return ::fchmod(file, mode); }

int System::touch(int file) { return ::futimens(file, nullptr); }

int System::sync_data(int file) { return ::fdatasync(file); }

int System::sync(int file) { return ::fsync(file); }

int System::rename_to_new(int from_directory, const char* from, int to_directory, const char* to) {
  return ::renameat2(from_directory, from, to_directory, to, RENAME_NOREPLACE);
}

int System::rename_over(int from_directory, const char* from, int to_directory, const char* to) {
  return ::renameat(from_directory, from, to_directory, to);
}

int System::link_to_new(int from_directory, const char* from, int to_directory, const char* to) {
  return ::linkat(from_directory, from, to_directory, to, 0);
}

int System::unlink(int directory, const char* name) { return ::unlinkat(directory, name, 0); }

std::int64_t System::free_bytes(int directory) {
  struct statvfs disk {};
  if (repeat_interrupted([&] { return ::fstatvfs(directory, &disk); }) != 0) return -1;
  return static_cast<std::int64_t>(std::uint64_t{disk.f_bavail} * disk.f_frsize);
}

Result<File> open_directory(System& system, int parent, const char* name,
                            const std::filesystem::path& path) {
  File directory(system.open(parent, name, O_RDONLY | O_DIRECTORY, 0));
  if (!directory) return io_failure(errno, "open the folder", path);
  return directory;
}

Result<struct stat> status_of_regular(const File& file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) return io_failure(errno, "look at", path);
  if (!S_ISREG(status.st_mode)) {
    return failure(ErrorCode::corrupt_blob, path.string() + " is not a regular file");
  }
  return status;
}

Result<std::string_view> read_into(System& system, const File& file, std::span<char> buffer,
                                   std::uint64_t offset, const std::filesystem::path& path) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t count = system.read(file.descriptor(), buffer.data() + filled,
                                      buffer.size() - filled, offset + filled);
    if (count < 0) return io_failure(errno, "read", path);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return std::string_view(buffer.data(), filled);
}

Status keep_pace(const Pace& pace, std::size_t bytes, const std::filesystem::path& path) {
  if (!pace || pace(bytes)) return {};
  return failure(ErrorCode::cancelled, "cancelled while " + path.string() + " was read");
}

Result<std::uint64_t> read_pieces(System& system, const File& file, std::uint64_t from,
                                  std::uint64_t until, const std::filesystem::path& path,
                                  const std::function<Status(std::string_view piece)>& take) {
  std::vector<char> buffer(std::min<std::uint64_t>(kReadStepBytes, until - from));
  while (from < until) {
    const std::span<char> room(buffer.data(), std::min<std::uint64_t>(buffer.size(), until - from));
    EMSTORE_TRY(const auto piece, read_into(system, file, room, from, path));
    if (!piece.empty()) EMSTORE_CHECKED(take(piece));
    from += piece.size();
    if (piece.size() < room.size()) break;
  }
  return from;
}

Result<std::string> read_range(System& system, const File& file, std::uint64_t offset,
                               std::uint64_t length, const std::filesystem::path& path) {
  EMSTORE_TRY(const struct stat status, status_of_regular(file, path));
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (offset >= size) return std::string();
  std::string bytes(std::min(length, size - offset), '\0');
  EMSTORE_TRY(const std::string_view filled, read_into(system, file, bytes, offset, path));
  bytes.resize(filled.size());
  return bytes;
}

Result<std::vector<std::string>> names_in(System& system, const File& directory,
                                          const std::filesystem::path& path) {
  // A stream moves the offset of its descriptor and closes it: it gets one of its own.
  EMSTORE_TRY(File own, open_directory(system, directory.descriptor(), ".", path));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.descriptor()), ::closedir);
  if (stream == nullptr) return io_failure(errno, "list the folder", path);
  own.release();

  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return io_failure(errno, "list the folder", path);
  return names;
}

}  // namespace emstore::blobs
