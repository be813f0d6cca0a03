#include "store/row_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/scratch.h"

namespace emstore::store {
namespace {

using ::testing::Optional;

constexpr std::size_t kPlenty = 1u << 20;

// Counts what is asked of it, or refuses to answer.
class TalliedReader final : public Reader {
 public:
  explicit TalliedReader(const Reader& below) : below_(below) {}

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    ++gets_;
    if (is_failing) return failure(ErrorCode::corrupt_index, "damaged");
    return below_.get(family, key);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    return below_.scan(family, range, direction, visit);
  }
  int gets() const { return gets_; }
  bool is_failing = false;

 private:
  const Reader& below_;
  mutable int gets_ = 0;
};

TEST(RowCache, KeepsWhatWasReadAndWhatWasNotThere) {
  Scratch below;
  below.apply({Family::records, "a", "row"});
  const TalliedReader counting(below);
  RowCache cache(kPlenty);
  for (int i = 0; i < 3; ++i) {
    const CachedReader reader(counting, cache);  // The cache outlives those who read through it.
    EXPECT_THAT(*reader.get(Family::records, "a"), Optional(std::string("row")));
    EXPECT_EQ(*reader.get(Family::records, "absent"), std::nullopt);
    EXPECT_EQ(*reader.get(Family::uses, "a"), std::nullopt);
  }
  EXPECT_EQ(counting.gets(), 3);
}

TEST(RowCache, AsksEachTimeForFamiliesThatItDoesNotKeep) {
  Scratch below;
  below.apply({Family::links, "a", "row"});
  const TalliedReader counting(below);
  RowCache cache(kPlenty);
  const CachedReader reader(counting, cache);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(reader.get(Family::links, "a"));
  EXPECT_EQ(counting.gets(), 3);
  EXPECT_EQ(cache.find(Family::links, "a"), nullptr);
}

TEST(RowCache, KeepsNoErrors) {
  Scratch below;
  below.apply({Family::uses, "a", "row"});
  TalliedReader counting(below);
  RowCache cache(kPlenty);
  const CachedReader reader(counting, cache);
  counting.is_failing = true;
  ASSERT_FALSE(reader.get(Family::uses, "a"));
  counting.is_failing = false;
  EXPECT_THAT(*reader.get(Family::uses, "a"), Optional(std::string("row")));
}

TEST(RowCache, ShowsRowsAsTheyWereWrittenLast) {
  RowCache cache(kPlenty);
  RowChanges first{{Family::uses, "a", "1"}, {Family::uses, "b", "1"}, {Family::links, "a", "1"}};
  cache.take(first);
  RowChanges second{{Family::uses, "a", "2"}, {Family::uses, "b", std::nullopt}};
  cache.take(second);
  ASSERT_NE(cache.find(Family::uses, "a"), nullptr);
  EXPECT_THAT(*cache.find(Family::uses, "a"), Optional(std::string("2")));
  ASSERT_NE(cache.find(Family::uses, "b"), nullptr);
  EXPECT_EQ(*cache.find(Family::uses, "b"), std::nullopt);
  EXPECT_EQ(cache.find(Family::links, "a"), nullptr);
}

TEST(RowCache, LosesWhatNobodyAskedForWhenItIsFull) {
  RowCache cache(20'000);
  const std::string value(100, 'v');
  const auto key = [](int i) { return "key " + std::to_string(i); };
  int kept = 0;
  for (int i = 0; i < 1000; ++i) {
    cache.put(Family::uses, key(i), value);
    ASSERT_NE(cache.find(Family::uses, key(0)), nullptr) << i;  // Asked for again and again.
  }
  for (int i = 0; i < 1000; ++i) kept += cache.find(Family::uses, key(i)) != nullptr ? 1 : 0;
  EXPECT_GT(kept, 20);
  EXPECT_LT(kept, 100);
  EXPECT_NE(cache.find(Family::uses, key(999)), nullptr);
  EXPECT_EQ(cache.find(Family::uses, key(1)), nullptr);
}

// Whatever is read and written, in whatever order, and however little room there is.
TEST(RowCache, ReadsAsIfItWereNotThere) {
  std::mt19937 random(20261122);
  for (const std::size_t bytes_max : {std::size_t{0}, std::size_t{600}, kPlenty}) {
    Scratch below;
    RowCache cache(bytes_max);
    const CachedReader reader(below, cache);
    for (int i = 0; i < 2000; ++i) {
      const Family family = random() % 2 == 0 ? Family::records : Family::backlinks;
      std::string key(1, static_cast<char>('a' + random() % 8));
      if (random() % 3 == 0) {
        RowChanges written{{family, key, std::nullopt}};
        if (random() % 3 != 0) written.front().value = std::to_string(i);
        below.apply(written.front());
        cache.take(written);
      }
      ASSERT_EQ(*reader.get(family, key), *below.get(family, key)) << bytes_max << ", step " << i;
    }
  }
}

}  // namespace
}  // namespace emstore::store
