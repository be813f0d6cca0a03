#include "store/order_key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
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

// One key between two others.
std::optional<OrderKey> key_between(std::string_view before, std::string_view after) {
  const auto keys = keys_between(before, after, 1);
  return keys ? std::optional(keys->front()) : std::nullopt;
}

bool rises(const std::vector<OrderKey>& keys) {
  return std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>()) == keys.end();
}

TEST(KeysBetween, AreTheShortestBetweenTheirNeighbours) {
  EXPECT_EQ(key_between("\x10", "\x30"), "\x20");
  EXPECT_EQ(key_between("\x10", "\x11"), "\x10\x80"s);
  EXPECT_EQ(key_between("\x10\x80", "\x11"), "\x10\xC0"s);
  EXPECT_EQ(key_between("\x10\xFF", "\x11"), "\x10\xFF\x80"s);
  EXPECT_EQ(key_between(append_key(kFirstAppendNumber), append_key(kFirstAppendNumber + 1)),
            "\x00\x00\x00\x01\x00\x00\x00\x00\x80"s);
}

TEST(KeysBetween, AreAsFarApartAsTheirLengthAllows) {
  EXPECT_EQ(keys_between("\x10", "\x50", 3), (std::vector<OrderKey>{"\x20", "\x30", "\x40"}));
  EXPECT_EQ(keys_between("\x10", "\x12", 3),
            (std::vector<OrderKey>{"\x10\x80"s, "\x11"s, "\x11\x80"s}));
}

TEST(KeysBetween, CountDownFromTheFirstWhenTheyGoFirst) {
  EXPECT_EQ(keys_between("", append_key(kFirstAppendNumber), 2),
            (std::vector<OrderKey>{"\x00\x00\x00\x00\xFF\xFF\xFF\xFE"s,
                                   "\x00\x00\x00\x00\xFF\xFF\xFF\xFF"s}));
  EXPECT_EQ(key_between("", "\x00\x00\x00\x00\xFF\xFF\xFF\x01"s), "\x00\x00\x00\x00\xFF\xFF\xFF"s);
  EXPECT_EQ(key_between("", "\x00\x00\x00\x00\xFF\xFF\xFF\x01\x80"s),
            "\x00\x00\x00\x00\xFF\xFF\xFF\x01"s);
}

TEST(KeysBetween, AreNothingWhenOnlyLongerOnesWouldFit) {
  const std::string low(kOrderKeyBytesMax, '\x10');
  std::string high = low;
  high.back() = '\x12';
  EXPECT_EQ(key_between(low, high), low.substr(0, kOrderKeyBytesMax - 1) + "\x11");
  EXPECT_EQ(keys_between(low, high, 2), std::nullopt);
  EXPECT_EQ(keys_between(low, high, 1, kOrderKeyBytesMax - 1), std::nullopt);
  high.back() = '\x11';
  EXPECT_EQ(key_between(low, high), std::nullopt);
  EXPECT_FALSE(has_room(low, high, 1));
}

TEST(KeysBetween, AreNothingBetweenAKeyAndItselfWithZeros) {
  EXPECT_EQ(key_between("\x10", "\x10\x00"s), std::nullopt);
  EXPECT_EQ(key_between("\x10", "\x10\x00\x00"s), std::nullopt);
}

TEST(KeysBetween, PutTenThousandLinksFirstInNoMoreBytesThanAnAppendedOneHas) {
  OrderKey first = append_key(kFirstAppendNumber);
  for (int i = 0; i < 10'000; ++i) {
    const auto key = key_between("", first);
    ASSERT_TRUE(key) << i;
    ASSERT_LT(*key, first);
    ASSERT_TRUE(is_generated(*key));
    ASSERT_LE(key->size(), 8u);
    first = *key;
  }
}

TEST(KeysBetween, SplitOneGapManyTimesAndThenSayThatItIsFull) {
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

TEST(KeysBetween, AreManyAtOnceAndAllInOrder) {
  std::mt19937 random(7);
  for (int step = 0; step < 300; ++step) {
    OrderKey low, high = append_key(kFirstAppendNumber + random() % 300);
    if (random() % 4 != 0) {
      const auto near = keys_between(append_key(kFirstAppendNumber - 1), high, 1 + random() % 900);
      ASSERT_TRUE(near);
      low = (*near)[random() % near->size()];
    }
    const std::size_t count = 1 + random() % 3000;
    const auto keys = keys_between(low, high, count);
    ASSERT_TRUE(keys && keys->size() == count);
    EXPECT_TRUE(rises(*keys));
    EXPECT_TRUE(std::all_of(keys->begin(), keys->end(), is_generated));
    EXPECT_LT(low, keys->front());
    EXPECT_LT(keys->back(), high);
    EXPECT_TRUE(has_room(low, high, count));
  }
}

// Links appended, put anywhere and removed, as decide does it: in the order of their keys always.
TEST(KeysBetween, KeepAnyHistoryOfAGalleryInOrder) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<OrderKey> keys;
    std::uint64_t next = kFirstAppendNumber + random() % 300;
    for (int step = 0; step < 400; ++step) {
      const auto place = static_cast<std::ptrdiff_t>(random() % (keys.size() + 1));
      const auto size = static_cast<std::ptrdiff_t>(keys.size());
      const auto what = random() % 10;
      if (what < 3 || place == size) {
        keys.push_back(append_key(next++));
      } else if (what < 5) {
        keys.erase(keys.begin() + place);
      } else {
        const OrderKey before = place == 0 ? OrderKey() : keys[static_cast<std::size_t>(place) - 1];
        const auto key = key_between(before, keys[static_cast<std::size_t>(place)]);
        ASSERT_TRUE(key);
        ASSERT_TRUE(is_generated(*key));
        keys.insert(keys.begin() + place, *key);
      }
      ASSERT_TRUE(rises(keys));
    }
  }
}

}  // namespace
}  // namespace emstore::store
