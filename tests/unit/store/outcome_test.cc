// What a mutation answers, now and when it is asked again.
#include "store/outcome.h"

#include <gtest/gtest.h>

#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using RecordIds = std::vector<RecordId>;

class OutcomeOf : public ::testing::Test, public TestStore {
 protected:
  OutcomeOf() {
    apply(shop_schema());
    for (const char* bytes : {"one", "two", "three"}) upload(bytes);
    must(insert("products", {{"name", "Laptop"}, {"documents", Map{{"$attach", List{1, 2}}}}}));
  }

  store::FieldOutcome change(Map operators) {
    return must(update("products", 1, {{"documents", std::move(operators)}}))
        .mutations[0]
        .records[0]
        .changes[0];
  }
};

TEST_F(OutcomeOf, TellsAddedRemovedAlreadyAndMissingApart) {
  const store::FieldOutcome outcome = change({{"$detach", List{1, 3}}, {"$attach", List{2}}});
  EXPECT_EQ(outcome.removed, RecordIds{RecordId(1)});
  EXPECT_EQ(outcome.missing, RecordIds{RecordId(3)});
  EXPECT_EQ(outcome.already, RecordIds{RecordId(2)});
  EXPECT_TRUE(outcome.added.empty());
}

TEST_F(OutcomeOf, CallsWhatWasDetachedAndAttachedAgainMovedNotMissing) {
  const store::FieldOutcome moved = change({{"$detach", List{1}}, {"$attach", List{1}}});
  EXPECT_EQ(moved.moved, RecordIds{RecordId(1)});
  EXPECT_TRUE(moved.missing.empty());
  const store::FieldOutcome back = change({{"$detach", List{2, 1}}, {"$attach", List{2, 1}}});
  EXPECT_EQ(back.already, (RecordIds{RecordId(2), RecordId(1)}));
  EXPECT_TRUE(back.moved.empty());
  EXPECT_TRUE(back.missing.empty());
}

TEST_F(OutcomeOf, IsTheSameForARetryAfterTheSchemaChanged) {
  store::Command asked = command(insert("products", {{"name", "Phone"}}));
  asked.key = store::RequestKey{"k", sha256("body")};
  const auto first = std::get<store::CommitOutcome>(*submit(asked));
  Map schema = shop_schema();
  schema.find("entities")
      ->if_map()
      ->find("products")
      ->if_map()
      ->find("fields")
      ->if_map()
      ->set("colour", field("text", {{"default_value", "red"}}));
  apply(schema);
  const auto again = std::get<store::CommitOutcome>(*submit(asked));
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.mutations, first.mutations);
}

}  // namespace
}  // namespace emstore::testing
