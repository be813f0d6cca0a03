// Address: where content lies. The XXH3-128 of the bytes, and an ordinal that tells apart contents
// that collide. The size alone decides the tier, so one content never lies in both.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace emstore {

// Up to this size bytes lie in the database, in the batch that names them; above, in a file. A
// constant of the format: it never changes.
inline constexpr std::uint64_t kSmallBlobBytesMax = 65'536;

struct Address {
  Digest128 digest{};
  std::uint8_t ordinal = 0;  // 0-127: rows; 128-255: files.

  auto operator<=>(const Address&) const = default;
  bool is_file() const { return ordinal >= 128; }
};

inline constexpr std::size_t kAddressBytes = 17;  // As to_bytes() packs it.
inline constexpr std::uint8_t kFirstRowOrdinal = 0;
inline constexpr std::uint8_t kFirstFileOrdinal = 128;

// "xxh3-128:9fea…7d58", and the ordinal in decimal after a dot unless it is 0: ".1" and on for a
// row that collides, ".128" and on for every file. One address has one text: lower case, no leading
// zeros.
std::string to_string(const Address& address);
// The same at `place`; gives its size.
inline constexpr std::size_t kAddressTextBytesMax = 45;
std::size_t put_text(const Address& address, std::span<char, kAddressTextBytesMax> place);
// Nothing when `text` is not exactly what to_string() gives for some address.
std::optional<Address> address_of(std::string_view text);

// 17 bytes: digest, ordinal. As in keys and payloads.
std::string to_bytes(const Address& address);
std::optional<Address> address_of_bytes(std::string_view bytes);

}  // namespace emstore
