// The reactor: the one thread that owns every socket and every session, and how other threads hand
// it what they have finished.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <vector>

#include "daemon/asio.h"
#include "daemon/task.h"

namespace emstore::daemon {

class Reactor {
 public:
  // `spin`: how long to look for work before sleeping. An idle virtual processor takes 40 µs to
  // wake, so spinning halves the latency of a quiet daemon and costs that much of a core; of no use
  // on one core.
  explicit Reactor(std::chrono::microseconds spin);

  asio::io_context& context() { return context_; }

  // Works until stop(). The calling thread is the reactor's.
  void run();
  // Any thread.
  void stop();

  // Any thread: hands over what is finished. However many tasks come before the reactor looks, it
  // is woken once.
  void deliver(std::vector<Task<>> tasks);
  void deliver(Task<> task);

  // The reactor's thread only: runs `task` after everything that is ready now, so that what a whole
  // wake-up brought can be dealt with at once.
  void defer(Task<> task);

 private:
  void take_delivered();

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{context_.get_executor()};
  std::chrono::microseconds spin_;
  std::mutex mutex_;
  std::vector<Task<>> delivered_;
};

}  // namespace emstore::daemon
