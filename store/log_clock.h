// The time of commits, leases and keys: the system's clock, and never behind the log. Where that
// clock is behind, because it was ahead once, time goes on from the log's at half its pace, until
// the clock has caught up: ages grow, and what is to end ends, if later. However the clock is set
// meanwhile, time does not go back, and leaps only where the clock does.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/types.h"
#include "store/environment.h"

namespace emstore::store {

class LogClock {
 public:
  // Told when the system's clock is found to be behind the log, and by how much: more than a second
  // more than was told. By whoever asks for the time, one after the other; it does not ask itself.
  using Behind = std::function<void(std::chrono::microseconds)>;

  // `environment` outlives it.
  explicit LogClock(Environment& environment, Behind told = {});

  // No earlier than `log`, the time of the last commit.
  Time now(Time log);

 private:
  // A time of its own, as long as the system's clock is behind it.
  struct Own {
    Time at(std::chrono::microseconds elapsed) const;
    Time time;
    std::chrono::microseconds since;  // When it was that time.
    std::chrono::microseconds told;   // How far behind it the system's clock was said to be.
  };
  void tell(std::chrono::microseconds behind);

  Environment& environment_;
  const Behind told_;
  std::mutex mutex_;
  std::optional<Own> own_;
};

}  // namespace emstore::store
