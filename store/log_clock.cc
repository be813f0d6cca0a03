#include "store/log_clock.h"

#include <algorithm>
#include <utility>

namespace emstore::store {
namespace {

// A clock that is put right step by step is none that was wrong.
constexpr std::chrono::microseconds kTold = std::chrono::seconds(1);

}  // namespace

LogClock::LogClock(Environment& environment, Behind told)
    : environment_(environment), told_(std::move(told)) {}

Time LogClock::now(Time log) {
  const std::lock_guard turn(mutex_);
  const Time clock = environment_.now();
  const std::chrono::microseconds elapsed = environment_.elapsed();
  Time least = log;
  if (own_)
    least.micros = std::max(least.micros, (own_->time.micros + (elapsed - own_->elapsed).count()));
  if (clock >= least) {
    own_.reset();
    return clock;
  }
  if (!own_) own_.emplace();
  own_->time = least;
  own_->elapsed = elapsed;
  tell(std::chrono::microseconds(least.micros - clock.micros));
  return least;
}

void LogClock::tell(std::chrono::microseconds behind) {
  if (behind - own_->told <= kTold) return;
  own_->told = behind;
  if (told_) told_(behind);
}

}  // namespace emstore::store
