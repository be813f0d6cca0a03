#include "store/index_states.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "store/refold.h"
#include "tests/unit/store/shop.h"

namespace emstore::store {
namespace {

using Kind = IndexState::Kind;

constexpr std::uint64_t kSlice = 512;  // Records of one slice.

// A shop whose indexes have no keys yet, and its work on them.
class IndexStatesTest : public ::testing::Test {
 protected:
  void add(std::uint64_t id, const std::string& name) {
    shop_.add("products", id, Map{{"name", name}, {"kind", "pen"}, {"price", id}});
  }
  void fill_shop(std::uint64_t records) {
    for (std::uint64_t id = 1; id <= records; ++id) add(id, "pen " + std::to_string(id));
    const auto keys = shop_.rows.rows(Family::values);
    for (const auto& [key, value] : keys) shop_.rows.apply({Family::values, key, std::nullopt});
  }

  IndexId index(std::string_view name) const {
    const auto& indexes = shop_.schema.indexes;
    return std::find_if(indexes.begin(), indexes.end(),
                        [&](const Index& index) { return index.name == name; })
        ->id;
  }
  IndexId unique() const { return index("idx_unique_products_name"); }
  IndexId shared() const { return index("idx_products_kind_price"); }

  void write(Overlay& rows) {
    for (const RowChange& change : rows.take_changes()) shop_.rows.apply(change);
  }
  IndexStates change(const Schema& next, const IndexStates& before) {
    Overlay rows(shop_.rows);
    const IndexStates states = change_index_states(next, before, rows).value();
    write(rows);
    EXPECT_EQ(load_index_states(shop_.rows).value(), states) << "what is stored is what is said";
    return states;
  }
  // One slice; whether there was work.
  bool work(IndexStates& states) {
    Overlay rows(shop_.rows);
    const auto next = continue_indexes(shop_.schema, states, rows).value();
    if (!next) return false;
    states = *next;
    write(rows);
    EXPECT_EQ(load_index_states(shop_.rows).value(), states);
    return true;
  }
  int slices(IndexStates& states) {
    int slices = 0;
    while (work(states)) ++slices;
    return slices;
  }

  std::size_t keys_of(IndexId id) const {
    std::size_t keys = 0;
    EXPECT_TRUE(shop_.rows.scan(Family::values, range_of_prefix(index_prefix(id)),
                                [&](std::string_view, std::string_view) { return ++keys > 0; }));
    return keys;
  }

  Shop shop_;
};

TEST_F(IndexStatesTest, AreReadyAtOnceWhereThereIsNothingToFill) {
  IndexStates states = change(shop_.schema, {});
  EXPECT_EQ(states.at(unique()), IndexState{});
  EXPECT_EQ(states.at(shared()), IndexState{});
  EXPECT_EQ(slices(states), 0);
}

TEST_F(IndexStatesTest, FillInSlicesFromTheFirstRecordToTheLast) {
  for (const std::uint64_t records : {std::uint64_t{1}, kSlice - 1, kSlice, 2 * kSlice + 1}) {
    shop_ = Shop();
    fill_shop(records);
    IndexStates states = change(shop_.schema, {});
    EXPECT_EQ(states.at(unique()).kind, Kind::filling);
    // A slice that is full cannot know that it was the last.
    EXPECT_EQ(slices(states), 2 * static_cast<int>(records / kSlice + 1)) << records;
    EXPECT_EQ(states.at(unique()), IndexState{});
    EXPECT_EQ(states.at(shared()), IndexState{});
    EXPECT_EQ(keys_of(unique()), records);
    EXPECT_EQ(keys_of(shared()), records);
  }
}

TEST_F(IndexStatesTest, GoOnWhereTheLastSliceEnded) {
  fill_shop(kSlice + 100);
  IndexStates states = change(shop_.schema, {});
  ASSERT_TRUE(work(states));
  const auto filling = std::find_if(states.begin(), states.end(),
                                    [](const auto& state) { return !state.second.detail.empty(); });
  ASSERT_NE(filling, states.end());
  EXPECT_EQ(filling->second.kind, Kind::filling);
  EXPECT_EQ(filling->second.detail, record_key(shop_.record("products", kSlice)));
  EXPECT_EQ(keys_of(filling->first), kSlice);
  IndexStates loaded = load_index_states(shop_.rows).value();  // As after a restart.
  slices(loaded);
  EXPECT_EQ(keys_of(filling->first), kSlice + 100);
}

TEST_F(IndexStatesTest, NameTheTwoRecordsThatShareAUniqueValue) {
  fill_shop(20);
  shop_.rows.apply({Family::records, record_key(shop_.record("products", 17)),
                    shop_.rows.rows(Family::records).at(record_key(shop_.record("products", 3)))});
  IndexStates states = change(shop_.schema, {});
  slices(states);
  EXPECT_EQ(states.at(unique()).kind, Kind::not_unique);
  EXPECT_EQ(states.at(unique()).detail, "products/17 and products/3");
  EXPECT_EQ(states.at(shared()), IndexState{}) << "which may be shared";
}

TEST_F(IndexStatesTest, HoldTheKeysOfAllRecordsWhateverStandsAgainstThem) {
  fill_shop(kSlice + 100);
  for (const std::uint64_t id : {17u, 40u}) {
    shop_.rows.apply(
        {Family::records, record_key(shop_.record("products", id)),
         shop_.rows.rows(Family::records).at(record_key(shop_.record("products", 3)))});
  }
  IndexStates states = change(shop_.schema, {});
  ASSERT_TRUE(work(states));
  EXPECT_EQ(states.at(unique()).kind, Kind::filling);
  states = load_index_states(shop_.rows).value();  // As after a restart.
  slices(states);
  EXPECT_EQ(states.at(unique()), (IndexState{Kind::not_unique, "products/17 and products/3"}));
  EXPECT_EQ(keys_of(unique()), kSlice + 100);
}

TEST_F(IndexStatesTest, TryAgainOnceTheirKeyOfARecordThatStandsAgainstThemChanges) {
  fill_shop(20);
  const RecordRef third = shop_.record("products", 3);
  const auto key_of = [&](IndexId id, std::uint64_t record) {
    std::string key = index_prefix(id) + "a value";
    append_id(RecordId(record), key);
    return key;
  };
  const auto after = [&](const IndexStates& before, RowChange changed) {
    Overlay rows(shop_.rows);
    rows.apply(std::move(changed));
    const auto states = retry_refused(shop_.schema, before, rows);
    EXPECT_EQ(rows.changes(Family::meta).size(), states ? 1u : 0u) << "it is stored, too";
    return states.value_or(before);
  };
  const IndexState again{Kind::filling, {}}, pair{Kind::not_unique, "products/17 and products/3"};
  const std::string noted =
      record_key(shop_.record("products", 18)) + static_cast<char>(Kind::not_unique) + pair.detail;
  for (const IndexState& state : {pair, IndexState{Kind::filling, noted}}) {
    const IndexStates before{{unique(), state}};
    for (const std::uint64_t id : {1u, 7u, 13u, 18u}) {
      EXPECT_EQ(after(before, {Family::values, key_of(unique(), id), std::nullopt}), before) << id;
    }
    EXPECT_EQ(after(before, {Family::values, key_of(shared(), 3), std::nullopt}), before);
    EXPECT_EQ(after(before, {Family::records, record_key(third), "another price"}), before);
    for (const std::uint64_t id : {3u, 17u}) {
      EXPECT_EQ(after(before, {Family::values, key_of(unique(), id), std::nullopt}).at(unique()),
                again);
    }
  }
  const IndexStates large{{shared(), {Kind::too_large, "products/3"}}};
  EXPECT_EQ(after(large, {Family::records, record_key(third), "another price"}), large);
  EXPECT_EQ(after(large, {Family::values, key_of(shared(), 3), ""}).at(shared()), again);
  EXPECT_EQ(after(large, {Family::records, record_key(third), std::nullopt}).at(shared()), again);
}

TEST_F(IndexStatesTest, BeginAgainWithASchemaWhenSomethingStandsAgainstThem) {
  fill_shop(5);
  const std::string last = record_key(shop_.record("products", 2));
  const IndexStates before{
      {unique(), {Kind::filling, last + static_cast<char>(Kind::not_unique) + "pens/2 and pens/1"}},
      {shared(), {Kind::filling, last}}};
  for (RowChange& row : state_rows(before)) shop_.rows.apply(std::move(row));
  const IndexStates next = change(shop_.schema, before);
  EXPECT_EQ(next.at(unique()), (IndexState{Kind::filling, {}})) << "the entity may have a new name";
  EXPECT_EQ(next.at(shared()), before.at(shared()));
}

TEST_F(IndexStatesTest, NameTheRecordWhoseValueIsTooLargeForAKey) {
  fill_shop(3);
  Shop other;  // Without an index, any value fits.
  other.schema.indexes.clear();
  other.add("products", 4, Map{{"name", std::string(5'000, 'x')}});
  for (const Family family : {Family::records, Family::bodies}) {
    for (const auto& [key, value] : other.rows.rows(family)) shop_.rows.apply({family, key, value});
  }
  IndexStates states = change(shop_.schema, {});
  slices(states);
  EXPECT_EQ(states.at(unique()).kind, Kind::too_large);
  EXPECT_EQ(states.at(unique()).detail, "products/4");
}

TEST_F(IndexStatesTest, TryAgainWhatWasRefusedWhenASchemaIsApplied) {
  fill_shop(5);
  IndexStates states = change(shop_.schema, {});
  slices(states);
  states[unique()] = {Kind::not_unique, "products/2 and products/1"};
  const IndexStates next = change(shop_.schema, states);
  EXPECT_EQ(next.at(unique()), (IndexState{Kind::filling, {}}));
  EXPECT_EQ(next.at(shared()), IndexState{}) << "what is ready stays so";
}

TEST_F(IndexStatesTest, DropWhatIsGoneInSlices) {
  fill_shop(kSlice + 1);
  IndexStates states = change(shop_.schema, {});
  slices(states);
  const IndexId gone = unique();
  std::erase_if(shop_.schema.indexes, [&](const Index& index) { return index.id == gone; });
  states = change(shop_.schema, states);
  EXPECT_EQ(states.at(gone).kind, Kind::dropping);
  ASSERT_TRUE(work(states));
  EXPECT_EQ(keys_of(gone), 1u);
  ASSERT_TRUE(work(states));
  EXPECT_EQ(keys_of(gone), 0u);
  EXPECT_FALSE(states.contains(gone));
  EXPECT_FALSE(work(states));
  EXPECT_EQ(keys_of(shared()), kSlice + 1) << "of the other index nothing is dropped";
}

TEST_F(IndexStatesTest, StartAgainAfterARebuild) {
  const IndexStates before{{IndexId{1}, {Kind::ready, {}}},
                           {IndexId{2}, {Kind::filling, "a record"}},
                           {IndexId{3}, {Kind::not_unique, "two records"}},
                           {IndexId{4}, {Kind::dropping, {}}},
                           {IndexId{5}, {Kind::too_large, "a record"}}};
  // Written through what writes them: a fill that is left out of the schema changes nothing.
  for (const auto& [id, state] : before) {
    std::string key = "index/";
    key.append({0, 0, 0, static_cast<char>(id)});
    std::string value("\x92\x00\xc4\x00", 4);
    value[1] = static_cast<char>(state.kind);
    value[3] = static_cast<char>(state.detail.size());
    shop_.rows.apply({Family::meta, key, value + state.detail});
  }
  ASSERT_EQ(load_index_states(shop_.rows).value(), before);
  for (const RowChange& row : state_rows(restarted_fills(before))) shop_.rows.apply(row);
  IndexStates after = before;
  for (const std::uint32_t id : {2, 3, 5}) after[IndexId{id}] = {Kind::filling, {}};
  EXPECT_EQ(load_index_states(shop_.rows).value(), after);
}

TEST_F(IndexStatesTest, AreRefusedWhenTheyAreDamaged) {
  const std::string key("index/\0\0\0\1", 10);
  for (const std::string& value : {std::string("\x92\x05\xc4\x00", 4), std::string("\x91\x00", 2),
                                   std::string("\x92\x00", 2), std::string()}) {
    shop_.rows.apply({Family::meta, key, value});
    const auto states = load_index_states(shop_.rows);
    ASSERT_FALSE(states);
    EXPECT_EQ(states.error().code, ErrorCode::corrupt_index) << states.error().message;
  }
  shop_.rows.apply({Family::meta, key, std::string("\x92\x04\xc4\x01r", 5)});
  EXPECT_EQ(load_index_states(shop_.rows).value(),
            (IndexStates{{IndexId{1}, {Kind::too_large, "r"}}}));
}

}  // namespace
}  // namespace emstore::store
