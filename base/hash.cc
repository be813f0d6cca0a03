#include "base/hash.h"

#include <openssl/evp.h>

#include <array>
#include <utility>

#include "base/check.h"
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

// Looking the algorithm up costs more than a short digest, so it is done once in a process;
// libcrypto frees it when the process ends.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const kAlgorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EMSTORE_CHECK(kAlgorithm != nullptr);
  return kAlgorithm;
}

// One running SHA-256. Its calls fail only when memory is exhausted.
class Sha256Context {
 public:
  Sha256Context() : context_(EVP_MD_CTX_new()) {
    EMSTORE_CHECK(context_ != nullptr);
    EMSTORE_CHECK(EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1);
  }
  void restart() { EMSTORE_CHECK(EVP_DigestInit_ex2(context_.get(), nullptr, nullptr) == 1); }
  void update(std::string_view bytes) {
    EMSTORE_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  // The context is used up; restart() makes it fresh.
  Sha256 finish() {
    Sha256 digest{};
    EMSTORE_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    return digest;
  }
  void copy_from(const Sha256Context& other) {
    EMSTORE_CHECK(EVP_MD_CTX_copy_ex(context_.get(), other.context_.get()) == 1);
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// A context of its own for each thread: making one costs as much as a short digest.
Sha256Context& scratch_context() {
  thread_local Sha256Context context;
  return context;
}

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
  Sha256Context& context = scratch_context();
  context.restart();
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
  Sha256Context& copy = scratch_context();
  copy.copy_from(state_->sha256);
  return {.xxh3 = canonical(xxh3().digest128_of_state(&state_->xxh3_state)),
          .sha256 = copy.finish(),
          .size = state_->size};
}

std::string to_hex(std::string_view bytes) {
  std::string text(2 * bytes.size(), '\0');
  char* place = text.data();
  for (const char byte : bytes) {
    const auto& digits = kHexOfByte[static_cast<unsigned char>(byte)];
    *place++ = digits[0];
    *place++ = digits[1];
  }
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
