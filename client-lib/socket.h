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

// When so much time has passed from now; the end of time, when it is longer than a clock can tell.
template <typename Rep, typename Period>
Clock::time_point deadline_in(std::chrono::duration<Rep, Period> patience) {
  using Patience = std::chrono::duration<Rep, Period>;
  const Clock::time_point now = Clock::now();
  if (patience <= Patience::zero()) return now;
  const auto most = std::chrono::floor<Patience>(Clock::time_point::max() - now);
  return patience < most ? now + patience : Clock::time_point::max();
}

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
