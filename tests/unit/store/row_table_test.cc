// A table of rows against a reader that holds the same rows in order.
#include "store/row_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "store/scratch.h"

namespace emstore::store {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

Rows rows_of(const Reader& reader, const KeyRange& range, Direction direction,
             std::size_t rows_max = 100'000) {
  Rows rows;
  EXPECT_TRUE(reader.scan(Family::links, range, direction, [&](auto key, auto value) {
    rows.emplace_back(key, value);
    return rows.size() < rows_max;
  }));
  return rows;
}

// Keys that begin alike, that are part of one another, and that hold every byte.
std::string some_key(std::mt19937& random) {
  std::string key(random() % 3 * 8, 'k');
  for (std::size_t more = random() % 12; more > 0; --more) {
    key.push_back(static_cast<char>(random() % 3 == 0 ? random() % 256 : random() % 2));
  }
  if (random() % 20 == 0) key.append(70, 'l').append(std::to_string(random() % 10));
  return key;
}

TEST(RowTable, ShowsTheRowsBelowWithWhatWasChanged) {
  std::mt19937 random(20261128);
  Scratch below;
  Scratch expected;
  for (int i = 0; i < 500; ++i) {
    const RowChange row{Family::links, some_key(random), "below"};
    below.apply(row);
    expected.apply(row);
  }
  RowTable table(below);
  for (int step = 0; step < 4'000; ++step) {
    const bool is_removed = random() % 4 == 0;
    RowChange row{Family::links, some_key(random), std::nullopt};
    if (!is_removed) row.value = std::string(random() % 30, 'v') + std::to_string(step);
    expected.apply(row);
    table.apply(row);
    const std::string asked = some_key(random);
    ASSERT_EQ(table.get(Family::links, asked).value(), expected.get(Family::links, asked).value());
    if (random() % 4 != 0) continue;
    KeyRange range{some_key(random), some_key(random)};
    if (range.until < range.from) std::swap(range.from, range.until);
    const auto direction = random() % 2 == 0 ? Direction::forward : Direction::backward;
    const std::size_t rows_max = 1 + random() % 50;
    ASSERT_EQ(rows_of(table, range, direction, rows_max),
              rows_of(expected, range, direction, rows_max))
        << step;
  }
  EXPECT_EQ(rows_of(table, {}, Direction::forward), rows_of(expected, {}, Direction::forward));
}

TEST(RowTable, GivesEachChangedRowOnceInOrder) {
  std::mt19937 random(7);
  const Scratch nothing;
  RowTable table(nothing);
  Scratch expected;
  for (int step = 0; step < 20'000; ++step) {
    const RowChange row{Family::links, some_key(random), std::to_string(step)};
    table.apply(row);
    expected.apply(row);
    if (step % 3'000 == 0) rows_of(table, {"k", "l"}, Direction::forward);
  }
  table.apply({Family::links, "removed", std::nullopt});
  Rows rows;
  for (const RowTable::Row* row : table.in_order(Family::links)) {
    if (row->first == "removed") {
      EXPECT_FALSE(row->second);
    } else {
      rows.emplace_back(row->first, *row->second);
    }
  }
  EXPECT_EQ(rows, rows_of(expected, {}, Direction::forward));
  EXPECT_TRUE(table.in_order(Family::records).empty());
}

TEST(RowTable, StandsOnAnotherReaderFromNowOn) {
  Scratch below, beside;
  below.apply({Family::links, "a", std::string("below")});
  beside.apply({Family::links, "b", std::string("beside")});
  RowTable table(below);
  table.apply({Family::links, "c", std::string("own")});
  EXPECT_EQ(rows_of(table, {}, Direction::forward), (Rows{{"a", "below"}, {"c", "own"}}));
  table.stand_on(beside);
  EXPECT_EQ(rows_of(table, {}, Direction::forward), (Rows{{"b", "beside"}, {"c", "own"}}));
  EXPECT_EQ(table.get(Family::links, "a").value(), std::nullopt);
  EXPECT_EQ(table.get(Family::links, "b").value(), "beside");
}

TEST(RowTable, IsAsNewAfterItWasCleared) {
  const Scratch nothing;
  RowTable table(nothing);
  table.apply({Family::links, "a", std::string("1")});
  const std::size_t one = table.bytes();
  EXPECT_GT(one, 2u);
  table.apply({Family::links, "a", std::string("2")});
  EXPECT_EQ(table.bytes(), one);
  table.apply({Family::links, "a", std::string("333")});
  EXPECT_EQ(table.bytes(), one + 3);
  table.apply({Family::links, "a", std::nullopt});
  table.apply({Family::links, "a", std::string("44")});
  EXPECT_EQ(table.bytes(), one + 3) << "room that is there is used again";
  table.apply({Family::records, "b", std::nullopt});
  EXPECT_GT(table.bytes(), one + 3);
  RowChanges changes;
  table.each(
      [&](Family family, const RowTable::Row& row) { changes.push_back(change_of(family, row)); });
  std::sort(changes.begin(), changes.end(),
            [](const RowChange& a, const RowChange& b) { return a.key < b.key; });
  EXPECT_EQ(changes, (RowChanges{{Family::links, "a", std::string("44")},
                                 {Family::records, "b", std::nullopt}}));
  table.clear();
  EXPECT_EQ(table.bytes(), 0u);
  EXPECT_TRUE(table.in_order(Family::links).empty());
  EXPECT_TRUE(rows_of(table, {}, Direction::forward).empty());
}

}  // namespace
}  // namespace emstore::store
