// A content that is read or sent from its first byte to its last, held against its address: bytes
// of a file that have rotted are an error, not an answer.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash_pieces.h"
#include "base/result.h"

namespace emstore {

// Copies go on by themselves, so a reading that failed can begin again where it was.
class WholeContent {
 public:
  // What has `size` bytes, of which none were taken yet.
  explicit WholeContent(std::uint64_t size) : size_(size) {}

  // Bytes from `offset` on: nothing before was left out since the content was begun with, or they
  // count no more until it is begun again.
  void take(std::uint64_t offset, std::string_view bytes);
  // Errors, once all was taken: corrupt_blob, when it is not what lies at `address` by right.
  Status check(const std::string& address) const;
  std::uint64_t taken() const { return taken_; }

 private:
  std::uint64_t size_;
  std::uint64_t taken_ = 0;  // From the beginning on.
  PiecesHasher hasher_;
};

}  // namespace emstore
