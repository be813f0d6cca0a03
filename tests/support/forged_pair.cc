// Why it works. Over 240 bytes XXH3 eats the input in stripes of 64 bytes, 16 stripes to a block of
// 1,024. A stripe is eight words; word i meets a word of the secret, and two accumulators take it
// up:
//
//   x = word ^ secret word        accumulator[i]     += (low half of x) * (high half of x)
//                                 accumulator[i ^ 1] += word
//
// Only at the end of a block are the accumulators scrambled. Within a block all is addition, modulo
// 2^64: stripes can be replaced freely as long as each accumulator ends with the same sum. And sums
// can be mended: a word whose x has a zero half adds nothing to its own accumulator, while the
// other half of that word is ours to choose and goes straight into the neighbour. One stripe with a
// free low half and one with a free high half reach every 64-bit sum. The secret is a constant of
// the library, so that is all there is to it: twelve stripes of any content, two that mend, and no
// search at all.
//
// The second of the pair differs from the first in stripes 0 to 13 only. The last 64 bytes of the
// input, which XXH3 eats a second time at the very end, begin at 961 or later and are the same in
// both.
#include "tests/support/forged_pair.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/check.h"

namespace emstore::testing {
namespace {

constexpr std::size_t kStripeBytes = 64;
constexpr std::size_t kWordsPerStripe = 8;
constexpr std::size_t kBlockBytes = 1024;
constexpr std::size_t kFreeStripes = 12;
constexpr std::size_t kLowStripe = 12;   // Mends with the low halves of its words.
constexpr std::size_t kHighStripe = 13;  // Mends with the high halves.
constexpr std::uint64_t kLowHalf = 0xffffffff;

std::uint64_t word_at(const void* bytes, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, static_cast<const char*>(bytes) + offset, sizeof word);
  return word;
}

std::size_t offset_of(std::size_t stripe, std::size_t lane) {
  return stripe * kStripeBytes + lane * sizeof(std::uint64_t);
}

// The secret slides by one word from stripe to stripe.
std::uint64_t secret_at(std::size_t stripe, std::size_t lane) {
  return word_at(XXH3_kSecret, (stripe + lane) * sizeof(std::uint64_t));
}

// What the first `stripes` stripes add to accumulator `lane`.
std::uint64_t sum_of(const std::string& content, std::size_t stripes, std::size_t lane) {
  std::uint64_t sum = 0;
  for (std::size_t stripe = 0; stripe < stripes; ++stripe) {
    const std::uint64_t x =
        word_at(content.data(), offset_of(stripe, lane)) ^ secret_at(stripe, lane);
    sum += (x & kLowHalf) * (x >> 32) + word_at(content.data(), offset_of(stripe, lane ^ 1));
  }
  return sum;
}

std::string pseudo_random(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = size;
  for (char& byte : bytes) {
    state = state * 6364136223846793005 + 1442695040888963407;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

}  // namespace

ForgedPair forged_pair(std::size_t size) {
  EMSTORE_CHECK(size > kBlockBytes);
  ForgedPair pair{.first = pseudo_random(size), .second = {}};
  pair.second = pair.first;
  constexpr std::string_view kOtherContent =
      "Not the content that was uploaded, but as good to XXH3.\n";
  for (std::size_t i = 0; i < kFreeStripes * kStripeBytes; ++i) {
    pair.second[i] = kOtherContent[i % kOtherContent.size()];
  }
  for (std::size_t lane = 0; lane < kWordsPerStripe; ++lane) {
    // Accumulator lane ^ 1 lacks this much, and takes the words of `lane` as they are.
    const std::uint64_t missing =
        sum_of(pair.first, kHighStripe + 1, lane ^ 1) - sum_of(pair.second, kFreeStripes, lane ^ 1);
    const std::uint64_t fixed_high = secret_at(kLowStripe, lane) & ~kLowHalf;
    const std::uint64_t fixed_low = secret_at(kHighStripe, lane) & kLowHalf;
    const std::uint64_t mend = missing - fixed_high - fixed_low;
    const std::uint64_t low_word = fixed_high | (mend & kLowHalf);
    const std::uint64_t high_word = (mend & ~kLowHalf) | fixed_low;
    std::memcpy(&pair.second[offset_of(kLowStripe, lane)], &low_word, sizeof low_word);
    std::memcpy(&pair.second[offset_of(kHighStripe, lane)], &high_word, sizeof high_word);
  }
  return pair;
}

}  // namespace emstore::testing
