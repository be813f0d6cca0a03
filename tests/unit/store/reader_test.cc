#include "store/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/scratch.h"

namespace emstore::store {
namespace {

TEST(RangeOfPrefix, EndsBeforeTheNextPrefix) {
  EXPECT_EQ(range_of_prefix("ab").from, "ab");
  EXPECT_EQ(range_of_prefix("ab").until, "ac");
}

TEST(RangeOfPrefix, CarriesOverBytesThatCannotBeRaised) {
  EXPECT_EQ(range_of_prefix("a\xff\xff").until, "b");
}

TEST(RangeOfPrefix, HasNoEndWhenNothingCanBeRaised) {
  EXPECT_EQ(range_of_prefix("").until, "");
  EXPECT_EQ(range_of_prefix("\xff\xff").until, "");
}

TEST(RangeOfPrefix, CoversTheKeysThatBeginWithIt) {
  Scratch scratch;
  for (const char* key : {"a", "b", "b\x01", "b\xff\xff", "c"}) {
    scratch.apply({Family::links, key, ""});
  }
  std::vector<std::string> keys;
  ASSERT_TRUE(scratch.scan(Family::links, range_of_prefix("b"),
                           [&](std::string_view key, std::string_view) {
                             keys.emplace_back(key);
                             return true;
                           }));
  EXPECT_THAT(keys, ::testing::ElementsAre("b", "b\x01", "b\xff\xff"));
}

TEST(Reader, GetsManyOneByOneWhereNothingBetterIsKnown) {
  Scratch scratch;
  scratch.apply({Family::records, "a", "1"});
  const std::vector<std::string> keys = {"b", "a"};
  const auto values = scratch.get_many(Family::records, keys);
  ASSERT_TRUE(values);
  EXPECT_THAT(*values, ::testing::ElementsAre(std::nullopt, "1"));
}

}  // namespace
}  // namespace emstore::store
