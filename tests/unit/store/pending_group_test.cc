// A group is decided while the one before it is written.
#include "store/pending_group.h"

#include <gtest/gtest.h>

#include "tests/support/dropping_file_system.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

class Pending : public ::testing::Test, public TestStore {
 protected:
  Pending() { apply(shop_schema()); }

  std::shared_ptr<store::PendingGroup> decided(std::vector<store::Mutation> mutations) {
    const auto group = store().begin_group();
    for (store::Mutation& mutation : mutations) {
      group->take({Peer{1000, 1000, 42}, command(std::move(mutation))});
    }
    group->end();
    return group;
  }
  std::uint64_t products() {
    const auto counter =
        store::read_counter(*view()->reader, view()->schema->entity("products")->id);
    return counter ? counter->records : 0;
  }
};

Map product(std::string name) { return {{"name", std::move(name)}}; }

TEST_F(Pending, IsSeenByTheNextGroupAndByNobodyElseUntilItIsWritten) {
  const Sequence before = view()->sequence;
  const auto first = decided({insert("products", product("chair"))});
  const auto second = decided({update("products", 1, product("table"))});
  EXPECT_EQ(view()->sequence, before);
  EXPECT_EQ(products(), 0U);

  EXPECT_TRUE(store().write(*first).front());
  EXPECT_EQ(view()->sequence, before + 1);
  EXPECT_EQ(products(), 1U);

  EXPECT_TRUE(store().write(*second).front());
  EXPECT_EQ(view()->sequence, before + 2);
  verify();
}

TEST_F(Pending, StandsOnAllGroupsBeforeIt) {
  const auto first = decided({insert("products", {{"name", "chair"}, {"sku", "A"}})});
  const auto second = decided({insert("products", {{"name", "table"}, {"sku", "B"}})});
  EXPECT_TRUE(store().write(*first).front());
  // The first is on disk by now, the second is not.
  const auto third = decided({insert("products", {{"name", "stool"}, {"sku", "A"}}),
                              insert("products", {{"name", "bench"}, {"sku", "B"}}),
                              insert("products", {{"name", "shelf"}, {"sku", "C"}})});
  EXPECT_TRUE(store().write(*second).front());
  const std::vector<store::Outcome> outcomes = store().write(*third);
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::not_unique);
  EXPECT_EQ(outcomes[1].error().code, ErrorCode::not_unique);
  EXPECT_TRUE(outcomes[2]);
  EXPECT_EQ(products(), 3U);
  verify();
}

TEST_F(Pending, RefusesInTheOrderOfTheWrites) {
  const auto first = decided({insert("products", {{"name", "chair"}, {"sku", "A"}})});
  const auto second = decided({insert("products", {{"name", "table"}, {"sku", "A"}})});
  EXPECT_TRUE(store().write(*first).front());
  const Sequence before = view()->sequence;
  EXPECT_EQ(store().write(*second).front().error().code, ErrorCode::not_unique);
  EXPECT_EQ(view()->sequence, before);
}

TEST_F(Pending, LeavesTheStoreAsItIsWhenItHoldsNothing) {
  const auto before = view();
  const auto empty = decided({});
  EXPECT_TRUE(store().write(*empty).empty());
  EXPECT_EQ(view(), before);
  must(insert("products", product("chair")));
  verify();
}

// The second may have been written as if the first were there: nothing of it may be.
TEST_F(Pending, IsNotWrittenWhenTheGroupBeforeItWasNot) {
  const auto files = std::make_shared<DroppingFileSystem>();
  options().database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
  open();
  must(insert("products", product("chair")));
  auto first = decided({insert("products", product("table"))});
  auto second = decided({update("products", 2, product("desk"))});
  files->fail_log_sync();
  for (store::PendingGroup* group : {first.get(), second.get()}) {
    const std::vector<store::Outcome> outcomes = store().write(*group);
    ASSERT_FALSE(outcomes.front());
    EXPECT_EQ(outcomes.front().error().code, ErrorCode::outcome_unknown);
  }
  const Sequence acknowledged = view()->sequence;

  first = second = nullptr;
  options().database.file_system = nullptr;
  open();
  EXPECT_GE(view()->sequence, acknowledged);
  EXPECT_LE(view()->sequence, acknowledged + 1);
  verify();
}

}  // namespace
}  // namespace emstore::testing
