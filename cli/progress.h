// One line on standard error that says how far something is: share, rate, time left.
#pragma once

#include <chrono>
#include <cstdint>

namespace emstore::cli {

class ProgressLine {
 public:
  enum class Unit { bytes, commits, contents };

  explicit ProgressLine(Unit unit);
  ~ProgressLine();  // Takes the line away.
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::uint64_t done, std::uint64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  Unit unit_;
  Clock::time_point start_, shown_;
  std::uint64_t last_ = 0;
  bool is_shown_ = false;
};

}  // namespace emstore::cli
