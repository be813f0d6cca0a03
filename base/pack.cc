#include "base/pack.h"

#include <array>
#include <bit>
#include <msgpack/pack.hpp>

#include "base/check.h"
#include "base/time.h"

namespace emstore::pack {
namespace {

constexpr std::uint64_t kNanosPerMicro = 1'000;

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

// The bytes of `bits` at `out`, the highest of `count` first.
void put_big_endian(std::uint64_t bits, char* out, unsigned count) {
  while (count > 0) *out++ = static_cast<char>(bits >> (8 * --count));
}

struct TimestampBody {
  std::array<char, 12> bytes{};
  std::uint32_t size = 0;
};

// The shortest of the three forms that holds the time.
TimestampBody timestamp_body(Time time) {
  std::int64_t seconds = time.micros / kMicrosPerSecond;
  std::int64_t micros = time.micros % kMicrosPerSecond;
  if (micros < 0) {
    micros += kMicrosPerSecond;
    --seconds;
  }
  const std::uint64_t nanos = static_cast<std::uint64_t>(micros) * kNanosPerMicro;
  const auto bits = static_cast<std::uint64_t>(seconds);
  TimestampBody body;
  if (bits >> kTimestampSecondsBits != 0) {
    body.size = 12;
    put_big_endian(nanos, body.bytes.data(), 4);
    put_big_endian(bits, body.bytes.data() + 4, 8);
  } else if (nanos != 0 || bits >> 32U != 0) {
    body.size = 8;
    put_big_endian(nanos << kTimestampSecondsBits | bits, body.bytes.data(), 8);
  } else {
    body.size = 4;
    put_big_endian(bits, body.bytes.data(), 4);
  }
  return body;
}

}  // namespace

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
  put_big_endian(std::bit_cast<std::uint64_t>(positive_zero), bytes.data() + 1, 8);
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
  const TimestampBody body = timestamp_body(value);
  append(out_, [&body](auto& packer) {
    packer.pack_ext(body.size, kTimestampType);
    packer.pack_ext_body(body.bytes.data(), body.size);
  });
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
