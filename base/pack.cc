#include "base/pack.h"

#include <array>
#include <bit>
#include <msgpack/pack.hpp>

#include "base/check.h"
#include "base/time.h"

namespace emstore::pack {
namespace {

// What msgpack::packer wants as its stream.
struct Appender {
  std::string& out;
  void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};

// Calls `pack` with a packer that appends to `out`.
template <typename Pack>
void append(std::string& out, Pack pack) {
  Appender appender{out};
  msgpack::packer<Appender> packer(appender);
  pack(packer);
}

std::uint32_t wire_size(std::size_t size) {
  EMSTORE_CHECK(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

}  // namespace

// Not by msgpack::packer, which writes an extension in three pieces: a result has thousands of
// them.
std::size_t put_time(Time value, char* place) {
  std::int64_t seconds = value.micros / kMicrosPerSecond;
  std::int64_t micros = value.micros % kMicrosPerSecond;
  if (micros < 0) {
    micros += kMicrosPerSecond;
    --seconds;
  }
  const std::uint64_t nanos = static_cast<std::uint64_t>(micros) * kNanosPerMicro;
  const auto bits = static_cast<std::uint64_t>(seconds);
  constexpr auto kType = static_cast<char>(kTimestampType);
  if (bits >> kTimestampSecondsBits != 0) {
    constexpr char kExt8 = '\xC7';
    place[0] = kExt8;
    place[1] = 12;
    place[2] = kType;
    store_big_endian(static_cast<std::uint32_t>(nanos), place + 3);
    store_big_endian(bits, place + 7);
    return 15;
  }
  const bool is_short = nanos == 0 && bits >> 32U == 0;
  constexpr char kFixExt4 = '\xD6', kFixExt8 = '\xD7';
  place[0] = is_short ? kFixExt4 : kFixExt8;
  place[1] = kType;
  if (is_short) {
    store_big_endian(static_cast<std::uint32_t>(bits), place + 2);
    return 6;
  }
  store_big_endian(nanos << kTimestampSecondsBits | bits, place + 2);
  return 10;
}

void Writer::null() {
  append(out_, [](auto& packer) { packer.pack_nil(); });
}

void Writer::boolean(bool value) {
  append(out_, [value](auto& packer) { value ? packer.pack_true() : packer.pack_false(); });
}

void Writer::integer(std::int64_t value) {
  append(out_, [value](auto& packer) { packer.pack_int64(value); });
}

void Writer::unsigned_integer(std::uint64_t value) {
  append(out_, [value](auto& packer) { packer.pack_uint64(value); });
}

// Not by msgpack::packer, whose pack_double writes 2.0 as the integer 2.
void Writer::number(double value) {
  const double positive_zero = value == 0 ? 0.0 : value;
  std::array<char, 9> bytes{'\xCB'};
  store_big_endian(std::bit_cast<std::uint64_t>(positive_zero), bytes.data() + 1);
  out_.append(bytes.data(), bytes.size());
}

void Writer::text(std::string_view value) {
  if (std::array<char, 32> bytes; value.size() < bytes.size()) {  // Most are: appended at once.
    bytes[0] = static_cast<char>(0xA0U | value.size());
    value.copy(bytes.data() + 1, value.size());
    out_.append(bytes.data(), value.size() + 1);
    return;
  }
  append(out_, [value](auto& packer) {
    packer.pack_str(wire_size(value.size()));
    packer.pack_str_body(value.data(), wire_size(value.size()));
  });
}

void Writer::binary(std::string_view value) {
  append(out_, [value](auto& packer) {
    packer.pack_bin(wire_size(value.size()));
    packer.pack_bin_body(value.data(), wire_size(value.size()));
  });
}

void Writer::time(Time value) {
  std::array<char, kTimeBytesMax> bytes;
  out_.append(bytes.data(), put_time(value, bytes.data()));
}

void Writer::begin_list(std::size_t size) {
  append(out_, [size](auto& packer) { packer.pack_array(wire_size(size)); });
}

void Writer::begin_map(std::size_t size) {
  append(out_, [size](auto& packer) { packer.pack_map(wire_size(size)); });
}

std::string to_bytes(const Value& value) {
  std::string bytes;
  Writer(bytes).value(value);
  return bytes;
}

}  // namespace emstore::pack
