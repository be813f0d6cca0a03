#include "blobs/hashing.h"

namespace emstore::blobs {

Hashing::Hashing() : thread_([this] { serve(); }) {}

Hashing::~Hashing() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = is_dropped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::span<char> Hashing::room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.size() < kRooms; });
  std::vector<char>& room = rooms_[next_];
  room.resize(kPieceBytes);
  return room;
}

void Hashing::filled(std::size_t count) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(rooms_[next_].data(), count);
  }
  next_ = (next_ + 1) % kRooms;
  changed_.notify_all();
}

ContentDigest Hashing::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
  return hasher_.digest();
}

void Hashing::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !waiting_.empty(); });
    if (is_dropped_ || waiting_.empty()) return;
    const std::string_view piece = waiting_.front();
    lock.unlock();
    hasher_.update(piece);
    lock.lock();
    waiting_.pop_front();
    changed_.notify_all();
  }
}

}  // namespace emstore::blobs
