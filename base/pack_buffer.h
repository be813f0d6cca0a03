// Packed values one behind the other, for who writes thousands of small ones: one memory, kept from
// one use to the next, and no call for each. What it holds goes to a Sink in one piece.
// Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include <emstore/value.hpp>

namespace emstore::pack {

class Buffer {
 public:
  void clear() { size_ = 0; }
  // Valid until something is added.
  std::string_view bytes() const { return {memory_.get(), size_}; }

  // Bytes that are packed already.
  void raw(std::string_view packed) {
    if (!packed.empty()) std::memcpy(room(packed.size()), packed.data(), packed.size());
  }
  void null() { *room(1) = '\xC0'; }
  void time(Time value);
  void unsigned_integer(std::uint64_t value);
  // A text of `size` bytes, less than 64 KiB, which the caller writes to the place that is given.
  char* text(std::size_t size) {
    if (size < 32) {
      char* const place = room(1 + size);
      *place = static_cast<char>(0xA0U | size);
      return place + 1;
    }
    return long_text(size);
  }

 private:
  char* long_text(std::size_t size);

  // The place of so many more bytes.
  char* room(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    char* const place = memory_.get() + size_;
    size_ += size;
    return place;
  }
  void grow(std::size_t size);

  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace emstore::pack
