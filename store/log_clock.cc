#include "store/log_clock.h"

#include <utility>

namespace emstore::store {
namespace {

// A clock that is put right step by step is none that was wrong.
constexpr std::chrono::microseconds kTold = std::chrono::seconds(1);
// Time goes on at half its pace, so that the clock catches up.
constexpr std::int64_t kPace = 2;

}  // namespace

LogClock::LogClock(Environment& environment, Behind told)
    : environment_(environment), told_(std::move(told)) {}

Time LogClock::Own::at(std::chrono::microseconds elapsed) const {
  return Time{time.micros + (elapsed - since).count() / kPace};
}

Time LogClock::now(Time log) {
  const std::lock_guard turn(mutex_);
  const Time clock = environment_.now();
  const std::chrono::microseconds elapsed = environment_.elapsed();
  if (own_ && own_->at(elapsed) < log) own_ = Own{log, elapsed, own_->told};
  const Time least = own_ ? own_->at(elapsed) : log;
  if (clock >= least) {
    own_.reset();
    return clock;
  }
  if (!own_) own_ = Own{log, elapsed, {}};
  tell(std::chrono::microseconds(least.micros - clock.micros));
  return least;
}

void LogClock::tell(std::chrono::microseconds behind) {
  if (behind - own_->told <= kTold) return;
  own_->told = behind;
  if (told_) told_(behind);
}

}  // namespace emstore::store
