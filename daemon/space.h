// Space: whether the disks have room for more. Below the bound nothing that grows the store is
// begun, so that what is there goes on being read and a write never fails half way; deletions and
// the collection of garbage, which make room, go on down to a part of it. Room that comes back is
// noticed by itself. Threads: the reactor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "daemon/asio.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "store/rocks.h"

namespace emstore::daemon {

class Space {
 public:
  // What is used for writing outlives it. The folders may lie on one disk or on several.
  Space(asio::io_context& context, Log& log, const store::Database& database,
        std::vector<std::filesystem::path> folders, const Config& config);

  // Looks again when the last look is a moment old. Errors: disk_full, which names the folder.
  Status check();
  // The same for what makes room.
  Status check_for_deletions();
  // Looks every second from now on, also on behalf of the database, whose tables may wait for room.
  void watch();

 private:
  using Clock = std::chrono::steady_clock;
  Status look(std::uint64_t bytes) const;
  void look_again();

  Log& log_;
  const store::Database& database_;
  const std::vector<std::filesystem::path> folders_;
  const Config& config_;
  asio::steady_timer ticker_;
  Clock::time_point looked_{};
  Status last_;
  Status last_of_database_;
};

}  // namespace emstore::daemon
