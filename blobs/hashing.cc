#include "blobs/hashing.h"

#include <utility>

namespace emstore::blobs {

Hashing::Hashing(System& system, const File& file, std::filesystem::path path, Pace pace)
    : system_(system), file_(file), path_(std::move(path)), pace_(std::move(pace)), thread_([this] {
        serve();
      }) {}

Hashing::~Hashing() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_over_ = is_dropped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Hashing::written(std::uint64_t size) {
  {
    const std::lock_guard lock(mutex_);
    written_ = size;
  }
  changed_.notify_all();
}

Result<ContentDigest> Hashing::finish() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
  }
  changed_.notify_all();
  thread_.join();
  EMSTORE_CHECKED(std::move(outcome_));
  return hasher_.digest();
}

void Hashing::serve() {
  std::unique_lock lock(mutex_);
  while (outcome_) {
    changed_.wait(lock, [this] { return is_over_ || hashed_ < written_; });
    const std::uint64_t size = written_;
    if (is_dropped_ || hashed_ == size) return;
    lock.unlock();
    outcome_ = hash_to(size);
    lock.lock();
  }
}

Status Hashing::hash_to(std::uint64_t size) {
  const auto take = [this](std::string_view piece) -> Status {
    if (is_dropped()) return failure(ErrorCode::cancelled, "nobody waits for the digest");
    hasher_.update(piece);
    return keep_pace(pace_, piece.size(), path_);
  };
  EMSTORE_TRY(hashed_, read_pieces(system_, file_, hashed_, size, path_, take));
  if (hashed_ == size) return {};
  return failure(ErrorCode::io_failed, path_.string() + " has become shorter");
}

bool Hashing::is_dropped() {
  const std::lock_guard lock(mutex_);
  return is_dropped_;
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
