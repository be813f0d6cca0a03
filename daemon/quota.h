// Quota: how much may be stored in all, and how much one user may have uploaded that no media has.
// Asked before any byte is written.
//
// What is let in is added up; only when that comes to a bound is everything counted, for the rows
// know what was collected, named or stored already. So a bound costs nothing far away from it, and
// there is no counter that could be wrong for long. Whoever asks while somebody counts is judged by
// the count before, and the pause after a count is a multiple of the time it took: a user at the
// bound holds up nobody else. What comes or goes during a count may count twice until the next one,
// but never not at all. What is on its way to the writer within requests is not counted.
//
// Threads: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "blobs/uploads.h"
#include "store/store.h"
#include "store/usage.h"

namespace emstore::daemon {

struct QuotaLimits {
  std::uint64_t stored_bytes_max = 0;    // 0: no bound.
  std::uint64_t unlinked_bytes_max = 0;  // Of one user. 0: no bound.
  // From one count to the next, at least; and so many times as long as the count took, so that
  // counting takes a tenth of the time of one thread at most.
  std::chrono::microseconds count_pause_min = std::chrono::seconds(1);
  int count_pause_times = 10;
};

// What rows say, and what unfinished uploads hold. Errors: those of store::count_usage().
Result<store::Usage> usage_of(const store::Store& store, const blobs::Uploads& uploads);

class Quota {
 public:
  // Called on the threads that ask, by one at a time.
  using Count = std::function<Result<store::Usage>()>;

  explicit Quota(const QuotaLimits& limits) : limits_(limits) {}
  // How to count: to be said before the first question.
  void count_by(Count count) { count_ = std::move(count); }

  // Whether so many bytes more may be uploaded. Every count includes them until the admission,
  // which the quota outlives, is let go of. Errors: disk_full, which names the limit; those of the
  // count.
  Result<blobs::Admission> admit_upload(std::uint32_t uid, std::uint64_t bytes);
  // The same of bytes that come with the request that names them.
  Status admit_named(std::uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;
  // For who has the turn.
  Status admit(std::unique_lock<std::mutex>& turn, const std::uint32_t* uid, std::uint64_t bytes);
  Status count_if_due(std::unique_lock<std::mutex>& turn, const std::uint32_t* uid,
                      std::uint64_t bytes);
  Status check(const std::uint32_t* uid, std::uint64_t bytes) const;
  Status count(std::unique_lock<std::mutex>& turn);

  const QuotaLimits limits_;
  Count count_;
  std::mutex turn_;  // Nobody counts with it.
  std::condition_variable counted_;
  std::optional<store::Usage> used_;  // Nothing before the first count.
  store::Usage uncounted_;            // Of `used_`, what the count under way may miss.
  store::Usage reserved_;             // By admissions.
  bool is_counting_ = false;
  Clock::time_point next_count_{};
};

}  // namespace emstore::daemon
