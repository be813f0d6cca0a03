#include <emstore/standard_streams.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace emstore {

void open_standard_streams(ClosedStreams closed) noexcept {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    const int wrong_way = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    // The lowest that is free, so this one. Without it nothing that follows is safe.
    if (::open("/dev/null", closed == ClosedStreams::fail ? wrong_way : O_RDWR) != stream) {
      std::abort();
    }
  }
}

}  // namespace emstore
