#include "store/order_key.h"

#include <algorithm>
#include <limits>

#include "base/big_endian.h"
#include "base/check.h"

namespace emstore::store {
namespace {

constexpr std::size_t kAppendKeyBytes = 8;

// A key reads as a fraction in base 256: 0x80 is a half, and trailing zeros mean nothing. Keys that
// do not end in 0x00 and fractions are then the same thing, in the same order.
int digit(std::string_view key, std::size_t place) {
  return place < key.size() ? static_cast<unsigned char>(key[place]) : 0;
}

std::string_view without_trailing_zeros(std::string_view key) {
  while (!key.empty() && key.back() == '\0') key.remove_suffix(1);
  return key;
}

// The first `size` digits of `key`, plus `offset` in the last of them.
OrderKey sum(std::string_view key, std::size_t size, int offset) {
  OrderKey result(key.substr(0, std::min(size, key.size())));
  result.resize(size, '\0');
  int carry = offset;
  for (std::size_t place = size; place > 0 && carry > 0; --place) {
    carry += digit(result, place - 1);
    result[place - 1] = static_cast<char>(carry % 256);
    carry /= 256;
  }
  return result;
}

// What bounds a key that may follow all others: the next number that can still be appended. Without
// it the shortest key above would be greater than numbers that are appended later.
std::optional<OrderKey> next_append_after(std::string_view before) {
  std::uint64_t number = 0;
  for (std::size_t place = 0; place < kAppendKeyBytes; ++place) {
    number = number << 8 | static_cast<std::uint64_t>(digit(before, place));
  }
  if (number == std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return append_key(std::max(number + 1, kFirstAppendNumber));
}

enum class Place { lowest, middle, highest };

std::optional<OrderKey> shortest_between(std::string_view low, std::string_view high, Place place) {
  // `apart` is how far the first `size` digits of `high` lie above those of `low`. It never exceeds
  // 1 before a key is found, so it stays small.
  int apart = 0;
  for (std::size_t size = 1; size <= kOrderKeyBytesMax; ++size) {
    apart = apart * 256 + digit(high, size - 1) - digit(low, size - 1);
    const int room = apart - (high.size() > size ? 0 : 1);
    if (room < 1) continue;
    switch (place) {
      case Place::lowest:
        return sum(low, size, 1);
      case Place::middle:
        return sum(low, size, (room + 1) / 2);
      case Place::highest:
        return sum(low, size, room);
    }
  }
  return std::nullopt;
}

}  // namespace

OrderKey append_key(std::uint64_t number) {
  OrderKey key;
  append_big_endian(key, number);
  return key;
}

std::optional<OrderKey> key_between(std::string_view before, std::string_view after) {
  if (after.empty()) {
    const auto bound = next_append_after(before);
    if (!bound) return std::nullopt;
    return shortest_between(before, without_trailing_zeros(*bound), Place::lowest);
  }
  EMSTORE_CHECK(before < after);
  // Who puts one link first puts the next one first too: the highest key leaves the most room
  // below.
  const Place place = before.empty() ? Place::highest : Place::middle;
  return shortest_between(before, without_trailing_zeros(after), place);
}

std::optional<std::uint64_t> append_number_of(std::string_view key) {
  if (key.size() != kAppendKeyBytes) return std::nullopt;
  return big_endian<std::uint64_t>(key);
}

}  // namespace emstore::store
