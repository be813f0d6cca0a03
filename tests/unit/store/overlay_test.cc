#include "store/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>

#include "store/scratch.h"

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

using Rows = std::vector<std::pair<std::string, std::string>>;

RowChange put(Family family, std::string key, std::string value) {
  return {family, std::move(key), std::move(value)};
}
RowChange removal(Family family, std::string key) { return {family, std::move(key), std::nullopt}; }

Rows rows_of(const Reader& reader, Family family, const KeyRange& range, Direction direction,
             std::size_t rows_max = 1000) {
  Rows rows;
  const auto done =
      reader.scan(family, range, direction, [&](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return rows.size() < rows_max;
      });
  EXPECT_TRUE(done);
  return rows;
}

// Counts what is asked of it.
class AskedReader final : public Reader {
 public:
  explicit AskedReader(const Reader& below) : below_(below) {}

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    ++gets_;
    return below_.get(family, key);
  }
  using Reader::scan;
  Status scan(Family family, const KeyRange& range, Direction direction,
              const Visit& visit) const override {
    return below_.scan(family, range, direction, [&](std::string_view key, std::string_view value) {
      ++rows_;
      return visit(key, value);
    });
  }
  int gets() const { return gets_; }
  int rows() const { return rows_; }

 private:
  const Reader& below_;
  mutable int gets_ = 0;
  mutable int rows_ = 0;
};

// A reader whose every answer is an error.
class FailingReader final : public Reader {
 public:
  Result<std::optional<std::string>> get(Family, std::string_view) const override {
    return failure(ErrorCode::corrupt_index, "damaged");
  }
  using Reader::scan;
  Status scan(Family, const KeyRange&, Direction, const Visit&) const override {
    return failure(ErrorCode::corrupt_index, "damaged");
  }
};

TEST(Overlay, HidesWhatLiesBelow) {
  Scratch below;
  below.apply(put(Family::links, "a", "old"));
  below.apply(put(Family::links, "b", "old"));
  below.apply(put(Family::links, "c", "old"));
  Overlay overlay(below);
  overlay.apply(put(Family::links, "a", "new"));
  overlay.apply(removal(Family::links, "b"));
  EXPECT_THAT(*overlay.get(Family::links, "a"), Optional(std::string("new")));
  EXPECT_EQ(*overlay.get(Family::links, "b"), std::nullopt);
  EXPECT_THAT(*overlay.get(Family::links, "c"), Optional(std::string("old")));
  EXPECT_EQ(*overlay.get(Family::uses, "a"), std::nullopt);
}

TEST(Overlay, MergesAScanInBothDirections) {
  Scratch below;
  for (const char* key : {"b", "d", "f"}) below.apply(put(Family::links, key, "below"));
  Overlay overlay(below);
  overlay.apply(put(Family::links, "a", "above"));
  overlay.apply(removal(Family::links, "b"));
  overlay.apply(put(Family::links, "c", "above"));
  overlay.apply(put(Family::links, "d", "above"));
  overlay.apply(removal(Family::links, "e"));
  overlay.apply(put(Family::links, "g", "above"));
  EXPECT_THAT(rows_of(overlay, Family::links, {}, Direction::forward),
              ElementsAre(Pair("a", "above"), Pair("c", "above"), Pair("d", "above"),
                          Pair("f", "below"), Pair("g", "above")));
  EXPECT_THAT(rows_of(overlay, Family::links, {"c", "g"}, Direction::backward),
              ElementsAre(Pair("f", "below"), Pair("d", "above"), Pair("c", "above")));
  EXPECT_THAT(rows_of(overlay, Family::links, {"d", "c"}, Direction::forward), IsEmpty());
}

TEST(Overlay, ReadsNoFurtherThanTheVisitorWants) {
  Scratch below;
  for (char key = 'a'; key <= 'z'; ++key) {
    below.apply(put(Family::links, std::string(1, key), "below"));
  }
  const AskedReader counting(below);
  Overlay overlay(counting);
  overlay.apply(put(Family::links, "zz", "above"));
  EXPECT_THAT(rows_of(overlay, Family::links, {}, Direction::forward, 3),
              ElementsAre(Pair("a", "below"), Pair("b", "below"), Pair("c", "below")));
  EXPECT_EQ(counting.rows(), 3);
}

TEST(Overlay, EndsAScanAtAPendingRow) {
  Scratch below;
  below.apply(put(Family::links, "c", "below"));
  Overlay overlay(below);
  overlay.apply(put(Family::links, "a", "above"));
  overlay.apply(put(Family::links, "b", "above"));
  EXPECT_THAT(rows_of(overlay, Family::links, {}, Direction::forward, 1),
              ElementsAre(Pair("a", "above")));
}

TEST(Overlay, CountsAReplacedChangeOnce) {
  const Scratch below;
  Overlay overlay(below);
  overlay.apply(put(Family::links, "key", "a long value"));
  overlay.apply(put(Family::links, "key", "short"));
  overlay.apply(removal(Family::uses, "other"));
  EXPECT_EQ(overlay.change_count(), 2u);
  EXPECT_EQ(overlay.bytes(), std::string("key").size() + 5 + std::string("other").size());
  EXPECT_EQ(overlay.changes(Family::links).size(), 1u);
}

TEST(Overlay, GivesItsChangesInOrderAndIsThenAsNew) {
  const Scratch below;
  Overlay overlay(below);
  overlay.apply(put(Family::uses, "a", "1"));
  overlay.apply(put(Family::links, "b", "1"));
  overlay.apply(put(Family::links, "a", "1"));
  overlay.apply(removal(Family::links, "b"));
  EXPECT_THAT(overlay.take_changes(),
              ElementsAre(put(Family::links, "a", "1"), removal(Family::links, "b"),
                          put(Family::uses, "a", "1")));
  EXPECT_EQ(overlay.change_count(), 0u);
  EXPECT_EQ(overlay.bytes(), 0u);
  EXPECT_THAT(overlay.take_changes(), IsEmpty());
  EXPECT_EQ(*overlay.get(Family::links, "a"), std::nullopt);
}

TEST(Overlay, GetsManyFromAboveAndBelow) {
  Scratch below;
  below.apply(put(Family::records, "a", "below"));
  below.apply(put(Family::records, "b", "below"));
  const AskedReader counting(below);
  Overlay overlay(counting);
  overlay.apply(put(Family::records, "b", "above"));
  const std::vector<std::string> keys = {"b", "absent", "a"};
  const auto values = overlay.get_many(Family::records, keys);
  ASSERT_TRUE(values);
  EXPECT_THAT(*values, ElementsAre("above", std::nullopt, "below"));
  EXPECT_EQ(counting.gets(), 2);
}

TEST(Overlay, PassesOnErrorsFromBelow) {
  const FailingReader below;
  Overlay overlay(below);
  overlay.apply(put(Family::links, "a", "above"));
  EXPECT_THAT(*overlay.get(Family::links, "a"), Optional(std::string("above")));
  ASSERT_FALSE(overlay.get(Family::links, "b"));
  EXPECT_EQ(overlay.get(Family::links, "b").error().code, ErrorCode::corrupt_index);
  const auto scanned =
      overlay.scan(Family::links, {}, [](std::string_view, std::string_view) { return true; });
  ASSERT_FALSE(scanned);
  EXPECT_EQ(scanned.error().code, ErrorCode::corrupt_index);
}

TEST(Overlay, StandsOnAnotherOverlay) {
  Scratch below;
  below.apply(put(Family::links, "a", "stored"));
  Overlay group(below);
  group.apply(put(Family::links, "b", "group"));
  Overlay commit = Overlay::above(group);
  commit.apply(removal(Family::links, "a"));
  commit.apply(put(Family::links, "c", "commit"));
  EXPECT_THAT(rows_of(commit, Family::links, {}, Direction::forward),
              ElementsAre(Pair("b", "group"), Pair("c", "commit")));
  group.absorb(commit);
  EXPECT_EQ(commit.change_count(), 0u);
  EXPECT_THAT(rows_of(group, Family::links, {}, Direction::backward),
              ElementsAre(Pair("c", "commit"), Pair("b", "group")));
}

TEST(Overlay, AbsorbsAnotherAsIfItsChangesWereApplied) {
  Scratch below;
  Overlay absorbed(below), applied(below);
  const std::vector<RowChanges> commits{
      {put(Family::links, "a", "1"), put(Family::links, "b", "1"), put(Family::uses, "a", "1")},
      {put(Family::links, "a", "longer"), removal(Family::links, "b"), removal(Family::uses, "x")},
      {}};
  for (const RowChanges& changes : commits) {
    Overlay commit = Overlay::above(absorbed);
    for (const RowChange& change : changes) commit.apply(change);
    for (const RowChange& change : changes) applied.apply(change);
    absorbed.absorb(commit);
    EXPECT_EQ(absorbed.change_count(), applied.change_count());
    EXPECT_EQ(absorbed.bytes(), applied.bytes());
  }
  EXPECT_EQ(absorbed.take_changes(), applied.take_changes());
}

// Whatever is written, whatever range is read: an overlay reads as if its changes were stored.
TEST(Overlay, ReadsAsIfItsChangesWereStored) {
  std::mt19937 random(20261122);
  const auto key = [&random] {
    std::string text(1 + random() % 2, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 6);
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    Scratch below;
    Scratch expected;
    Overlay overlay(below);
    for (std::size_t i = random() % 20; i > 0; --i) below.apply(put(Family::links, key(), "0"));
    expected = below;
    for (std::size_t i = random() % 20; i > 0; --i) {
      RowChange change = removal(Family::links, key());
      if (random() % 3 != 0) change.value = std::to_string(i);
      expected.apply(change);
      overlay.apply(std::move(change));
    }
    const KeyRange range{random() % 3 != 0 ? key() : "", random() % 3 != 0 ? key() : ""};
    const std::size_t rows_max = 1 + random() % 12;
    for (const Direction direction : {Direction::forward, Direction::backward}) {
      EXPECT_EQ(rows_of(overlay, Family::links, range, direction, rows_max),
                rows_of(expected, Family::links, range, direction, rows_max))
          << "round " << round << ", from '" << range.from << "' until '" << range.until << "'";
    }
    const std::string one = key();
    EXPECT_EQ(*overlay.get(Family::links, one), *expected.get(Family::links, one));
  }
}

}  // namespace
}  // namespace emstore::store
