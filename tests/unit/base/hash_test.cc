#include "base/hash.h"

#include <gtest/gtest.h>
#include <inttypes.h>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/hash_variants.h"

namespace emstore {
namespace {

std::string hex(const auto& digest) { return to_hex(as_bytes(digest)); }

// Bytes without a pattern that a block-wise digest could hide behind; the same in every run.
std::string content(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 0x9e3779b97f4a7c15;
  for (char& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// Around each border at which XXH3 changes its way: 16, 128, 240 bytes, stripes of 64, blocks of
// 1,024.
const std::vector<std::size_t> kSizes = {0,    1,    3,    4,     8,     9,     16,
                                         17,   128,  129,  240,   241,   1023,  1024,
                                         1025, 4096, 4097, 65535, 65536, 262145};

TEST(Xxh3, GivesThePublishedDigests) {  // xxhsum -H2
  EXPECT_EQ(hex(xxh3_128("")), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(hex(xxh3_128("abc")), "06b05ab6733a618578af5f94892f3950");
}

// Those that this processor can run.
std::vector<Xxh3Variant> usable_variants() {
  std::vector<Xxh3Variant> variants = {xxh3_baseline()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) variants.push_back(xxh3_avx2());
#endif
  return variants;
}

TEST(Xxh3, GivesTheSameDigestWithEveryInstructionSet) {
  for (const Xxh3Variant& variant : usable_variants()) {
    for (const std::size_t size : kSizes) {
      const std::string bytes = content(size);
      const Xxh3Words words = variant.digest128(bytes.data(), size);
      char hex_words[33];
      std::snprintf(hex_words, sizeof hex_words, "%016" PRIx64 "%016" PRIx64, words.high,
                    words.low);
      EXPECT_EQ(hex_words, hex(xxh3_128(bytes))) << size;
      EXPECT_EQ(variant.digest64(bytes.data(), size), checksum64(bytes)) << size;
    }
  }
}

TEST(Sha256, GivesTheDigestsOfTheStandard) {  // FIPS 180-4, examples of NIST
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, OfPartsIsTheDigestOfThemJoined) {
  const std::string bytes = content(300);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const std::string_view all = bytes;
    ASSERT_EQ(sha256({all.substr(0, cut), all.substr(cut)}), sha256(all)) << cut;
  }
  EXPECT_EQ(sha256({}), sha256(""));
}

TEST(Sha256, IsRightOnEveryThread) {
  std::vector<std::thread> threads;
  std::vector<Sha256> found(4);
  for (Sha256& digest : found) threads.emplace_back([&digest] { digest = sha256("abc"); });
  for (std::thread& thread : threads) thread.join();
  for (const Sha256& digest : found) EXPECT_EQ(digest, sha256("abc"));
}

TEST(Checksum64, DiffersForEveryFlippedBit) {
  const std::string bytes = content(100);
  const std::uint64_t right = checksum64(bytes);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_NE(checksum64(damaged), right) << bit;
  }
}

TEST(ContentHasher, GivesTheDigestOfTheWholeForEverySplit) {
  for (const std::size_t size : kSizes) {
    const std::string bytes = content(size);
    const std::string_view all = bytes;
    const ContentDigest whole = digest_of(bytes);
    EXPECT_EQ(whole.size, size);
    for (const std::size_t cut : {std::size_t{0}, size / 3, size / 2, size}) {
      ContentHasher hasher;
      hasher.update(all.substr(0, cut));
      hasher.update(all.substr(cut));
      EXPECT_EQ(hasher.digest(), whole) << size << " cut at " << cut;
    }
  }
}

TEST(ContentHasher, GoesOnAfterADigest) {
  ContentHasher hasher;
  hasher.update("ab");
  EXPECT_EQ(hasher.digest(), digest_of("ab"));
  hasher.update("c");
  EXPECT_EQ(hasher.digest(), digest_of("abc"));
  EXPECT_EQ(hasher.digest(), digest_of("abc"));
}

TEST(Hex, ReadsBackWhatItWrote) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  EXPECT_EQ(from_hex(to_hex(bytes)), bytes);
  EXPECT_EQ(to_hex("\x01\xab"), "01ab");
  EXPECT_EQ(from_hex("01AB"), "\x01\xab");
  EXPECT_EQ(from_hex(""), "");
}

TEST(Hex, RefusesWhatIsNoHex) {
  for (const std::string_view text : {"a", "0g", "g0", " 0", "0x", "abc", "-1"}) {
    EXPECT_FALSE(from_hex(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace emstore
