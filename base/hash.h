// The digests of emstore, and the only door to xxHash and libcrypto.
//
// XXH3-128 is an address, never a proof: a second content with the same digest takes a millisecond
// to forge. Equality is shown by comparing bytes; SHA-256 is recorded as evidence.
//
// Sources: XXH3 as in xxHash 0.8 (seed 0, canonical big-endian form); SHA-256 as in FIPS 180-4.
//
// Threads: everything here may be called from any thread; a hasher from one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace emstore {

using Digest128 = std::array<std::uint8_t, 16>;
using Sha256 = std::array<std::uint8_t, 32>;

// The AVX2 variant is chosen at run time where the processor has it.
Digest128 xxh3_128(std::string_view bytes);
Sha256 sha256(std::string_view bytes);
// The digest of the parts, one after the other, without joining them.
Sha256 sha256(std::initializer_list<std::string_view> parts);
// A checksum against accidents, for small files of our own.
std::uint64_t checksum64(std::string_view bytes);

struct ContentDigest {
  Digest128 xxh3{};
  Sha256 sha256{};
  std::uint64_t size = 0;
  bool operator==(const ContentDigest&) const = default;
};

ContentDigest digest_of(std::string_view bytes);

// Both digests of content that comes in pieces.
class ContentHasher {
 public:
  ContentHasher();
  ContentHasher(ContentHasher&&) noexcept;
  ContentHasher& operator=(ContentHasher&&) noexcept;
  ~ContentHasher();

  void update(std::string_view piece);
  // The digest of all pieces so far; more may follow.
  ContentDigest digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_hex(std::string_view bytes);
// The same at `place`, where two for each byte have room; gives the place behind them.
char* put_hex(std::string_view bytes, char* place);
// Nothing when `text` is not an even number of hexadecimal digits, of either case.
std::optional<std::string> from_hex(std::string_view text);

template <std::size_t N>
std::string_view as_bytes(const std::array<std::uint8_t, N>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), N};
}

}  // namespace emstore
