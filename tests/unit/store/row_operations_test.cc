// What a commit costs, as docs/architecture.md says it: row operations, of which families.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/replay.h"
#include "store/rows.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::Family;
using ::testing::UnorderedElementsAre;

class RowOperations : public ::testing::Test, public TestStore {
 protected:
  RowOperations() {
    apply(shop_schema());
    front_ = upload("front");
    side_ = upload("side");
    must(insert("products", {{"name", "chair"}, {"gallery", Map{{"$attach", List{front_}}}}}));
    must(insert("products", {{"name", "table"}, {"gallery", Map{{"$attach", List{side_}}}}}));
  }

  // The family of each row that the log and the fold of the commit write.
  std::vector<std::string_view> operations_of(store::Mutation mutation) {
    const auto before = view();
    must(std::move(mutation));
    const auto now = view();
    EXPECT_EQ(now->sequence, before->sequence + 1);
    std::vector<std::string_view> families{"log"};
    const Status folded = store::replay(*now->reader, now->sequence, [&](const auto& logged) {
      const store::CommitInfo& info = logged.commit.info;
      EXPECT_EQ(logged.commit.events.size(), 1u);
      const store::Event& event = logged.commit.events.front();
      const auto facts = store::read_facts(*before->reader, event).value();
      const store::FoldPlace place{{info.sequence, 0}, info.time, info.peer.uid};
      const auto rows = store::rows_of(*before->schema, facts, event, place).value();
      for (const store::RowChange& row : rows) families.push_back(store::name_of(row.family));
      return Status();
    });
    EXPECT_TRUE(folded);
    return families;
  }

  // Of the batch that a group of one commit is: the rows that are others afterwards.
  std::vector<std::string_view> changes_of(store::Mutation mutation) {
    const auto before = view();
    must(std::move(mutation));
    std::vector<std::string_view> families;
    for (const store::FamilyInfo& info : store::kFamilies) {
      std::map<std::string, std::string> rows = rows_in(*before, info.family);
      for (auto& [key, bytes] : rows_in(*view(), info.family)) {
        if (rows.contains(key) && rows.at(key) == bytes) {
          rows.erase(key);
        } else {
          rows[key] = bytes;
        }
      }
      families.insert(families.end(), rows.size(), info.name);
    }
    return families;
  }

  static std::map<std::string, std::string> rows_in(const store::View& view, Family family) {
    std::map<std::string, std::string> rows;
    EXPECT_TRUE(view.reader->scan(family, {}, [&](auto key, auto bytes) {
      rows.emplace(key, bytes);
      return true;
    }));
    return rows;
  }

  store::Mutation attach(std::uint64_t media) const {
    return update("products", 1, {{"gallery", Map{{"$attach", List{media}}}}});
  }
  store::Mutation detach(std::uint64_t media) const {
    return update("products", 1, {{"gallery", Map{{"$detach", List{media}}}}});
  }

  std::uint64_t front_ = 0, side_ = 0;
};

TEST_F(RowOperations, AreFiveOfAnAttach) {
  EXPECT_THAT(operations_of(attach(side_)),
              UnorderedElementsAre("log", "links", "backlinks", "records", "uses"));
}

TEST_F(RowOperations, AreSixOfADetach) {
  must(attach(side_));
  EXPECT_THAT(operations_of(detach(side_)),
              UnorderedElementsAre("log", "links", "backlinks", "records", "uses", "unlinked"));
}

TEST_F(RowOperations, AreOneMoreOfTheFirstAndTheLastLinkOfAMedia) {
  const std::uint64_t back = upload("back");
  EXPECT_THAT(operations_of(attach(back)),
              UnorderedElementsAre("log", "links", "backlinks", "records", "uses", "unused"));
  EXPECT_THAT(
      operations_of(detach(back)),
      UnorderedElementsAre("log", "links", "backlinks", "records", "uses", "unlinked", "unused"));
}

// The frontier of the log's tree is all that a group writes beside the rows of its commits.
TEST_F(RowOperations, OfAGroupAreThoseOfItsCommitsAndTheTreesFrontier) {
  EXPECT_THAT(changes_of(attach(side_)),
              UnorderedElementsAre("log", "links", "backlinks", "records", "uses", "tree"));
  EXPECT_THAT(
      changes_of(detach(side_)),
      UnorderedElementsAre("log", "links", "backlinks", "records", "uses", "unlinked", "tree"));
}

}  // namespace
}  // namespace emstore::testing
