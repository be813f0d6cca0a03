// Unsigned integers as big-endian bytes, so that keys sort as their numbers do.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace emstore {

template <std::unsigned_integral Integer>
void append_big_endian(std::string& out, Integer value) {
  std::array<char, sizeof(Integer)> bytes;
  int shift = static_cast<int>(sizeof(Integer)) * 8;
  for (char& byte : bytes) byte = static_cast<char>(value >> (shift -= 8));
  out.append(bytes.data(), bytes.size());
}

// The integer that `bytes` are, all of them.
template <std::unsigned_integral Integer>
Integer big_endian(std::string_view bytes) {
  Integer value = 0;
  for (const char byte : bytes) {
    value = static_cast<Integer>(static_cast<std::uint64_t>(value) << 8 |
                                 static_cast<std::uint8_t>(byte));
  }
  return value;
}

// Takes pieces off the front of fixed-width bytes. Once a piece is not there, the reader is no
// longer good() and gives zeros and empty views: check once, at the end.
class BytesReader {
 public:
  explicit BytesReader(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral Integer>
  Integer integer() {
    return big_endian<Integer>(take(sizeof(Integer)));
  }

  std::string_view take(std::size_t count) {
    if (rest_.size() < count) good_ = false;
    if (!good_) return {};
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::string_view rest() const { return rest_; }
  bool good() const { return good_; }
  bool ended() const { return good_ && rest_.empty(); }
  void fail() { good_ = false; }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace emstore
