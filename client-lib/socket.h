// A stream socket to a path, for one thread at a time. Never blocks for longer than it is told.
#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client-lib/descriptor.h"

namespace emstore {

using Clock = std::chrono::steady_clock;

class Socket {
 public:
  // Errors: unreachable, which says what is at `path` instead and what to do.
  static Result<Socket> connect(const std::filesystem::path& path, Clock::time_point deadline);
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  // As much as the kernel takes or has at once. 0: nothing now. A descriptor of 0 or more goes with
  // the first byte. Errors: unreachable, the peer is gone.
  Result<std::size_t> send_some(std::string_view bytes, int descriptor = -1);
  struct Received {
    std::size_t count = 0;
    std::vector<Descriptor> descriptors;
  };
  Result<Received> receive_some(std::span<char> into);
  // Waits until something can be received or, when `to_send`, sent. Errors: timed_out.
  Status wait(bool to_send, Clock::time_point deadline);

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace emstore
