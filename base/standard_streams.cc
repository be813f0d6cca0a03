#include <emstore/standard_streams.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace emstore {

void open_standard_streams() noexcept {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    // The lowest that is free, so this one. Without it nothing that follows is safe.
    if (::open("/dev/null", O_RDWR) != stream) std::abort();
  }
}

}  // namespace emstore
