// Quota: how much may be stored in all, and how much one user may have uploaded that no media has.
// Asked before any byte is written.
//
// What is let in is added up; only when that comes to a bound are the rows counted, at most once a
// second, for they know what was collected, named or stored already. So a bound costs nothing far
// away from it, and there is no counter that could be wrong for long. What is on its way to the
// writer within requests is not counted then.
//
// Threads: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

#include "base/result.h"
#include "blobs/uploads.h"
#include "store/store.h"
#include "store/usage.h"

namespace emstore::daemon {

struct QuotaLimits {
  std::uint64_t stored_bytes_max = 0;    // 0: no bound.
  std::uint64_t unlinked_bytes_max = 0;  // Of one user. 0: no bound.
};

class Quota {
 public:
  // `store` outlives it.
  Quota(const store::Store& store, const QuotaLimits& limits) : store_(store), limits_(limits) {}
  // Whose unfinished uploads count, too. Outlives the last question.
  void watch(const blobs::Uploads& uploads) { uploads_ = &uploads; }

  // Whether so many bytes more may be uploaded. Errors: disk_full, which names the limit;
  // io_failed.
  Status admit_upload(std::uint32_t uid, std::uint64_t bytes);
  // The same of bytes that come with the request that names them.
  Status admit_named(std::uint64_t bytes);

 private:
  using Clock = std::chrono::steady_clock;
  Status admit(const std::uint32_t* uid, std::uint64_t bytes);
  Status check(const std::uint32_t* uid, std::uint64_t bytes) const;
  Status count();

  const store::Store& store_;
  const QuotaLimits limits_;
  const blobs::Uploads* uploads_ = nullptr;
  std::mutex turn_;
  store::Usage used_;
  Clock::time_point counted_{};
};

}  // namespace emstore::daemon
