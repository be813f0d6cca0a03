#include "daemon/pool.h"

#include <pthread.h>

#include <utility>

namespace emstore::daemon {

void name_this_thread(const std::string& name) {
  constexpr std::size_t kNameBytesMax = 15;  // Of the kernel.
  pthread_setname_np(pthread_self(), name.substr(0, kNameBytesMax).c_str());
}

Pool::Pool(std::string name, std::size_t threads, std::size_t waiting_max)
    : waiting_max_(waiting_max) {
  for (std::size_t index = 0; index < threads; ++index) {
    threads_.emplace_back([this, index, name] {
      name_this_thread(name + std::to_string(index));
      serve(index);
    });
  }
}

Pool::~Pool() { stop(); }

bool Pool::submit(Lane lane, Work work) {
  std::unique_lock lock(mutex_);
  return add(lock, lane, std::move(work));
}

bool Pool::submit(Work work) {
  std::unique_lock lock(mutex_);
  return add(lock, next_own_lane_--, std::move(work));
}

bool Pool::add(std::unique_lock<std::mutex>& lock, Lane lane, Work work) {
  if (stopping_ || waiting_ >= waiting_max_) return false;
  ++waiting_;
  std::deque<Work>& pieces = lanes_[lane];
  pieces.push_back(std::move(work));
  if (pieces.size() > 1) return true;  // Its turn comes when the one before it is done.
  ready_.push_back(lane);
  lock.unlock();
  ready_changed_.notify_one();
  return true;
}

std::size_t Pool::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

void Pool::serve(std::size_t thread) {
  std::unique_lock lock(mutex_);
  while (true) {
    ready_changed_.wait(lock, [this] { return stopping_ || !ready_.empty(); });
    if (stopping_) return;
    const Lane lane = ready_.front();
    ready_.pop_front();
    {
      Work work = std::move(lanes_[lane].front());
      --waiting_;
      lock.unlock();
      work(thread);
      // What the work holds goes before the lock is taken again: it may be a whole snapshot.
    }
    lock.lock();
    const auto pieces = lanes_.find(lane);
    pieces->second.pop_front();
    if (pieces->second.empty()) {
      lanes_.erase(pieces);
    } else {
      ready_.push_back(lane);
      ready_changed_.notify_one();
    }
  }
}

void Pool::stop() {
  std::unordered_map<Lane, std::deque<Work>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const std::lock_guard lock(mutex_);
  dropped.swap(lanes_);
  waiting_ = 0;
}

}  // namespace emstore::daemon
