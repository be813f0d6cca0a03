#include "daemon/pool.h"

#include <pthread.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace emstore::daemon {

void name_this_thread(const std::string& name) {
  constexpr std::size_t kNameBytesMax = 15;  // Of the kernel.
  pthread_setname_np(pthread_self(), name.substr(0, kNameBytesMax).c_str());
}

Pool::Pool(std::string name, std::size_t threads, const Bounds& bounds) : bounds_(bounds) {
  try {
    for (std::size_t index = 0; index < threads; ++index) {
      threads_.emplace_back([this, index, name] {
        name_this_thread(name + std::to_string(index));
        serve(index);
      });
    }
  } catch (const std::system_error&) {
    stop();
    throw;
  }
}

Pool::~Pool() { stop(); }

bool Pool::submit(Lane lane, std::size_t bytes, Work work) {
  std::unique_lock lock(mutex_);
  return add(lock, lane, {std::move(work), bytes});
}

bool Pool::submit(Work work) {
  std::unique_lock lock(mutex_);
  return add(lock, next_own_lane_--, {std::move(work), 0});
}

bool Pool::add(std::unique_lock<std::mutex>& lock, Lane lane, Piece piece) {
  if (stopping_ || waiting_ >= bounds_.waiting) return false;
  if (piece.bytes > bounds_.bytes - std::min(bytes_, bounds_.bytes)) return false;
  ++waiting_;
  bytes_ += piece.bytes;
  Pieces& pieces = lanes_[lane];
  pieces.push_back(std::move(piece));
  if (pieces.size() > 1) return true;  // Its turn comes when the one before it is done.
  ready_.push_back(lane);
  lock.unlock();
  ready_changed_.notify_one();
  return true;
}

void Pool::drop(Lane lane) {
  Pieces dropped;  // What they hold goes after the lock.
  const std::lock_guard lock(mutex_);
  const auto found = lanes_.find(lane);
  if (found == lanes_.end()) return;
  Pieces& pieces = found->second;
  const auto ready = std::ranges::find(ready_, lane);
  const bool is_running = ready == ready_.end();
  while (pieces.size() > (is_running ? 1u : 0u)) {
    bytes_ -= pieces.back().bytes;
    --waiting_;
    dropped.push_back(std::move(pieces.back()));
    pieces.pop_back();
  }
  if (is_running) return;
  ready_.erase(ready);
  lanes_.erase(found);
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
      Work work = std::move(lanes_[lane].front().work);
      --waiting_;
      lock.unlock();
      work(thread);
      // What the work holds goes before the lock is taken again: it may be a whole snapshot.
    }
    lock.lock();
    const auto pieces = lanes_.find(lane);
    bytes_ -= pieces->second.front().bytes;
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
  std::unordered_map<Lane, Pieces> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  const std::lock_guard lock(mutex_);
  dropped.swap(lanes_);
  waiting_ = bytes_ = 0;
}

}  // namespace emstore::daemon
