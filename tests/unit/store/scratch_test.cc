#include "store/scratch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<std::string> keys_of(const Scratch& scratch, const KeyRange& range, Direction direction,
                                 std::size_t keys_max = 100) {
  std::vector<std::string> keys;
  const auto done =
      scratch.scan(Family::links, range, direction, [&](std::string_view key, std::string_view) {
        keys.emplace_back(key);
        return keys.size() < keys_max;
      });
  EXPECT_TRUE(done);
  return keys;
}

TEST(Scratch, HoldsWhatWasAppliedLast) {
  Scratch scratch;
  scratch.apply({Family::links, "a", "1"});
  scratch.apply({Family::links, "a", "2"});
  scratch.apply({Family::links, "b", "1"});
  scratch.apply({Family::links, "b", std::nullopt});
  scratch.apply({Family::uses, "a", "other"});
  EXPECT_THAT(scratch.rows(Family::links), ElementsAre(Pair("a", "2")));
  EXPECT_THAT(scratch.rows(Family::uses), ElementsAre(Pair("a", "other")));
  EXPECT_THAT(scratch.rows(Family::records), IsEmpty());
}

TEST(Scratch, TellsAnEmptyRowFromNone) {
  Scratch scratch;
  scratch.apply({Family::values, "a", ""});
  EXPECT_EQ(*scratch.get(Family::values, "a"), "");
  EXPECT_EQ(*scratch.get(Family::values, "b"), std::nullopt);
}

TEST(Scratch, ScansARangeInBothDirections) {
  Scratch scratch;
  for (const char* key : {"a", "b", "c", "d"}) scratch.apply({Family::links, key, ""});
  EXPECT_THAT(keys_of(scratch, {"b", "d"}, Direction::forward), ElementsAre("b", "c"));
  EXPECT_THAT(keys_of(scratch, {"b", "d"}, Direction::backward), ElementsAre("c", "b"));
  EXPECT_THAT(keys_of(scratch, {"bb", ""}, Direction::backward), ElementsAre("d", "c"));
  EXPECT_THAT(keys_of(scratch, {}, Direction::backward, 2), ElementsAre("d", "c"));
  EXPECT_THAT(keys_of(scratch, {"c", "c"}, Direction::forward), IsEmpty());
  EXPECT_THAT(keys_of(scratch, {"d", "a"}, Direction::backward), IsEmpty());
}

}  // namespace
}  // namespace emstore::store
