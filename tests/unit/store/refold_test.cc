#include "store/refold.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "store/scratch.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::Family;

// A store that has seen every kind of event that changes rows.
class RefoldTest : public ::testing::Test, public TestStore {
 protected:
  RefoldTest() {
    apply(shop_schema());
    for (const char* bytes : {"one", "two", "three"}) upload(bytes);
    must(insert("products", {{"name", "Laptop"}, {"sku", "L"}}));
    must(insert("products", {{"name", std::string(2'000, 'x')}, {"sku", "X"}}));
    must(update("products", 1, {{"gallery", Map{{"$attach", List{1, 2}}}}}));
    must(update("products", 1, {{"gallery", Map{{"$set", List{2, 3}}}}, {"price", 7}}));
    must(update("media", 2, {{"alt", "covers change"}}));
    must(remove("products", 2));
  }

  // Folds the log into `rows`; how often they were written.
  int refold(store::Scratch& rows, const std::function<bool(IndexId)>& is_ready,
             std::size_t bytes_max = store::Refold::kBytesMax) {
    int writes = 0;
    const std::shared_ptr<const store::View> now = view();
    store::Refold refold(
        *now->reader, rows,
        [&](const store::RowTable& changes) {
          ++writes;
          rows.apply(changes);
          return Status();
        },
        bytes_max);
    EXPECT_TRUE(store::replay(
        *now->reader, 1, [&](const store::LoggedCommit& logged) { return refold.add(logged); }));
    EXPECT_TRUE(refold.finish(is_ready));
    EXPECT_EQ(refold.tree().root(), now->root);
    EXPECT_EQ(*refold.schema(), *now->schema);
    return writes;
  }

  std::map<std::string, std::string, std::less<>> live(Family family) const {
    std::map<std::string, std::string, std::less<>> rows;
    EXPECT_TRUE(view()->reader->scan(family, {}, [&](std::string_view key, std::string_view value) {
      return rows.emplace(key, value).second;
    }));
    return rows;
  }
};

TEST_F(RefoldTest, GivesTheRowsThatAreLive) {
  store::Scratch rows;
  refold(rows, [](IndexId) { return true; });
  for (const store::FamilyInfo& family : store::kFamilies) {
    if (!store::is_index(family.family)) {
      EXPECT_TRUE(rows.rows(family.family).empty()) << family.name << " is not folded";
    } else {
      EXPECT_EQ(rows.rows(family.family), live(family.family)) << family.name;
    }
  }
}

TEST_F(RefoldTest, MakesTheKeysOfReadyIndexesOnly) {
  store::Scratch rows;
  refold(rows, [](IndexId) { return false; });
  EXPECT_TRUE(rows.rows(Family::values).empty());
  EXPECT_FALSE(live(Family::values).empty());
  EXPECT_EQ(rows.rows(Family::records), live(Family::records));
}

// Whatever fits: each commit is written by itself, or several at once, or all of them.
TEST_F(RefoldTest, WritesOutOnTheWayAndGoesOnFromThere) {
  std::vector<store::Mutation> inserts;
  for (int i = 0; i < 300; ++i) {
    inserts.push_back(insert("products", {{"name", "n"}, {"sku", std::to_string(i)}}));
  }
  ASSERT_TRUE(submit(command(std::move(inserts))));
  for (int round = 0; round < 20; ++round) {
    std::vector<store::Mutation> attaches;
    for (std::uint64_t id = 3; id < 53; ++id) {
      const char* change = round % 2 == 0 ? "$attach" : "$detach";
      attaches.push_back(update("products", id, {{"documents", Map{{change, List{1, 2}}}}}));
    }
    ASSERT_TRUE(submit(command(std::move(attaches))));
    must(update("media", 1, {{"alt", "covers change " + std::to_string(round)}}));
  }
  const auto commits = static_cast<int>(view()->sequence);
  const std::map<std::size_t, std::pair<int, int>> writes_at{
      {1, {commits, commits + 2}}, {100'000, {2, 20}}, {store::Refold::kBytesMax, {1, 1}}};
  for (const auto& [bytes_max, expected] : writes_at) {
    store::Scratch rows;
    const int writes = refold(
        rows, [](IndexId) { return true; }, bytes_max);
    EXPECT_GE(writes, expected.first) << bytes_max;
    EXPECT_LE(writes, expected.second) << bytes_max;
    for (const store::FamilyInfo& family : store::kFamilies) {
      if (!store::is_index(family.family)) continue;
      EXPECT_EQ(rows.rows(family.family), live(family.family)) << family.name << " " << bytes_max;
    }
  }
}

// As a rebuild does beside a store that goes on: the keys are made somewhere on the way.
TEST_F(RefoldTest, KeepsTheKeysThatWereMadeOnTheWay) {
  must(insert("products", {{"name", "Phone"}, {"sku", "P"}}));
  must(update("products", 1, {{"sku", "M"}}));
  must(remove("products", 3));
  const std::shared_ptr<const store::View> now = view();
  for (Sequence made_at = 1; made_at <= now->sequence; ++made_at) {
    store::Scratch rows;
    store::Refold refold(*now->reader, rows, [&](const store::RowTable& changes) {
      rows.apply(changes);
      return Status();
    });
    ASSERT_TRUE(store::replay(*now->reader, 1, [&](const store::LoggedCommit& logged) -> Status {
      EMSTORE_CHECKED(refold.add(logged));
      if (refold.last() != made_at) return {};
      return refold.keep_indexes([](IndexId) { return true; });
    }));
    ASSERT_TRUE(refold.flush());
    EXPECT_EQ(rows.rows(Family::values), live(Family::values)) << "made at " << made_at;
  }
}

TEST_F(RefoldTest, DropsTheKeysOfAnIndexThatIsGone) {
  Map schema = shop_schema();
  schema.set("indices", Map{});
  apply(schema);
  while (store().work().value()) {
  }
  store::Scratch rows;
  const std::shared_ptr<const store::View> now = view();
  store::Refold refold(*now->reader, rows, [&](const store::RowTable& changes) {
    rows.apply(changes);
    return Status();
  });
  ASSERT_TRUE(store::replay(*now->reader, 1, [&](const store::LoggedCommit& logged) -> Status {
    EMSTORE_CHECKED(refold.add(logged));
    if (refold.last() + 1 != now->sequence) return {};
    EMSTORE_CHECKED(refold.finish([](IndexId) { return true; }));
    EXPECT_FALSE(rows.rows(Family::values).empty());
    return {};
  }));
  ASSERT_TRUE(refold.finish([](IndexId) { return true; }));
  EXPECT_TRUE(rows.rows(Family::values).empty());
  EXPECT_TRUE(live(Family::values).empty());
}

TEST_F(RefoldTest, RefusesACommitThatDoesNotFollowTheLast) {
  std::vector<store::LoggedCommit> commits;
  ASSERT_TRUE(store::replay(*view()->reader, 1, [&](const store::LoggedCommit& logged) {
    commits.push_back(logged);
    return Status();
  }));
  store::Scratch rows;
  store::Refold refold(*view()->reader, rows, [](auto&) { return Status(); });
  ASSERT_TRUE(refold.add(commits[0]));
  for (const std::size_t other : {std::size_t{0}, std::size_t{2}}) {
    const Status added = refold.add(commits[other]);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::corrupt_log);
  }
  EXPECT_TRUE(refold.add(commits[1]));
}

TEST_F(RefoldTest, EndsWhereItsRowsCannotBeWritten) {
  store::Scratch rows;
  store::Refold refold(*view()->reader, rows,
                       [](auto&) { return Status(failure(ErrorCode::disk_full, "full")); });
  ASSERT_TRUE(store::replay(*view()->reader, 1,
                            [&](const store::LoggedCommit& logged) { return refold.add(logged); }));
  const Status finished = refold.finish([](IndexId) { return true; });
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code, ErrorCode::disk_full);
}

}  // namespace
}  // namespace emstore::testing
