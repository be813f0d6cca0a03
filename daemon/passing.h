// Bytes with descriptors beside them, over a Unix socket. Asio knows nothing of these.
// Threads: any, one at a time a socket.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "blobs/file.h"

namespace emstore::daemon {

// More beside one message are refused: no method takes more than one.
inline constexpr std::size_t kDescriptorsInMessage = 16;

struct Received {
  ssize_t count = 0;  // As recv(2) answers, with errno.
  std::vector<blobs::File> descriptors;
  bool was_cut =
      false;  // There were more than kDescriptorsInMessage, or than the process may hold.
};
// What there is, at once or not at all. Descriptors are closed on exec.
Received receive(int socket, std::span<char> into);

// As send(2), at once or not at all. A descriptor of 0 or more goes with the first of the bytes.
ssize_t send(int socket, std::string_view bytes, int descriptor);

}  // namespace emstore::daemon
