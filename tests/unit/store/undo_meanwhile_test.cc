// An undo is planned beside the writer: what comes before its turn must not be lost by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/unit/store/undoing.h"

namespace emstore::testing {
namespace {

using ::testing::HasSubstr;

// Nodes lead to others: by `parent`, with which they go, and by `other`, as `rule` says.
Map nodes(const char* rule) {
  const auto leads = [](const char* name, const char* back) {
    return relation("n:1", "nodes", "nodes", {{"mappedBy", name}, {"inversedBy", back}});
  };
  return Map{
      {"entities",
       Map{{"nodes",
            regular({{"name", field("text")},
                     {"parent_id", reference("parent", "nodes", {{"on_delete", "cascade"}})},
                     {"other_id", reference("other", "nodes", {{"on_delete", rule}})}})}}},
      {"relations", Map{{"a", leads("parent", "children")}, {"b", leads("other", "others")}}},
      {"indices", Map{}}};
}

class UndoMeanwhile : public UndoTest {
 protected:
  store::Command plan(Sequence sequence) {
    Result<store::Command> command = undo_of(sequence);
    EXPECT_TRUE(command) << (command ? "" : to_string(command.error()));
    return command ? *command : store::Command();
  }
  // The undo of the last commit comes behind `meanwhile`, which it must leave as it is.
  std::string refusal_after(const std::function<void()>& meanwhile) {
    store::Command undo = plan(view()->sequence);
    meanwhile();
    const Sha256 before = *store::state_digest(*view());
    const store::Outcome outcome = submit(std::move(undo));
    EXPECT_EQ(*store::state_digest(*view()), before);
    if (outcome) return "carried out";
    EXPECT_EQ(outcome.error().code == ErrorCode::record_not_found ||
                  outcome.error().code == ErrorCode::version_mismatch,
              true)
        << to_string(outcome.error());
    return to_string(outcome.error());
  }
  std::uint64_t last_id(const std::string& entity) {
    const Value last = find_one(entity, {{"orderBy", "-id"}});
    return static_cast<std::uint64_t>(*last.if_map()->find("id")->if_integer());
  }
  // nodes/1, and sixty more that lead to it, where only forty are allowed of something.
  void grow(const char* field) {
    open();
    apply(nodes("set null"));
    must(insert("nodes", {{"name", "Y"}}));
    for (int i = 0; i < 60; ++i) must(insert("nodes", {{"name", "leaf"}, {field, 1}}));
  }
};

TEST_F(UndoMeanwhile, DeletesNothingThatWasChanged) {
  apply(blog_schema());
  together({insert_as("p", "posts", {{"title", "t"}}),
            insert("comments", {{"body", "a"}, {"post", set(ref("p"))}})});
  EXPECT_THAT(refusal_after([&] {
                must(update("comments", 1, {{"body", "edited"}}));
              }),
              HasSubstr("comments/1"));
}

TEST_F(UndoMeanwhile, DeletesNothingTwice) {
  apply(blog_schema());
  must(insert("tags", {{"label", "t"}}));
  const store::Command undo = plan(view()->sequence);
  EXPECT_THAT(refusal_after([&] { EXPECT_TRUE(submit(undo)); }), HasSubstr("tags/1"));
  must(insert("tags", {{"label", "t"}}));
  EXPECT_THAT(refusal_after([&] { must(remove("tags", 2)); }), HasSubstr("tags/2"));
}

TEST_F(UndoMeanwhile, TakesNothingAlong) {
  apply(blog_schema());
  must(insert("posts", {{"title", "t"}}));
  EXPECT_THAT(refusal_after([&] {
                must(insert("comments", {{"body", "later"}, {"post_id", 1}}));
              }),
              HasSubstr("comments/1 leads to posts/1 since commit 3"));
}

TEST_F(UndoMeanwhile, LeavesNothingThatLeadsNowhere) {
  for (const char* rule : {"set null", "restrict"}) {
    apply(nodes(rule));
    must(insert("nodes", {{"name", "Y"}}));
    const std::uint64_t y = last_id("nodes");
    must(insert("nodes", {{"name", "Z"}, {"parent_id", y}}));
    // Y goes below X and comes back; Z stays below Y all the time.
    together({insert_as("x", "nodes", {{"name", "X"}}),
              update("nodes", y, {{"parent", set(ref("x"))}})});
    EXPECT_THAT(refusal_after([&] {
                  must(update("nodes", y + 1, {{"other_id", y + 2}}));
                }),
                HasSubstr("leads to nodes/" + std::to_string(y + 2)))
        << rule;
  }
}

TEST_F(UndoMeanwhile, LeavesMediaThatAreLinked) {
  apply(shop_schema());
  must(insert("products", {{"name", "Laptop"}}));
  upload("picture");
  EXPECT_THAT(refusal_after([&] {
                must(update("products", 1, {{"gallery", attach(List{1})}}));
              }),
              HasSubstr("media 1 is linked by products/1"));
}

// The plan has names, and those may have become others'.
TEST_F(UndoMeanwhile, TouchesNoFieldThatTookTheName) {
  const auto named = [](const char* first, const char* was_first, const char* second,
                        const char* was_second) {
    return Map{{"entities",
                Map{{"nodes", regular({{first, field("text", {{"renamed_from", was_first}})},
                                       {second, field("text", {{"renamed_from", was_second}})}})}}},
               {"relations", Map{}},
               {"indices", Map{}}};
  };
  apply(named("p", "p", "q", "q"));
  must(insert("nodes", {{"p", "P0"}, {"q", "Q0"}}));
  must(update("nodes", 1, {{"p", "P1"}}));
  EXPECT_THAT(refusal_after([&] {
                apply(named("r", "p", "q", "q"));
                apply(named("r", "r", "p", "q"));
              }),
              HasSubstr("the schema was changed"));
}

TEST_F(UndoMeanwhile, IsNotBoundByWhatLiesBelowWhatStays) {
  options().limits.commit_changes_max = 40;
  grow("parent_id");
  const Sequence made = together(
      {insert_as("x", "nodes", {{"name", "X"}}), update("nodes", 1, {{"parent", set(ref("x"))}})});
  EXPECT_TRUE(submit(plan(made)));
}

// References among what goes are nobody's business, however many they are.
TEST_F(UndoMeanwhile, TakesBackAsManyReferencesAsOneCommitMade) {
  constexpr std::size_t kReferrers = 13'000;  // With two references each, more than kLinksMax.
  options().limits.mutations_max = kReferrers + 1;
  open();
  apply(nodes("restrict"));
  const auto make = [&] {
    store::Mutation many = insert("nodes", {});
    many.documents =
        List(kReferrers, Value(Map{{"parent", set(ref("x"))}, {"other", set(ref("x"))}}));
    return together({insert_as("x", "nodes", {}), std::move(many)});
  };
  EXPECT_TRUE(submit(plan(make())));
  make();
  must(delete_where("nodes", {{"id", Map{{"$gte", 1}}}}));
}

TEST_F(UndoMeanwhile, DeletionsThatLookTooFarSayHowToPage) {
  options().limits.examined_max = 40;
  grow("other_id");
  store::Command both =
      command({update("nodes", 999, {{"name", "x"}}), delete_where("nodes", {{"id", 1}})});
  both.is_transaction = true;
  const store::Outcome refused = submit(std::move(both));
  ASSERT_FALSE(refused);
  ASSERT_EQ(refused.error().violations.size(), 2U);
  EXPECT_EQ(refused.error().violations[1].code, ErrorCode::commit_too_large);
  EXPECT_EQ(refused.error().violations[1].path, "operations[1].where");
  EXPECT_THAT(refused.error().violations[1].hint, HasSubstr("a smaller limit"));
}

TEST_F(UndoMeanwhile, DeletionsThatTakeTooMuchAlongSayHowToPage) {
  options().limits.commit_changes_max = 40;
  grow("parent_id");
  const store::Outcome refused = ask(delete_where("nodes", {{"id", 1}}));
  ASSERT_FALSE(refused);
  EXPECT_THAT(to_string(refused.error()),
              HasSubstr("more than 40 records would go along at where"));
}

}  // namespace
}  // namespace emstore::testing
