#include "base/hash.h"

// The calls below are the ones that OpenSSL 3 calls old: what is to follow them, EVP, takes longer
// to begin and to end than most of our digests do to compute.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/hash_pieces.h"
#include "base/hash_xxh3.h"

namespace emstore {
namespace {

// Both digits of every byte: a reply with a gallery has a thousand of them.
constexpr auto kHexOfByte = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return table;
}();

const Xxh3Variant& xxh3() {
#if defined(__x86_64__)
  static const Xxh3Variant kVariant =
      __builtin_cpu_supports("avx2") ? xxh3_avx2() : xxh3_baseline();
#else
  static const Xxh3Variant kVariant = xxh3_baseline();
#endif
  return kVariant;
}

// The canonical form of xxHash: the words as one big-endian number.
Digest128 canonical(const Xxh3Words& words) {
  Digest128 digest{};
  for (unsigned i = 0; i < 8; ++i) {
    digest[i] = static_cast<std::uint8_t>(words.high >> (56 - 8 * i));
    digest[8 + i] = static_cast<std::uint8_t>(words.low >> (56 - 8 * i));
  }
  return digest;
}

// One running SHA-256; a copy runs on by itself. Its calls cannot fail.
class Sha256Context {
 public:
  Sha256Context() { SHA256_Init(&context_); }
  void update(std::string_view bytes) { SHA256_Update(&context_, bytes.data(), bytes.size()); }
  // The context is used up.
  Sha256 finish() {
    Sha256 digest{};
    SHA256_Final(digest.data(), &context_);
    return digest;
  }

 private:
  SHA256_CTX context_{};
};

std::optional<unsigned> hex_digit_of(char sign) {
  if (sign >= '0' && sign <= '9') return static_cast<unsigned>(sign - '0');
  if (sign >= 'a' && sign <= 'f') return static_cast<unsigned>(sign - 'a') + 10;
  if (sign >= 'A' && sign <= 'F') return static_cast<unsigned>(sign - 'A') + 10;
  return std::nullopt;
}

}  // namespace

Xxh3Variant xxh3_baseline() { return xxh3_of_this_file(); }

Digest128 xxh3_128(std::string_view bytes) {
  return canonical(xxh3().digest128(bytes.data(), bytes.size()));
}

Sha256 sha256(std::string_view bytes) { return sha256({bytes}); }

Sha256 sha256(std::initializer_list<std::string_view> parts) {
  Sha256Context context;
  for (const std::string_view part : parts) context.update(part);
  return context.finish();
}

std::uint64_t checksum64(std::string_view bytes) {
  return xxh3().digest64(bytes.data(), bytes.size());
}

ContentDigest digest_of(std::string_view bytes) {
  return {.xxh3 = xxh3_128(bytes), .sha256 = sha256(bytes), .size = bytes.size()};
}

struct ContentHasher::State {
  XXH3_state_t xxh3_state;
  Sha256Context sha256;
  std::uint64_t size = 0;
};

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {
  xxh3().reset(&state_->xxh3_state);
}
ContentHasher::ContentHasher(ContentHasher&&) noexcept = default;
ContentHasher& ContentHasher::operator=(ContentHasher&&) noexcept = default;
ContentHasher::~ContentHasher() = default;

void ContentHasher::update(std::string_view piece) {
  // Slices that stay in the processor's cache, so that the second digest does not read memory
  // again.
  constexpr std::size_t kSliceBytes = 128 << 10;
  state_->size += piece.size();
  while (!piece.empty()) {
    const std::string_view slice = piece.substr(0, kSliceBytes);
    xxh3().update(&state_->xxh3_state, slice.data(), slice.size());
    state_->sha256.update(slice);
    piece.remove_prefix(slice.size());
  }
}

ContentDigest ContentHasher::digest() const {
  Sha256Context copy = state_->sha256;
  return {.xxh3 = canonical(xxh3().digest128_of_state(&state_->xxh3_state)),
          .sha256 = copy.finish(),
          .size = state_->size};
}

struct PiecesHasher::State {
  XXH3_state_t xxh3_state;
};

PiecesHasher::PiecesHasher() : state_(std::make_unique<State>()) {
  xxh3().reset(&state_->xxh3_state);
}
PiecesHasher::~PiecesHasher() = default;
PiecesHasher::PiecesHasher(const PiecesHasher& other) : PiecesHasher() { *this = other; }
PiecesHasher& PiecesHasher::operator=(const PiecesHasher& other) {
  *state_ = *other.state_;
  return *this;
}

void PiecesHasher::update(std::string_view piece) {
  xxh3().update(&state_->xxh3_state, piece.data(), piece.size());
}

Digest128 PiecesHasher::digest() const {
  return canonical(xxh3().digest128_of_state(&state_->xxh3_state));
}

char* put_hex(std::string_view bytes, char* place) {
  for (const char byte : bytes) {
    std::memcpy(place, kHexOfByte[static_cast<unsigned char>(byte)].data(), 2);
    place += 2;
  }
  return place;
}

std::string to_hex(std::string_view bytes) {
  std::string text(2 * bytes.size(), '\0');
  put_hex(bytes, text.data());
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = hex_digit_of(text[i]);
    const auto low = hex_digit_of(text[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<char>(*high << 4 | *low));
  }
  return bytes;
}

}  // namespace emstore
