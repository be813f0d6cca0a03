// Deleting records that others lead to: what is released, what stands against it, what goes along.
#include "tests/unit/store/relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace emstore::testing {
namespace {

using store::Effect;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(Blog, WhatRefersToADeletedRecordIsReleased) {
  must(update("posts", 1, {{"tags", attach(List{1, 2})}}));
  must(remove("tags", 1));
  EXPECT_EQ(links("posts", 1, "tags"), (Ids{2}));
  must(remove("users", 1));
  EXPECT_EQ(value("posts", 1, "author_id"), Value());
}

TEST_F(Blog, RestrictedRecordsAreNamed) {
  must(insert("invoices", {{"total", 5}, {"user_id", 1}}));
  EXPECT_EQ(refusal(remove("users", 1)),
            "restricted at id: users/1 is referred to by invoices/1.user_id");
  must(remove("invoices", 1));
  must(remove("users", 1));
}

TEST_F(Blog, CascadeTakesAlongWhatCannotBeWithout) {
  must(update("posts", 1, {{"comments", create(List{Map{{"body", "a"}}, Map{{"body", "b"}}})}}));
  must(remove("posts", 1));
  EXPECT_EQ(value("comments", 1, "body"), Value("no record"));
  EXPECT_EQ(value("comments", 2, "body"), Value("no record"));
}

// A record of `middle` is referred to by one that goes with it and by another one, whichever is
// found first.
Map middle_schema(bool is_cascade_first, const std::string& kind, const Map& rule) {
  const bool is_many = kind == "m:n";
  Map other{{"name", field("text")}};
  if (!is_many) other.set("other_id", reference("other", "middle", rule));
  Map relation_config;
  if (!is_many) relation_config.set("mappedBy", "other");
  const Map goes =
      regular({{"middle_id", reference("middle", "middle", {{"on_delete", "cascade"}})}});
  Map entities{{"middle", regular({{"name", field("text")}})}};
  if (is_cascade_first) entities.set("goes", goes);
  entities.set("others", regular(std::move(other)));
  if (!is_cascade_first) entities.set("goes", goes);
  return Map{{"entities", std::move(entities)},
             {"relations", Map{{"n1", relation("n:1", "goes", "middle", {{"mappedBy", "middle"}})},
                               {"second", relation(kind, "others", "middle", relation_config)}}},
             {"indices", Map{}}};
}

struct OtherRule {
  std::string name;
  bool is_cascade_first;
  bool is_many;  // m:n instead of n:1.
  Map rule;
  std::optional<ErrorCode> refused;
};

std::ostream& operator<<(std::ostream& out, const OtherRule& rule) { return out << rule.name; }

class Cascade : public TestStore, public ::testing::TestWithParam<OtherRule> {};

TEST_P(Cascade, LeavesTheRuleOfEverythingElseInForce) {
  const OtherRule& other = GetParam();
  const std::string name = other.is_many ? "middle" : "other";
  apply(middle_schema(other.is_cascade_first, other.is_many ? "m:n" : "n:1", other.rule));
  must(insert("middle", {{"name", "m"}}));
  for (int i = 0; i < 5; ++i) must(insert("goes", {{"middle_id", 1}}));
  must(insert("others",
              other.is_many ? Map{{"middle", Blog::attach(List{1})}} : Map{{"other_id", 1}}));
  if (other.refused) {
    EXPECT_EQ(refused(remove("middle", 1)).code, *other.refused);
    return;
  }
  must(remove("middle", 1));
  EXPECT_EQ(find_one("goes", {}), Value());
  const Value left = find_one("others", {{"with", Map{{name, true}}}});
  ASSERT_NE(left.if_map(), nullptr) << to_string(left);
  EXPECT_EQ(*left.if_map()->find(name), other.is_many ? Value(List{}) : Value());
  verify();
}

std::vector<OtherRule> other_rules() {
  std::vector<OtherRule> rules;
  for (const bool first : {true, false}) {
    const std::string place = first ? "Behind" : "InFront";
    rules.push_back(
        {"Restrict" + place, first, false, {{"on_delete", "restrict"}}, ErrorCode::restricted});
    rules.push_back({"Required" + place, first, false, {{"required", true}}, ErrorCode::required});
    rules.push_back({"SetNull" + place, first, false, {}, {}});
    rules.push_back({"Links" + place, first, true, {}, {}});
  }
  return rules;
}

INSTANTIATE_TEST_SUITE_P(Each, Cascade, ::testing::ValuesIn(other_rules()),
                         [](const auto& rule) { return rule.param.name; });

TEST_F(Blog, CascadeFollowsCyclesAndTrees) {
  must(insert("categories", {{"slug", "root"}}));
  must(insert("categories", {{"slug", "child"}, {"parent_id", 1}}));
  must(insert("categories", {{"slug", "leaf"}, {"parent_id", 2}}));
  must(update("categories", 1, {{"parent_id", 3}}));
  must(update("posts", 1, {{"category_id", 2}}));
  must(remove("categories", 2));
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    EXPECT_EQ(value("categories", id, "slug"), Value("no record"));
  }
  EXPECT_EQ(value("posts", 1, "category_id"), Value());
}

store::Mutation delete_all(const std::string& entity, Map where) {
  store::Mutation asked = TestStore::remove(entity, 1);
  asked.id = Value();
  asked.choice = store::Choice{std::move(where), false, {}, {}};
  return asked;
}

TEST_F(Blog, WhatAWhereDeletesRestrictsNothing) {
  Map schema = blog_schema();
  Map& entities = *schema.find("entities")->if_map();
  entities.set("tasks",
               regular({{"next_id", reference("next", "tasks", {{"on_delete", "restrict"}})}}));
  schema.find("relations")
      ->if_map()
      ->set("n1_tasks_tasks_next",
            relation("n:1", "tasks", "tasks", {{"mappedBy", "next"}, {"inversedBy", "before"}}));
  apply(std::move(schema));
  must(insert("tasks", {}));
  must(insert("tasks", {{"next_id", 1}}));
  must(insert("tasks", {{"next_id", 2}}));
  must(update("tasks", 1, {{"next_id", 3}}));
  EXPECT_THAT(refusal(delete_all("tasks", {{"id", Map{{"$lt", 3}}}})),
              HasSubstr("restricted at tasks/2.id: tasks/2 is referred to by tasks/3.next_id"));
  EXPECT_EQ(must(delete_all("tasks", {{"id", Map{{"$gt", 0}}}})).mutations[0].records.size(), 3U);
  EXPECT_EQ(value("tasks", 1, "next_id"), Value("no record"));
  // Links among what goes are left to their owners.
  must(update("users", 1, {{"friends", attach(List{2, 3})}}));
  must(update("users", 2, {{"friends", attach(List{1, 2})}}));
  must(delete_all("users", {{"id", Map{{"$in", List{1, 2}}}}}));
  EXPECT_EQ(value("users", 3, "name"), Value("Cyd"));
}

// A stop is of one line, and lies behind another one's: `on_delete` of the first, cascade of the
// second.
Map lines_schema(const Map& first) {
  const Map stop =
      regular({{"of_id", reference("of", "lines", first)},
               {"behind_id", reference("behind", "lines", {{"on_delete", "cascade"}})}});
  return Map{{"entities", Map{{"lines", regular({{"name", field("text")}})}, {"stops", stop}}},
             {"relations",
              Map{{"n1_of", relation("n:1", "stops", "lines", {{"mappedBy", "of"}})},
                  {"n1_behind", relation("n:1", "stops", "lines", {{"mappedBy", "behind"}})}}},
             {"indices", Map{}}};
}

TEST(DeleteWhere, KnowsWhatGoesAlongWithTheOthersItFound) {
  for (const Map& first : {Map{{"on_delete", "restrict"}}, Map{{"required", true}}}) {
    TestStore store;
    store.apply(lines_schema(first));
    for (const char* name : {"a", "b", "c"})
      store.must(TestStore::insert("lines", {{"name", name}}));
    store.must(TestStore::insert("stops", {{"of_id", 1}, {"behind_id", 2}}));
    store.refused(delete_all("lines", {{"id", Map{{"$in", List{1, 3}}}}}));
    const auto deleted = store.must(delete_all("lines", {{"id", Map{{"$in", List{1, 2}}}}}));
    EXPECT_EQ(deleted.mutations[0].records.size(), 2U);
    EXPECT_EQ(store.find_one("stops", {}), Value());
    store.verify();
  }
}

TEST_F(Blog, WhatAWhereHasDeletedIsGoneForTheNextOperation) {
  store::Command both = command({delete_all("users", {{"id", 1}}), remove("users", 1)});
  both.is_transaction = true;
  const store::Outcome outcome = submit(both);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::record_not_found);
  EXPECT_EQ(outcome.error().path, "operations[1].id");
}

TEST_F(Blog, WhatAWhereFindsIsToldAlsoWhereItWentWithAnother) {
  must(insert("categories", {{"slug", "a"}}));
  must(insert("categories", {{"slug", "b"}, {"parent_id", 1}}));
  must(insert("categories", {{"slug", "c"}, {"parent_id", 2}}));
  store::Command keyed = command(delete_all("categories", {{"slug", Map{{"$gt", ""}}}}));
  keyed.key = store::RequestKey{"delete", {}};
  const auto told = [](const store::Outcome& outcome) {
    std::vector<std::pair<RecordId, Version>> records;
    for (const auto& record : std::get<store::CommitOutcome>(*outcome).mutations[0].records) {
      records.emplace_back(record.id, record.version);
    }
    return records;
  };
  const store::Outcome outcome = submit(keyed);
  ASSERT_TRUE(outcome);
  const Version version = std::get<store::CommitOutcome>(*outcome).sequence;
  EXPECT_THAT(told(outcome),
              ElementsAre(std::pair(RecordId(1), version), std::pair(RecordId(2), version),
                          std::pair(RecordId(3), version)));
  EXPECT_EQ(told(submit(keyed)), told(outcome));
}

TEST_F(Blog, ADryRunSaysWhatWouldGo) {
  must(update("posts", 1, {{"comments", create(Map{{"body", "a"}})}, {"tags", attach(1)}}));
  const Sha256 before = digest();
  store::Command asked = command(remove("posts", 1));
  asked.dry_run = true;
  const store::Outcome outcome = submit(asked);
  ASSERT_TRUE(outcome) << to_string(outcome.error());
  const auto& commit = std::get<store::CommitOutcome>(*outcome);
  ASSERT_TRUE(commit.plan);
  EXPECT_THAT(*commit.plan, ElementsAre(Effect{Effect::Kind::deleted, "comments", RecordId(1), {}},
                                        Effect{Effect::Kind::deleted, "posts", RecordId(1), {}}));
  EXPECT_EQ(digest(), before);
}

TEST_F(Blog, ACascadeThatIsTooLargeIsRefusedAsAWhole) {
  options().limits.commit_changes_max = 40;
  open();
  List comments;
  for (int i = 0; i < 5; ++i) comments.emplace_back(Map{{"body", "x"}});
  for (int i = 0; i < 4; ++i) must(update("posts", 1, {{"comments", create(comments)}}));
  EXPECT_THAT(refusal(remove("posts", 1)), HasSubstr("commit_too_large"));
}

}  // namespace
}  // namespace emstore::testing
