#include "store/log_clock.h"

#include <utility>

namespace emstore::store {
namespace {

// A clock that is put right step by step is none that was wrong.
constexpr std::int64_t kToldMicros = 1'000'000;

}  // namespace

LogClock::LogClock(Environment& environment, Behind told)
    : environment_(environment), told_(std::move(told)) {}

Time LogClock::now(Time log) {
  const std::int64_t clock = environment_.now().micros;
  const std::int64_t behind = log.micros - clock;
  const std::int64_t known = ahead_;
  if (behind <= 0) {
    ahead_ = 0;
    return Time{clock};
  }
  if (behind <= known) return Time{clock + known};
  ahead_ = behind;
  if (told_ && behind - known > kToldMicros) told_(std::chrono::microseconds(behind));
  return log;
}

}  // namespace emstore::store
