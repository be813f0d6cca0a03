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

HashingAside::HashingAside() : thread_([this] { serve(); }) {}

HashingAside::~HashingAside() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  given_.notify_all();
  thread_.join();
}

bool HashingAside::begin(ContentHasher& hasher, std::string_view piece) {
  {
    const std::lock_guard lock(mutex_);
    if (is_taken_) return false;
    is_taken_ = true;
    hasher_ = &hasher;
    piece_ = piece;
  }
  given_.notify_one();
  return true;
}

void HashingAside::wait() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return hasher_ == nullptr; });
  is_taken_ = false;
}

void HashingAside::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    given_.wait(lock, [this] { return is_over_ || hasher_ != nullptr; });
    if (hasher_ == nullptr) return;
    lock.unlock();
    hasher_->update(piece_);
    lock.lock();
    hasher_ = nullptr;
    done_.notify_one();
  }
}

}  // namespace emstore::blobs
