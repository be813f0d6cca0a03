#include "tests/support/forged_pair.h"

#include <gtest/gtest.h>

#include "base/address.h"
#include "base/hash.h"

namespace emstore::testing {
namespace {

TEST(ForgedPair, HasOneXxh3AndTwoContents) {
  // The smallest size there is; the last at which the end of the input overlaps the first block,
  // and the one after; both tiers.
  for (const std::size_t size :
       {std::size_t{1'025}, std::size_t{1'087}, std::size_t{1'088}, std::size_t{40'000},
        std::size_t{kSmallBlobBytesMax}, std::size_t{kSmallBlobBytesMax + 1}}) {
    const ForgedPair pair = forged_pair(size);
    EXPECT_EQ(pair.first.size(), size);
    EXPECT_EQ(pair.second.size(), size);
    EXPECT_NE(pair.first, pair.second);
    EXPECT_EQ(xxh3_128(pair.first), xxh3_128(pair.second)) << size;
    EXPECT_NE(sha256(pair.first), sha256(pair.second)) << size;
  }
}

}  // namespace
}  // namespace emstore::testing
