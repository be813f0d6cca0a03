// Space: whether the disks have room for more. Below the bound nothing that grows the store is
// begun, so that what is there goes on being read and a write never fails half way; room that comes
// back is noticed by itself. Threads: the reactor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "daemon/log.h"

namespace emstore::daemon {

class Space {
 public:
  // `log` outlives it. The folders may lie on one disk or on several.
  Space(Log& log, std::vector<std::filesystem::path> folders, std::uint64_t free_bytes_min);

  // Looks again when the last look is a moment old. Errors: disk_full, which names the folder.
  Status check();

 private:
  using Clock = std::chrono::steady_clock;
  Status look() const;

  Log& log_;
  const std::vector<std::filesystem::path> folders_;
  const std::uint64_t free_bytes_min_;
  Clock::time_point looked_{};
  Status last_;
};

}  // namespace emstore::daemon
