#include "blobs/room.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

namespace emstore::blobs {

Room::Promise::Promise(Promise&& other) noexcept
    : room_(std::exchange(other.room_, nullptr)), left_(other.left_) {}

Room::Promise::~Promise() {
  if (room_ != nullptr) kept(left_);
}

void Room::Promise::kept(std::uint64_t bytes) {
  const std::uint64_t given_back = std::min(bytes, left_);
  left_ -= given_back;
  const std::lock_guard lock(room_->mutex_);
  room_->promised_ -= given_back;
}

Status Room::check(std::uint64_t bytes, std::uint64_t promised) const {
  const std::int64_t answer = system_.free_bytes(folder_.descriptor());
  if (answer < 0) return io_failure(errno, "look at the disk of", path_);
  std::uint64_t free_bytes = static_cast<std::uint64_t>(answer);
  promised += elsewhere_();
  free_bytes -= std::min(promised, free_bytes);
  if (bytes <= free_bytes && kept_free_ <= free_bytes - bytes) return {};
  const std::string beside =
      promised == 0 ? "" : " beside the " + std::to_string(promised) + " that others are promised";
  return failure(ErrorCode::disk_full,
                 "the disk of " + path_.string() + " has " + std::to_string(free_bytes) +
                     " bytes left" + beside + ", not " + std::to_string(bytes) + " bytes and " +
                     std::to_string(kept_free_) + " bytes that are kept free",
                 {}, "make room: delete what is not needed and run gc, or lower limits.free_space");
}

Status Room::check(std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  return check(bytes, promised_);
}

Result<Room::Promise> Room::promise(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  EMSTORE_CHECKED(check(bytes, promised_));
  promised_ += bytes;
  return Promise(*this, bytes);
}

Status Room::check_piece(std::uint64_t bytes) const { return check(bytes, 0); }

}  // namespace emstore::blobs
