#include "store/field_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<FieldValues::Entry> entries_of(const FieldValues& values) {
  return {values.begin(), values.end()};
}

TEST(FieldValues, AreOrderedByFieldHoweverTheyAreSet) {
  FieldValues values;
  values.set(FieldId{3}, "c");
  values.set(FieldId{1}, "a");
  values.set(FieldId{2}, "b");
  EXPECT_THAT(entries_of(values),
              ElementsAre(Pair(FieldId{1}, Value("a")), Pair(FieldId{2}, Value("b")),
                          Pair(FieldId{3}, Value("c"))));
}

TEST(FieldValues, HoldOneValueAField) {
  FieldValues values;
  values.set(FieldId{1}, "a");
  values.set(FieldId{1}, nullptr);
  EXPECT_EQ(values.size(), 1U);
  ASSERT_NE(values.find(FieldId{1}), nullptr);
  EXPECT_TRUE(values.find(FieldId{1})->is_null());
}

TEST(FieldValues, ForgetWhatIsErased) {
  FieldValues values;
  values.set(FieldId{1}, "a");
  values.set(FieldId{2}, "b");
  values.erase(FieldId{1});
  values.erase(FieldId{7});
  EXPECT_EQ(values.find(FieldId{1}), nullptr);
  EXPECT_THAT(entries_of(values), ElementsAre(Pair(FieldId{2}, Value("b"))));
  values.erase(FieldId{2});
  EXPECT_TRUE(values.empty());
}

}  // namespace
}  // namespace emstore::store
