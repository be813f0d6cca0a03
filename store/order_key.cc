#include "store/order_key.h"

#include <algorithm>

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
OrderKey sum(std::string_view key, std::size_t size, std::int64_t offset) {
  OrderKey result(key.substr(0, std::min(size, key.size())));
  result.resize(size, '\0');
  for (std::size_t place = size; place > 0 && offset != 0; --place) {
    offset += digit(result, place - 1);
    const std::int64_t rest = offset & 0xFF;
    result[place - 1] = static_cast<char>(rest);
    offset = (offset - rest) / 256;
  }
  return OrderKey(without_trailing_zeros(result));
}

// How many keys of up to `size` digits lie between `low` and `high`, counted up to kManyKeys.
constexpr std::int64_t kManyKeys = 1ll << 48;

std::int64_t room_between(std::string_view low, std::string_view high, std::size_t size) {
  std::int64_t apart = 0;
  for (std::size_t place = 0; place < size; ++place) {
    apart = std::min(apart * 256 + digit(high, place) - digit(low, place), kManyKeys);
  }
  return apart - (high.size() > size ? 0 : 1);
}

// How many digits it takes for `count` keys; more than kOrderKeyBytesMax: too many.
std::size_t size_between(std::string_view low, std::string_view high, std::size_t count) {
  std::size_t size = low.empty() ? kAppendKeyBytes : 1;
  while (size <= kOrderKeyBytesMax &&
         room_between(low, high, size) < static_cast<std::int64_t>(count)) {
    ++size;
  }
  return size;
}

}  // namespace

OrderKey append_key(std::uint64_t number) {
  OrderKey key;
  append_big_endian(key, number);
  return key;
}

std::optional<std::uint64_t> append_number_of(std::string_view key) {
  if (key.size() != kAppendKeyBytes) return std::nullopt;
  return big_endian<std::uint64_t>(key);
}

std::optional<std::vector<OrderKey>> keys_between(std::string_view before, std::string_view after,
                                                  std::size_t count, std::size_t bytes_max) {
  EMSTORE_CHECK(before < after);
  after = without_trailing_zeros(after);
  const std::size_t size = size_between(before, after, count);
  if (size > bytes_max) return std::nullopt;
  const std::int64_t room = room_between(before, after, size);
  const std::int64_t highest = after.size() > size ? 0 : -1;
  const auto wanted = static_cast<std::int64_t>(count);
  std::vector<OrderKey> keys;
  keys.reserve(count);
  for (std::int64_t i = 0; i < wanted; ++i) {
    keys.push_back(before.empty() ? sum(after, size, highest - (wanted - 1 - i))
                                  : sum(before, size, (room + 1) * (i + 1) / (wanted + 1)));
  }
  return keys;
}

bool has_room(std::string_view before, std::string_view after, std::size_t count,
              std::size_t bytes_max) {
  return size_between(before, without_trailing_zeros(after), count) <= bytes_max;
}

}  // namespace emstore::store
