// Space: whether the disks have room for more. Below the bound nothing that grows the store is
// begun, so that what is there goes on being read and a write never fails half way; deletions and
// the collection of garbage, which make room, go on down to a part of it. Room that comes back is
// noticed by itself. Threads: the reactor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "base/result.h"
#include "daemon/asio.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "store/rocks.h"

namespace emstore::daemon {

// Whether what is written below the one takes room from the other. Yes where that is not known.
bool are_on_one_disk(const std::filesystem::path& one, const std::filesystem::path& other);

class Space {
 public:
  // All of it outlives this. The folders of data and media are there.
  Space(asio::io_context& context, Log& log, const store::Database& database, const Config& config);

  // Looks again when the last look is a moment old. Errors: disk_full, which names the folder.
  Status check();
  // The same for what makes room and writes to the log alone.
  Status check_for_deletions();
  // Looks every second from now on, also on behalf of the database, whose tables may wait for room.
  void watch();

 private:
  using Clock = std::chrono::steady_clock;
  Status look(const std::filesystem::path& folder, std::uint64_t kept) const;
  void look_again();

  Log& log_;
  const store::Database& database_;
  const Config& config_;
  const std::filesystem::path media_;
  const bool is_media_apart_;  // On a disk of its own, on which no tables are merged.
  asio::steady_timer ticker_;
  Clock::time_point looked_{};
  Status last_;
  Status of_tables_, of_tables_for_deletions_;  // As of the last tick.
};

}  // namespace emstore::daemon
