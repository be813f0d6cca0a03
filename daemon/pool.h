// A pool: a few threads for what would hold up the reactor. Work in one lane is done in the order
// in which it came, one piece at a time; lanes do not wait for each other.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "daemon/task.h"

namespace emstore::daemon {

class Pool {
 public:
  // A piece of work; told which of the pool's threads (from 0) carries it out.
  using Work = Task<std::size_t>;
  using Lane = std::uint64_t;

  struct Bounds {
    std::size_t waiting = 0;              // Pieces that wait.
    std::size_t bytes = ~std::size_t{0};  // Of what pieces hold, waiting and running.
  };

  // Threads bear `name`. Throws std::system_error when the system has no more of them.
  Pool(std::string name, std::size_t threads, const Bounds& bounds);
  ~Pool();  // As stop().
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Any thread. False, and nothing is kept, when too much waits or the pool is stopped. `bytes`:
  // what the piece roughly holds in memory.
  bool submit(Lane lane, std::size_t bytes, Work work);
  // Work that need not wait for any other, and holds little.
  bool submit(Work work);
  // Drops what waits in a lane; a piece that runs is finished.
  void drop(Lane lane);
  std::size_t waiting() const;
  std::size_t threads() const { return threads_.size(); }

  // Lets running pieces finish, drops those that wait, ends the threads.
  void stop();

 private:
  struct Piece {
    Work work;
    std::size_t bytes = 0;
  };
  using Pieces = std::deque<Piece>;
  void serve(std::size_t thread);
  bool add(std::unique_lock<std::mutex>& lock, Lane lane, Piece piece);

  // Lanes given to single pieces count down from the top, where no caller's lane will ever be.
  static constexpr Lane kLastOwnLane = ~Lane{0};

  const Bounds bounds_;
  mutable std::mutex mutex_;
  std::condition_variable ready_changed_;
  std::unordered_map<Lane, Pieces> lanes_;  // The front of each runs or is ready.
  std::deque<Lane> ready_;
  std::size_t waiting_ = 0;
  std::size_t bytes_ = 0;
  Lane next_own_lane_ = kLastOwnLane;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// Shows in `top -H` and debuggers; at most 15 bytes.
void name_this_thread(const std::string& name);

}  // namespace emstore::daemon
