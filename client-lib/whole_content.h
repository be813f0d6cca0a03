// A content that is read from its first byte to its last, held against its address: bytes of a file
// that have rotted are an error, not an answer.
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
  // What has `size` bytes, of which none were read yet.
  WholeContent(std::string address, std::uint64_t size);

  // Bytes that were read from `offset` on: nothing before was left out since the content was read
  // from its beginning, or they count no more until it is begun again.
  void take(std::uint64_t offset, std::string_view bytes);
  // Errors, once all was taken: corrupt_blob, when it is not what lies at the address by right.
  Status check() const;

 private:
  std::string address_;
  std::uint64_t size_;
  std::uint64_t taken_ = 0;  // From the beginning on.
  PiecesHasher hasher_;
};

}  // namespace emstore
