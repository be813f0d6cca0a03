// Unsigned integers as big-endian bytes, so that keys sort as their numbers do.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
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

// The same integer with its bytes the other way round, where they are not big-endian already.
template <std::unsigned_integral Integer>
Integer as_big_endian(Integer value) {
  if constexpr (std::endian::native == std::endian::big || sizeof value == 1) return value;
  if constexpr (sizeof value == 2) return __builtin_bswap16(value);
  if constexpr (sizeof value == 4) return __builtin_bswap32(value);
  if constexpr (sizeof value == 8) return __builtin_bswap64(value);
}

// The integer whose bytes begin at `bytes`, and the other way round.
template <std::unsigned_integral Integer>
Integer load_big_endian(const char* bytes) {
  Integer value;
  std::memcpy(&value, bytes, sizeof value);
  return as_big_endian(value);
}
template <std::unsigned_integral Integer>
void store_big_endian(Integer value, char* bytes) {
  const Integer reversed = as_big_endian(value);
  std::memcpy(bytes, &reversed, sizeof reversed);
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
