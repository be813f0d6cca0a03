#include "daemon/reactor.h"

#include <iterator>
#include <thread>
#include <utility>

namespace emstore::daemon {

using Clock = std::chrono::steady_clock;

Reactor::Reactor(std::chrono::microseconds spin)
    : spin_(std::thread::hardware_concurrency() > 1 ? spin : std::chrono::microseconds(0)) {}

void Reactor::run() {
  if (spin_.count() == 0) {
    context_.run();
    return;
  }
  while (!context_.stopped()) {
    const auto deadline = Clock::now() + spin_;
    bool found = context_.poll() > 0;
    while (!found && Clock::now() < deadline) found = context_.poll() > 0;
    if (!found) context_.run_one();
  }
}

void Reactor::stop() { context_.stop(); }

void Reactor::deliver(std::vector<Task<>> tasks) {
  if (tasks.empty()) return;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = delivered_.empty();
    delivered_.insert(delivered_.end(), std::make_move_iterator(tasks.begin()),
                      std::make_move_iterator(tasks.end()));
  }
  if (was_empty) asio::post(context_, [this] { take_delivered(); });
}

void Reactor::deliver(Task<> task) {
  std::vector<Task<>> tasks;
  tasks.push_back(std::move(task));
  deliver(std::move(tasks));
}

void Reactor::defer(Task<> task) { asio::post(context_, std::move(task)); }

void Reactor::take_delivered() {
  std::vector<Task<>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(delivered_);
  }
  for (Task<>& task : tasks) task();
}

}  // namespace emstore::daemon
