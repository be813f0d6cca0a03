#include "store/order_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace emstore::store {
namespace {

using namespace std::string_literals;

bool is_generated(const OrderKey& key) {
  return !key.empty() && key.back() != '\0' && key.size() <= kOrderKeyBytesMax;
}

TEST(AppendKey, IsTheNumberInEightBigEndianBytes) {
  EXPECT_EQ(append_key(kFirstAppendNumber), "\x00\x00\x00\x01\x00\x00\x00\x00"s);
  EXPECT_EQ(append_key(kFirstAppendNumber + 0x0102), "\x00\x00\x00\x01\x00\x00\x01\x02"s);
  EXPECT_LT(append_key(kFirstAppendNumber + 255), append_key(kFirstAppendNumber + 256));
}

TEST(AppendNumberOf, ReadsWhatAppendKeyWrote) {
  EXPECT_EQ(append_number_of(append_key(kFirstAppendNumber + 7)), kFirstAppendNumber + 7);
  EXPECT_EQ(append_number_of(""), std::nullopt);
  EXPECT_EQ(append_number_of(append_key(kFirstAppendNumber) + "\x80"), std::nullopt);
}

TEST(KeyBetween, IsTheShortestKeyBetweenItsNeighbours) {
  EXPECT_EQ(key_between("\x10", "\x30"), "\x20");
  EXPECT_EQ(key_between("\x10", "\x11"), "\x10\x80"s);
  EXPECT_EQ(key_between("\x10\x80", "\x11"), "\x10\xC0"s);
  EXPECT_EQ(key_between("\x10\xFF", "\x11"), "\x10\xFF\x80"s);
  EXPECT_EQ(key_between(append_key(kFirstAppendNumber), append_key(kFirstAppendNumber + 1)),
            "\x00\x00\x00\x01\x00\x00\x00\x00\x80"s);
}

TEST(KeyBetween, LeavesRoomBelowAKeyThatGoesFirst) {
  EXPECT_EQ(key_between("", append_key(kFirstAppendNumber)), "\x00\x00\x00\x00\xFF"s);
}

TEST(KeyBetween, GivesNothingWhenOnlyALongerKeyWouldFit) {
  const std::string low(kOrderKeyBytesMax, '\x10');
  std::string high = low;
  high.back() = '\x12';
  EXPECT_EQ(key_between(low, high), low.substr(0, kOrderKeyBytesMax - 1) + "\x11");
  high.back() = '\x11';
  EXPECT_EQ(key_between(low, high), std::nullopt);
}

TEST(KeyBetween, GivesNothingBetweenAKeyAndItselfWithZeros) {
  EXPECT_EQ(key_between("\x10", "\x10\x00"s), std::nullopt);
  EXPECT_EQ(key_between("\x10", "\x10\x00\x00"s), std::nullopt);
}

TEST(KeyBetween, AfterTheLastStaysBelowWhatIsAppendedNext) {
  const std::uint64_t last = kFirstAppendNumber + 255;
  const auto key = key_between(append_key(last), "");
  ASSERT_TRUE(key);
  EXPECT_GT(*key, append_key(last));
  EXPECT_LT(*key, append_key(last + 1));
  const auto further = key_between(*key, "");
  ASSERT_TRUE(further);
  EXPECT_GT(*further, *key);
  EXPECT_LT(*further, append_key(last + 1));
}

TEST(KeyBetween, OfNothingAtAllSortsBeforeTheFirstAppended) {
  const auto key = key_between("", "");
  ASSERT_TRUE(key);
  EXPECT_TRUE(is_generated(*key));
  EXPECT_LT(*key, append_key(kFirstAppendNumber));
}

TEST(KeyBetween, PutsAThousandLinksFirstOneAfterTheOther) {
  OrderKey first = append_key(kFirstAppendNumber);
  for (int i = 0; i < 1000; ++i) {
    const auto key = key_between("", first);
    ASSERT_TRUE(key) << i;
    ASSERT_LT(*key, first);
    ASSERT_TRUE(is_generated(*key));
    first = *key;
  }
}

TEST(KeyBetween, SplitsOneGapManyTimesAndThenSaysThatItIsFull) {
  const OrderKey low = append_key(kFirstAppendNumber);
  OrderKey high = append_key(kFirstAppendNumber + 1);
  int splits = 0;
  for (auto key = key_between(low, high); key; key = key_between(low, high)) {
    ASSERT_GT(*key, low);
    ASSERT_LT(*key, high);
    ASSERT_TRUE(is_generated(*key));
    high = *key;
    ASSERT_LT(++splits, 10'000);
  }
  EXPECT_GE(splits, 150);
}

// Links appended, put anywhere and removed, as decide does it: in the order of their keys always.
TEST(KeyBetween, KeepsAnyHistoryOfAGalleryInOrder) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<OrderKey> keys;
    std::uint64_t next = kFirstAppendNumber + random() % 300;
    for (int step = 0; step < 400; ++step) {
      const auto place = static_cast<std::ptrdiff_t>(random() % (keys.size() + 1));
      const auto size = static_cast<std::ptrdiff_t>(keys.size());
      const auto what = random() % 10;
      if (what < 3) {
        keys.push_back(append_key(next++));
      } else if (what < 5 && place < size) {
        keys.erase(keys.begin() + place);
      } else {
        const OrderKey before = place == 0 ? OrderKey() : keys[static_cast<std::size_t>(place) - 1];
        const OrderKey after = place == size ? OrderKey() : keys[static_cast<std::size_t>(place)];
        const auto key = key_between(before, after);
        ASSERT_TRUE(key);
        ASSERT_TRUE(is_generated(*key));
        keys.insert(keys.begin() + place, *key);
      }
      const auto wrong = std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>());
      ASSERT_TRUE(wrong == keys.end());
    }
  }
}

}  // namespace
}  // namespace emstore::store
