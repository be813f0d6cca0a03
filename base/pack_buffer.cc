#include "base/pack_buffer.h"

#include <limits>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/pack.h"

namespace emstore::pack {
namespace {

constexpr std::size_t kFirstBytes = 1024;

}  // namespace

void Buffer::time(Time value) {
  room(kTimeBytesMax);
  size_ -= kTimeBytesMax;
  size_ += put_time(value, memory_.get() + size_);
}

void Buffer::unsigned_integer(std::uint64_t value) {
  const auto put = [this](char head, auto bits) {
    char* const place = room(1 + sizeof bits);
    *place = head;
    store_big_endian(bits, place + 1);
  };
  if (value < 0x80) {
    *room(1) = static_cast<char>(value);
  } else if (value <= std::numeric_limits<std::uint8_t>::max()) {
    put('\xCC', static_cast<std::uint8_t>(value));
  } else if (value <= std::numeric_limits<std::uint16_t>::max()) {
    put('\xCD', static_cast<std::uint16_t>(value));
  } else if (value <= std::numeric_limits<std::uint32_t>::max()) {
    put('\xCE', static_cast<std::uint32_t>(value));
  } else {
    put('\xCF', value);
  }
}

char* Buffer::long_text(std::size_t size) {
  EMSTORE_CHECK(size <= std::numeric_limits<std::uint16_t>::max());
  const bool is_short = size <= std::numeric_limits<std::uint8_t>::max();
  char* const place = room((is_short ? 2 : 3) + size);
  if (is_short) {
    place[0] = '\xD9';
    place[1] = static_cast<char>(size);
    return place + 2;
  }
  place[0] = '\xDA';
  place[1] = static_cast<char>(size >> 8U);
  place[2] = static_cast<char>(size);
  return place + 3;
}

void Buffer::grow(std::size_t size) {
  const std::size_t wanted = std::max({kFirstBytes, 2 * capacity_, size_ + size});
  auto larger = std::make_unique<char[]>(wanted);
  if (size_ > 0) std::memcpy(larger.get(), memory_.get(), size_);
  memory_ = std::move(larger);
  capacity_ = wanted;
}

}  // namespace emstore::pack
