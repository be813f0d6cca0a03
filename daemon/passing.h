// Bytes with descriptors beside them, over a Unix socket. Asio knows nothing of these.
// Threads: any, one at a time a socket, a passed file.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "blobs/file.h"

namespace emstore::daemon {

// More beside one message are refused: no method takes more than one.
inline constexpr std::size_t kDescriptorsInMessage = 16;

// Closes what peers passed, aside: who answers for a file (FUSE, a network) may hold up its closing
// for as long as it likes, and nothing can break that off. Each uid has a thread of its own while
// there is something to close, so it keeps nobody but itself waiting. Threads: any.
class Closer : public std::enable_shared_from_this<Closer> {
 public:
  // Of a uid. With more of them nothing more is taken from it.
  static constexpr std::size_t kWaitingMax = 64;

  void close(std::uint32_t uid, blobs::File file);
  bool has_room(std::uint32_t uid) const;

 private:
  void serve(std::uint32_t uid);

  mutable std::mutex mutex_;
  // Also the one that is being closed. Who is not here has no thread.
  std::map<std::uint32_t, std::deque<blobs::File>> waiting_;
};

// A descriptor that a peer of that uid passed.
class PassedFile {
 public:
  PassedFile() = default;  // One that there was no room for.
  PassedFile(blobs::File file, std::uint32_t uid, std::shared_ptr<Closer> closer)
      : file_(std::move(file)), uid_(uid), closer_(std::move(closer)) {}
  PassedFile(PassedFile&&) = default;
  PassedFile& operator=(PassedFile&&) = delete;
  ~PassedFile();

  explicit operator bool() const { return static_cast<bool>(file_); }
  const blobs::File& file() const { return file_; }
  // Closes it here: for what is known to hold up nobody.
  void close() { const blobs::File closed = std::move(file_); }

 private:
  blobs::File file_;
  std::uint32_t uid_ = 0;
  std::shared_ptr<Closer> closer_;
};

struct Received {
  ssize_t count = 0;  // As recv(2) answers, with errno.
  std::vector<blobs::File> descriptors;
  bool was_cut =
      false;  // There were more than kDescriptorsInMessage, or than the process may hold.
};
// What there is, at once or not at all. Descriptors are closed on exec. Without `takes_descriptors`
// those that came are dropped, and it was cut.
Received receive(int socket, std::span<char> into, bool takes_descriptors);

// As send(2), at once or not at all. A descriptor of 0 or more goes with the first of the bytes.
ssize_t send(int socket, std::string_view bytes, int descriptor);

}  // namespace emstore::daemon
