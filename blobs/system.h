// The operating system as blob files use it, and the seam at which a test lets the n-th call fail.
// Of no use outside blobs/ and its tests.
//
// Each function is the call it is named after and answers as that does, -1 with errno. open() never
// follows a symbolic link, and an interrupted open, read or write is repeated. Directories are
// descriptors and names are single components that we made ourselves, so no text of a client ever
// becomes a path.
//
// Threads: any.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/io_failure.h"
#include "base/result.h"
#include "blobs/file.h"

namespace emstore::blobs {

class System {
 public:
  virtual ~System() = default;

  virtual int open(int directory, const char* name, int flags, mode_t mode);
  virtual int make_directory(int directory, const char* name, mode_t mode);
  virtual ssize_t read(int file, char* bytes, std::size_t size, std::uint64_t offset);
  virtual ssize_t write(int file, std::string_view bytes, std::uint64_t offset);
  virtual int change_mode(int file, mode_t mode);
  virtual int touch(int file);
  virtual int sync_data(int file);
  virtual int sync(int file);
  // Moves a file to a name that nothing has yet: EEXIST otherwise.
  virtual int rename_to_new(int from_directory, const char* from, int to_directory, const char* to);
  // Moves a file to a name, which what had it until then loses in the same moment.
  virtual int rename_over(int from_directory, const char* from, int to_directory, const char* to);
  // Gives a file a second name, which nothing has yet: EEXIST otherwise.
  virtual int link_to_new(int from_directory, const char* from, int to_directory, const char* to);
  virtual int unlink(int directory, const char* name);
  // What statvfs() says that the disk of a folder has left for who is not root.
  virtual std::int64_t free_bytes(int directory);
};

// Opens a folder; a symbolic link in its place is refused. `path` is for the message.
Result<File> open_directory(System& system, int parent, const char* name,
                            const std::filesystem::path& path);

// What `file` is. Anything but a regular file is corrupt_blob.
Result<struct stat> status_of_regular(const File& file, const std::filesystem::path& path);

// Fills `buffer` from `offset` on and returns the part that was filled: all but at the end of the
// file.
Result<std::string_view> read_into(System& system, const File& file, std::span<char> buffer,
                                   std::uint64_t offset, const std::filesystem::path& path);
// Called after each piece of a long reading with its size: to go slowly, and to end it (false). By
// several threads at once where several read.
using Pace = std::function<bool(std::size_t bytes)>;
// Tells it of a piece; `path` is for the message. Errors: cancelled.
Status keep_pace(const Pace& pace, std::size_t bytes, const std::filesystem::path& path);
// Of reading on: two buffers stay in the cache of a core.
constexpr std::size_t kReadStepBytes = 256 << 10;
// Gives `take` the bytes from `from` up to `until`, in pieces of kReadStepBytes, or up to the end
// of the file where that comes first. Returns where it ended. Errors: io_failed, those of `take`.
Result<std::uint64_t> read_pieces(System& system, const File& file, std::uint64_t from,
                                  std::uint64_t until, const std::filesystem::path& path,
                                  const std::function<Status(std::string_view piece)>& take);
// Up to `length` bytes from `offset`: fewer only at the end of the file.
Result<std::string> read_range(System& system, const File& file, std::uint64_t offset,
                               std::uint64_t length, const std::filesystem::path& path);

// The names in a folder, without "." and "..".
Result<std::vector<std::string>> names_in(System& system, const File& directory,
                                          const std::filesystem::path& path);

}  // namespace emstore::blobs
