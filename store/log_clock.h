// The time of commits, leases and keys: the system's clock, and never behind the log. Where that
// clock is behind, because it was ahead once, time goes on from the log's at the clock's pace: ages
// grow, and what is to end ends.
//
// Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>

#include "base/types.h"
#include "store/environment.h"

namespace emstore::store {

class LogClock {
 public:
  // Told when the system's clock is found to be behind the log, and by how much: more than a second
  // more than was known.
  using Behind = std::function<void(std::chrono::microseconds)>;

  // `environment` outlives it.
  explicit LogClock(Environment& environment, Behind told = {});

  // No earlier than `log`, the time of the last commit.
  Time now(Time log);

 private:
  Environment& environment_;
  const Behind told_;
  std::atomic<std::int64_t> ahead_ = 0;  // Of the log before the system's clock, in µs.
};

}  // namespace emstore::store
