// Relations between entities through the store: what a mutation does on either side, and what
// follows from it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/store.h"
#include "tests/support/blog.h"

namespace emstore::testing {
namespace {

using store::Effect;
using store::FieldOutcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Map set(Value value) { return Map{{"$set", std::move(value)}}; }
Map attach(Value value) { return Map{{"$attach", std::move(value)}}; }
Map detach(Value value) { return Map{{"$detach", std::move(value)}}; }
Map create(Value value) { return Map{{"$create", std::move(value)}}; }

// Users 1 to 3, tags 1 to 3, one post of user 1.
class Blog : public ::testing::Test, public TestStore {
 protected:
  Blog() {
    apply(blog_schema());
    for (const char* name : {"Ada", "Bob", "Cyd"}) must(insert("users", {{"name", name}}));
    for (const char* label : {"red", "green", "blue"}) must(insert("tags", {{"label", label}}));
    must(insert("posts", {{"title", "First"}, {"author_id", 1}}));
  }

  // A member of a record, `with` included.
  Value read(const std::string& entity, std::uint64_t id, const std::string& name,
             bool with = true) {
    Map query{{"where", Map{{"id", id}}}};
    if (with) query.set("with", Map{{name, true}});
    const Value record = find_one(entity, query);
    return record.if_map() == nullptr ? Value("no record") : *record.if_map()->find(name);
  }
  Value value(const std::string& entity, std::uint64_t id, const std::string& name) {
    return read(entity, id, name, false);
  }
  FieldOutcome change(store::Mutation mutation) {
    const store::CommitOutcome outcome = must(std::move(mutation));
    return outcome.mutations.empty() ? FieldOutcome{}
                                     : outcome.mutations[0].records[0].changes.at(0);
  }
  std::string refusal(store::Mutation mutation) {
    const Error error = refused(std::move(mutation));
    return std::string(name_of(error.code)) + " at " + error.path + ": " + error.message;
  }

  void TearDown() override { verify(); }
};

std::vector<RecordId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<RecordId> all;
  for (const std::uint64_t number : numbers) all.emplace_back(number);
  return all;
}
using Ids = std::vector<std::uint64_t>;

// ---- Many-to-one --------------------------------------------------------------------------------

TEST_F(Blog, AValueLeadsToItsRecordAndBack) {
  EXPECT_EQ(value("posts", 1, "author_id"), Value(1));
  EXPECT_EQ(*read("posts", 1, "author").if_map()->find("name"), Value("Ada"));
  EXPECT_EQ(links("users", 1, "posts"), (Ids{1}));
  must(update("posts", 1, {{"author_id", 2}}));
  EXPECT_EQ(links("users", 1, "posts"), Ids{});
  EXPECT_EQ(links("users", 2, "posts"), (Ids{1}));
  must(update("posts", 1, {{"author_id", nullptr}}));
  EXPECT_EQ(read("posts", 1, "author"), Value());
  EXPECT_EQ(links("users", 2, "posts"), Ids{});
}

TEST_F(Blog, AnUnknownTargetIsRefusedWhereItStands) {
  EXPECT_EQ(refusal(update("posts", 1, {{"author_id", 99}})),
            "record_not_found at author_id: users/99 does not exist");
  EXPECT_EQ(refusal(update("posts", 1, {{"author", set(99)}})),
            "record_not_found at author.$set: users/99 does not exist");
  EXPECT_THAT(refusal(update("posts", 1, {{"author_id", "Ada"}})), HasSubstr("wrong_type"));
  EXPECT_THAT(refusal(insert("comments", {{"body", "Hm"}})), HasSubstr("required at post_id"));
}

TEST_F(Blog, SetByNameTakesAnIdAMapAndNull) {
  EXPECT_EQ(change(update("posts", 1, {{"author", set(2)}})),
            (FieldOutcome{"author", ids({2}), ids({1}), {}, {}, {}}));
  EXPECT_EQ(change(update("posts", 1, {{"author", set(Map{{"id", 3}})}})).added, ids({3}));
  EXPECT_EQ(change(update("posts", 1, {{"author", set(3)}})).already, ids({3}));
  EXPECT_EQ(change(update("posts", 1, {{"author", set(nullptr)}})).removed, ids({3}));
  EXPECT_EQ(value("posts", 1, "author_id"), Value());
}

TEST_F(Blog, OneRecordIsSetAndNotAttached) {
  EXPECT_THAT(refusal(update("posts", 1, {{"author", attach(2)}})),
              HasSubstr("wrong_operation at author.$attach"));
  EXPECT_THAT(refusal(update("posts", 1, {{"author", set(List{1, 2})}})),
              HasSubstr("too_many_items at author.$set"));
  EXPECT_THAT(refusal(update("posts", 1, {{"author", 2}})), HasSubstr("wrong_operation at author"));
  EXPECT_THAT(refusal(update("posts", 1, {{"author", set(2)}, {"author_id", 2}})),
              HasSubstr("duplicate_item at author"));
}

TEST_F(Blog, CreateMakesTheRecordItLeadsTo) {
  const store::CommitOutcome outcome =
      must(insert("posts", {{"title", "Second"}, {"author", create(Map{{"name", "Dee"}})}}));
  ASSERT_EQ(outcome.mutations.size(), 1U);
  EXPECT_EQ(outcome.mutations[0].records[0].id, RecordId(2));
  EXPECT_EQ(*outcome.mutations[0].records[0].data.find("author_id"), Value(4));
  EXPECT_EQ(outcome.mutations[0].records[0].changes.at(0).added, ids({4}));
  EXPECT_EQ(*read("posts", 2, "author").if_map()->find("name"), Value("Dee"));
  EXPECT_THAT(refusal(insert("posts", {{"title", "Third"}, {"author", create(Map{{"nam", "x"}})}})),
              HasSubstr("unknown_field at author.$create.nam"));
  EXPECT_THAT(refusal(insert("posts", {{"title", "Third"}, {"author", create(Map{})}})),
              HasSubstr("required at author.$create.name"));
}

TEST_F(Blog, CreateOfNoRecordGivesNoRelation) {
  const Map none = create(List{});
  EXPECT_THAT(refusal(insert("comments", {{"body", "Hm"}, {"post", none}})),
              HasSubstr("required at post_id"));
  EXPECT_THAT(refusal(update("users", 1, {{"comments", create(List{Map{{"post", none}}})}})),
              HasSubstr("required at comments.$create[0].post_id"));
  must(insert("posts", {{"title", "Second"}, {"author", none}}));
  EXPECT_EQ(value("posts", 2, "author_id"), Value());
  // What is refused is not said to be missing, too.
  EXPECT_EQ(refused(insert("comments", {{"post", Map{}}})).violations.size(), 1U);
}

TEST_F(Blog, WhatWasRefusedIsNotSaidToBeMissing) {
  store::Command asked = command(insert("posts", {{"title", 7}}));
  asked.mutations[0].name = "p";
  asked.mutations.push_back(insert("comments", {{"post", set(Map{{"$ref", "p"}})}}));
  const store::Outcome outcome = submit(asked);
  ASSERT_FALSE(outcome);
  ASSERT_EQ(outcome.error().violations.size(), 1U);
  EXPECT_THAT(outcome.error().path, HasSubstr("title"));
}

TEST_F(Blog, CreateReachesDeepWithMediaOfItsOwn) {
  const Map post{{"title", "Deep"},
                 {"cover", create(Map{{"file", Binary{"a picture"}}})},
                 {"tags", create(List{Map{{"label", "new"}}})},
                 {"comments", create(List{Map{{"body", "one"}}, Map{{"body", "two"}}})}};
  const store::CommitOutcome outcome =
      must(update("users", 2, {{"posts", create(List{Value(post)})}}));
  EXPECT_EQ(outcome.mutations[0].records[0].changes.at(0).added, ids({2}));
  EXPECT_EQ(value("posts", 2, "author_id"), Value(2));
  EXPECT_EQ(links("posts", 2, "comments"), (Ids{1, 2}));
  EXPECT_EQ(links("posts", 2, "tags"), (Ids{4}));
  EXPECT_EQ(links("posts", 2, "cover"), (Ids{1}));
}

// ---- The other side of many-to-one --------------------------------------------------------------

TEST_F(Blog, TheOtherSideChangesTheValues) {
  must(insert("posts", {{"title", "Second"}}));
  must(insert("posts", {{"title", "Third"}, {"author_id", 2}}));
  EXPECT_EQ(change(update("users", 1, {{"posts", attach(List{1, 2})}})),
            (FieldOutcome{"posts", ids({2}), {}, {}, ids({1}), {}}));
  EXPECT_EQ(change(update("users", 1, {{"posts", detach(List{1, 3})}})),
            (FieldOutcome{"posts", {}, ids({1}), {}, {}, ids({3})}));
  EXPECT_EQ(change(update("users", 1, {{"posts", set(List{1, 3})}})),
            (FieldOutcome{"posts", ids({1, 3}), ids({2}), {}, {}, {}}));
  EXPECT_EQ(links("users", 1, "posts"), (Ids{1, 3}));
  EXPECT_EQ(links("users", 2, "posts"), Ids{});
  EXPECT_EQ(value("posts", 2, "author_id"), Value());
}

TEST_F(Blog, TheOtherSideDoesNotChangeTheVersionOfItsRecord) {
  const Value before = find_one("users", {{"where", Map{{"id", 2}}}, {"select", List{"$version"}}});
  const store::CommitOutcome outcome = must(update("users", 2, {{"posts", attach(1)}}));
  EXPECT_EQ(Value(static_cast<std::int64_t>(outcome.mutations[0].records[0].version)),
            *before.if_map()->find("$version"));
  EXPECT_EQ(*find_one("posts", {{"where", Map{{"id", 1}}}, {"select", List{"$version"}}})
                 .if_map()
                 ->find("$version"),
            Value(static_cast<std::int64_t>(outcome.sequence)));
}

TEST_F(Blog, TheOtherSideNamesWhatIsMissing) {
  EXPECT_EQ(refusal(update("users", 1, {{"posts", attach(List{1, 9})}})),
            "record_not_found at posts.$attach[1]: posts/9 does not exist");
  must(insert("comments", {{"body", "Hm"}, {"post_id", 1}}));
  EXPECT_THAT(refusal(update("posts", 1, {{"comments", detach(1)}})),
              HasSubstr("required at comments.$detach"));
}

TEST_F(Blog, TheOtherSideDetachesWhatItSets) {
  must(insert("posts", {{"title", "Second"}, {"author_id", 2}}));
  const Map both{{"$set", List{1, 2}}, {"$detach", List{1}}};
  EXPECT_EQ(change(update("users", 1, {{"posts", both}})),
            (FieldOutcome{"posts", ids({2}), ids({1}), {}, {}, {}}));
  EXPECT_EQ(links("users", 1, "posts"), (Ids{2}));
  EXPECT_EQ(change(update("users", 3, {{"posts", both}})),
            (FieldOutcome{"posts", ids({2}), {}, {}, {}, {}}));
  EXPECT_EQ(links("users", 3, "posts"), (Ids{2}));
  EXPECT_EQ(change(update("tags", 1, {{"posts", both}})),
            (FieldOutcome{"posts", ids({2}), {}, {}, {}, {}}));
  EXPECT_EQ(links("tags", 1, "posts"), (Ids{2}));
  must(insert("comments", {{"body", "Hm"}, {"post_id", 1}}));
  EXPECT_THAT(
      refusal(update("posts", 2, {{"comments", Map{{"$set", List{1}}, {"$detach", List{1}}}}})),
      HasSubstr("required at comments.$detach[0]"));
}

TEST_F(Blog, BothSidesTellALinkOnce) {
  must(update("posts", 1, {{"tags", attach(List{1, 2})}}));
  const Map again{{"$detach", 1}, {"$attach", 1}};
  EXPECT_EQ(change(update("tags", 1, {{"posts", again}})),
            (FieldOutcome{"posts", {}, {}, ids({1}), {}, {}}));
  EXPECT_EQ(change(update("posts", 1, {{"tags", Map{{"$set", List{2, 3}}, {"$detach", 3}}}})),
            (FieldOutcome{"tags", {}, ids({1}), {}, {}, {}}));
  // Both ends of one link in one request.
  const Map ends{{"friends", attach(1)}, {"friend_of", detach(1)}};
  const auto outcome = must(update("users", 1, ends)).mutations[0].records[0];
  EXPECT_EQ(outcome.changes[1], (FieldOutcome{"friend_of", {}, {}, {}, {}, {}}));
}

// ---- What is wrong, all of it -------------------------------------------------------------------

TEST_F(Blog, TheOtherSideTellsAllThatIsWrong) {
  using Faults = std::vector<std::string>;
  const auto faults = [&](store::Command asked) {
    Faults told;
    const store::Outcome outcome = submit(asked);
    if (outcome) return Faults{"nothing"};
    for (const Error& error : outcome.error().violations) {
      told.push_back(std::string(name_of(error.code)) + " at " + error.path);
    }
    return told;
  };
  const store::Mutation both =
      insert("posts", {{"title", "x"}, {"cover", set(99)}, {"comments", attach(List{5, 6})}});
  EXPECT_EQ(faults(command(both)),
            (Faults{"media_not_found at cover.$set", "record_not_found at comments.$attach[0]",
                    "record_not_found at comments.$attach[1]"}));
  must(insert("comments", {{"body", "one"}, {"post_id", 1}}));
  must(insert("comments", {{"body", "two"}, {"post_id", 1}}));
  EXPECT_EQ(faults(command(update("posts", 1, {{"title", 7}, {"comments", detach(List{1, 2})}}))),
            (Faults{"wrong_type at title", "required at comments.$detach[0]",
                    "required at comments.$detach[1]"}));
  EXPECT_EQ(faults(command(update("posts", 9, {{"comments", attach(List{1, 7})}}))),
            (Faults{"record_not_found at id", "record_not_found at comments.$attach[1]"}));
  EXPECT_EQ(faults(command(insert(
                "users", {{"name", "Eve"},
                          {"settings", create(Map{{"theme", 1}})},
                          {"posts", create(List{Map{{"cover", set(99)}, {"title", "x"}}})}}))),
            (Faults{"wrong_type at settings.$create.theme",
                    "media_not_found at posts.$create[0].cover.$set"}));
}

TEST(BlogWithTags, WhatARefusedRecordCreatesIsNotSaidToLackIt) {
  TestStore store;
  Map wanted = blog_schema();
  *wanted.find("relations")->if_map()->find("mn_posts_tags") =
      relation("m:n", "posts", "tags", {{"required", true}});
  store.apply(wanted);
  const Map tag{{"label", 7}, {"posts", create(List{Map{{"title", "x"}, {"cover", set(99)}}})}};
  std::vector<std::string> told;
  for (const Error& error : store.refused(TestStore::insert("tags", tag)).violations) {
    told.push_back(std::string(name_of(error.code)) + " at " + error.path);
  }
  EXPECT_THAT(told,
              ElementsAre("wrong_type at label", "media_not_found at posts.$create[0].cover.$set"));
  EXPECT_EQ(store.refused(TestStore::insert("posts", {{"title", "x"}})).path, "tags");
}

TEST_F(Blog, WhatIsRefusedHalfWayLeavesTheRestToStandOnWhatWas) {
  store::Command asked = command(insert("posts", {{"title", "x"}, {"comments", attach(9)}}));
  asked.is_transaction = true;
  asked.mutations.push_back(update("users", 1, {{"posts", attach(List{1, 9})}}));
  asked.mutations.push_back(insert("posts", {{"title", "y"}, {"cover", set(77)}}));
  // Had the first one made its post, this would find it.
  asked.mutations.push_back(update("posts", 2, {{"title", "z"}}));
  const store::Outcome outcome = submit(asked);
  ASSERT_FALSE(outcome);
  std::vector<std::string> paths;
  for (const Error& error : outcome.error().violations) paths.push_back(error.path);
  EXPECT_THAT(paths, ElementsAre("operations[0].comments.$attach", "operations[1].posts.$attach[1]",
                                 "operations[2].cover.$set", "operations[3].id"));
}

// ---- One-to-one ---------------------------------------------------------------------------------

TEST_F(Blog, OneToOneIsUniqueInItsNetResult) {
  must(insert("settings", {{"theme", "dark"}}));
  must(insert("settings", {{"theme", "light"}}));
  must(update("users", 1, {{"settings", set(1)}}));
  must(update("users", 2, {{"settings", set(2)}}));
  EXPECT_EQ(refusal(update("users", 3, {{"settings_id", 1}})),
            "not_unique at settings_id: users/1 has settings_id 1 already");
  store::Command swap = command(update("users", 1, {{"settings_id", 2}}));
  swap.mutations.push_back(update("users", 2, {{"settings_id", 1}}));
  ASSERT_TRUE(submit(swap));
  EXPECT_EQ(*read("settings", 1, "users").if_map()->find("id"), Value(2));
}

TEST_F(Blog, OneToOneIsSetFromBothSides) {
  must(insert("settings", {{"theme", "dark"}}));
  must(update("settings", 1, {{"users", set(2)}}));
  EXPECT_EQ(value("users", 2, "settings_id"), Value(1));
  EXPECT_EQ(change(update("settings", 1, {{"users", set(3)}})),
            (FieldOutcome{"users", ids({3}), ids({2}), {}, {}, {}}));
  EXPECT_EQ(value("users", 2, "settings_id"), Value());
  must(update("settings", 1, {{"users", set(nullptr)}}));
  EXPECT_EQ(read("settings", 1, "users"), Value());
  must(insert("settings", {{"theme", "x"}, {"users", create(Map{{"name", "Eve"}})}}));
  EXPECT_EQ(*read("settings", 2, "users").if_map()->find("name"), Value("Eve"));
}

// ---- Many-to-many -------------------------------------------------------------------------------

TEST_F(Blog, LinksBetweenEntitiesTakeTheFourOperators) {
  EXPECT_EQ(change(update("posts", 1, {{"tags", attach(List{3, 1})}})).added, ids({3, 1}));
  EXPECT_EQ(links("posts", 1, "tags"), (Ids{3, 1}));
  EXPECT_EQ(change(update("posts", 1, {{"tags", attach(List{1, 2})}})).already, ids({1}));
  must(update("posts", 1, {{"tags", attach(Map{{"id", 2}, {"at", "first"}})}}));
  EXPECT_EQ(links("posts", 1, "tags"), (Ids{2, 3, 1}));
  EXPECT_EQ(change(update("posts", 1, {{"tags", detach(List{3})}})).removed, ids({3}));
  must(update("posts", 1, {{"tags", set(List{1, 3})}}));
  EXPECT_EQ(links("posts", 1, "tags"), (Ids{1, 3}));
  must(update("posts", 1, {{"tags", create(Map{{"label", "grey"}})}}));
  EXPECT_EQ(links("posts", 1, "tags"), (Ids{1, 3, 4}));
  EXPECT_EQ(links("tags", 4, "posts"), (Ids{1}));
  EXPECT_EQ(refusal(update("posts", 1, {{"tags", attach(List{9})}})),
            "record_not_found at tags.$attach[0]: tags/9 does not exist");
  EXPECT_THAT(refusal(update("posts", 1, {{"tags", set(List{1, 1})}})),
              HasSubstr("duplicate_item at tags.$set[1]"));
}

TEST_F(Blog, TheOtherSideOfLinksChangesTheirOwners) {
  must(insert("posts", {{"title", "Second"}}));
  EXPECT_EQ(change(update("tags", 1, {{"posts", attach(List{1, 2})}})).added, ids({1, 2}));
  EXPECT_EQ(links("tags", 1, "posts"), (Ids{1, 2}));
  EXPECT_EQ(links("posts", 2, "tags"), (Ids{1}));
  EXPECT_EQ(change(update("tags", 1, {{"posts", attach(2)}})).already, ids({2}));
  EXPECT_EQ(change(update("tags", 1, {{"posts", set(List{2})}})).removed, ids({1}));
  EXPECT_EQ(change(update("tags", 1, {{"posts", detach(List{1, 2})}})).missing, ids({1}));
  must(insert("tags", {{"label", "x"}, {"posts", create(Map{{"title", "Third"}})}}));
  EXPECT_EQ(links("posts", 3, "tags"), (Ids{4}));
  EXPECT_THAT(refusal(update("tags", 1, {{"posts", attach(Map{{"id", 1}, {"at", "first"}})}})),
              HasSubstr("unknown_option"));
}

TEST_F(Blog, LinksHoldTheFieldsThatTheRelationDeclares) {
  must(update("posts", 1, {{"tags", attach(Map{{"id", 1}, {"meta", Map{{"note", "x"}}}})}}));
  const auto meta = [&](const Map& item) { return *item.find("$link")->if_map()->find("meta"); };
  const Value tags = read("posts", 1, "tags");
  EXPECT_EQ(meta(*(*tags.if_list())[0].if_map()), Value(Map{{"note", "x"}, {"weight", 1.0}}));
  const Value posts = read("tags", 1, "posts");
  EXPECT_EQ(meta(*(*posts.if_list())[0].if_map()), Value(Map{{"note", "x"}, {"weight", 1.0}}));
  EXPECT_THAT(
      refusal(update("posts", 1, {{"tags", attach(Map{{"id", 2}, {"meta", Map{{"wait", 2}}}})}})),
      HasSubstr("unknown_field at tags.$attach.meta.wait"));
  EXPECT_THAT(refusal(update("posts", 1,
                             {{"tags", attach(Map{{"id", 2}, {"meta", Map{{"weight", -1}}}})}})),
              HasSubstr("out_of_range at tags.$attach.meta.weight"));
  const Map bare{{"id", 3}, {"meta", Map{{"note", "y"}, {"weight", nullptr}}}};
  must(update("posts", 1, {{"tags", attach(bare)}}));
  EXPECT_EQ(meta(*(*read("posts", 1, "tags").if_list())[1].if_map()), Value(Map{{"note", "y"}}));
}

TEST(BlogWithNotes, LinksThatNeedDataAreNotMadeByCreate) {
  TestStore store;
  Map wanted = blog_schema();
  Map& links = *wanted.find("entities")->if_map()->find("posts_tags")->if_map();
  links.find("fields")->if_map()->set("note", field("text", {{"required", true}}));
  store.apply(wanted);
  const Map tag{{"label", "red"}};
  const Map post{{"title", "First"}, {"tags", create(tag)}};
  const Error error = store.refused(TestStore::insert("posts", post));
  EXPECT_EQ(error.code, ErrorCode::required);
  EXPECT_EQ(error.path, "tags.$create");
  EXPECT_EQ(error.message, "links of tags need note, which $create cannot give");
  const Map other{{"label", "blue"}, {"posts", create(Map{{"title", "Second"}})}};
  EXPECT_EQ(store.refused(TestStore::insert("tags", other)).path, "posts.$create");
  store.must(TestStore::insert("tags", tag));
  const Map item{{"id", 1}, {"meta", Map{{"note", "x"}}}};
  store.must(TestStore::insert("posts", {{"title", "Third"}, {"tags", attach(item)}}));
}

TEST_F(Blog, WhatLinksHoldCanBeChanged) {
  must(update("posts", 1, {{"tags", attach(1)}}));
  Map wanted = blog_schema();
  Map& links = *wanted.find("entities")->if_map()->find("posts_tags")->if_map();
  Map& fields = *links.find("fields")->if_map();
  fields.erase("weight");
  fields.set("note", field("text", {{"maxLength", 3}}));
  fields.set("since", field("date"));
  EXPECT_THAT(apply(wanted).difference,
              ElementsAre("- posts_tags.weight; older links stay as they are",
                          "~ posts_tags.note maxLength 3 (was 20); older links stay as they are",
                          "+ posts_tags.since date"));
  EXPECT_FALSE(apply(wanted).changed);
  const auto with = [](Map meta) { return Map{{"id", 2}, {"meta", std::move(meta)}}; };
  EXPECT_THAT(refusal(update("posts", 1, {{"tags", attach(with({{"note", "long"}}))}})),
              HasSubstr("too_long at tags.$attach.meta.note"));
  must(update("posts", 1, {{"tags", attach(with({{"since", "2026-01-01"}}))}}));
}

TEST_F(Blog, WhatLinksHoldIsNotRenamed) {
  Map wanted = blog_schema();
  Map& links = *wanted.find("entities")->if_map()->find("posts_tags")->if_map();
  Map& fields = *links.find("fields")->if_map();
  fields.erase("note");
  fields.set("memo", field("text", {{"renamed_from", "note"}}));
  const store::Outcome outcome = submit(store::SchemaCommand{.schema = wanted});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().path, "entities.posts_tags.fields.memo.config.renamed_from");
  EXPECT_EQ(outcome.error().message,
            "what links hold is not renamed: posts_tags.note cannot become \"memo\"");
}

TEST_F(Blog, LinksLeadFromAnEntityToItself) {
  must(update("users", 1, {{"friends", set(List{2, 3, 1})}}));
  must(update("users", 2, {{"friend_of", attach(3)}}));
  EXPECT_EQ(links("users", 1, "friends"), (Ids{2, 3, 1}));
  EXPECT_EQ(links("users", 2, "friend_of"), (Ids{1, 3}));
  EXPECT_EQ(links("users", 1, "friend_of"), (Ids{1}));
  must(remove("users", 1));
  EXPECT_EQ(links("users", 2, "friend_of"), (Ids{3}));
}

// ---- Deletion -----------------------------------------------------------------------------------

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
  must(insert("others", other.is_many ? Map{{"middle", attach(List{1})}} : Map{{"other_id", 1}}));
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

TEST_F(Blog, WhatAWhereDeletesRestrictsNothing) {
  const auto delete_all = [](const std::string& entity, Map where) {
    store::Mutation asked = remove(entity, 1);
    asked.id = Value();
    asked.choice = store::Choice{std::move(where), false, {}, {}};
    return asked;
  };
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

TEST_F(Blog, WhatAWhereFindsIsToldAlsoWhereItWentWithAnother) {
  must(insert("categories", {{"slug", "a"}}));
  must(insert("categories", {{"slug", "b"}, {"parent_id", 1}}));
  must(insert("categories", {{"slug", "c"}, {"parent_id", 2}}));
  store::Mutation asked = remove("categories", 1);
  asked.id = Value();
  asked.choice = store::Choice{Map{{"slug", Map{{"$gt", ""}}}}, false, {}, {}};
  store::Command keyed = command(asked);
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

// ---- Queries ------------------------------------------------------------------------------------

TEST_F(Blog, WithReachesThroughRelationsToAnyDepth) {
  must(update("posts", 1, {{"tags", attach(1)}, {"comments", create(Map{{"body", "a"}})}}));
  const Value user = find_one(
      "users",
      {{"where", Map{{"id", 1}}},
       {"with", Map{{"posts", Map{{"select", List{"title"}},
                                  {"with", Map{{"tags", Map{{"select", List{"label"}}}},
                                               {"author", Map{{"select", List{"name"}}}},
                                               {"comments", Map{{"select", List{"body"}}}}}}}}}},
       {"select", List{"id"}}});
  EXPECT_EQ(user, Value(Map{{"id", 1},
                            {"posts", List{Map{{"title", "First"},
                                               {"tags", List{Map{{"label", "red"}}}},
                                               {"author", Map{{"name", "Ada"}}},
                                               {"comments", List{Map{{"body", "a"}}}}}}}}));
}

TEST_F(Blog, WithTakesWhereOrderAndLimitOnTheOtherSide) {
  for (const char* title : {"C", "A", "B"}) {
    must(insert("posts", {{"title", title}, {"author_id", 2}}));
  }
  const auto posts = [&](Map options) {
    const Value user = find_one(
        "users", {{"where", Map{{"id", 2}}}, {"with", Map{{"posts", std::move(options)}}}});
    std::string titles;
    for (const Value& post : *user.if_map()->find("posts")->if_list()) {
      titles += *post.if_map()->find("title")->if_text();
    }
    return titles;
  };
  EXPECT_EQ(posts({}), "CAB");
  EXPECT_EQ(posts({{"orderBy", "title"}}), "ABC");
  EXPECT_EQ(posts({{"orderBy", "-title"}, {"limit", 2}}), "CB");
  EXPECT_EQ(posts({{"where", Map{{"title", Map{{"$gt", "A"}}}}}}), "CB");
  EXPECT_EQ(posts({{"offset", 1}, {"limit", 1}}), "A");
}

TEST_F(Blog, WhereReachesThroughRelationsInBothDirections) {
  must(insert("posts", {{"title", "Second"}, {"author_id", 2}, {"tags", attach(List{2})}}));
  const auto found = [&](const char* entity, Map where) {
    const Value record = find_one(entity, {{"where", std::move(where)}});
    return record.if_map() == nullptr ? Value() : *record.if_map()->find("id");
  };
  EXPECT_EQ(found("posts", {{"author.name", "Bob"}}), Value(2));
  EXPECT_EQ(found("posts", {{"author", 2}}), Value(2));
  EXPECT_EQ(found("posts", {{"author_id", Map{{"$in", List{2, 3}}}}}), Value(2));
  EXPECT_EQ(found("posts", {{"tags.label", "green"}}), Value(2));
  EXPECT_EQ(found("users", {{"posts.title", "Second"}}), Value(2));
  EXPECT_EQ(found("users", {{"posts.tags.label", "green"}}), Value(2));
  EXPECT_EQ(found("tags", {{"posts.author.name", "Bob"}}), Value(2));
  EXPECT_EQ(found("users", {{"posts.title", "None"}}), Value());
  EXPECT_EQ(found("posts", {{"author_id", nullptr}}), Value());
  EXPECT_EQ(found("posts", {{"author_id", Map{{"$gt", 0}}}}), Value(1));
  EXPECT_EQ(found("posts", {{"author", Map{{"$gt", 1}}}}), Value(2));
  EXPECT_EQ(found("posts", {{"author_id", Map{{"$lt", -1}}}}), Value());
  EXPECT_EQ(found("posts", {{"author_id", Map{{"$notin", List{0, 1}}}}}), Value(2));
  EXPECT_EQ(found("posts", {{"author_id", 0}}), Value());
  EXPECT_THAT(refusal(update("posts", 1, {{"author_id", 0}})),
              HasSubstr("wrong_type at author_id"));
}

// ---- Requests with a key ------------------------------------------------------------------------

TEST_F(Blog, ARetryGetsTheSameAnswer) {
  store::Command asked = command(
      insert("categories",
             {{"slug", "x"},
              {"parent", create(Map{{"slug", "above"}, {"parent", create(Map{{"slug", "top"}})}})},
              {"children", create(List{Map{{"slug", "below"}}})},
              {"posts", attach(List{1})}}));
  asked.key = store::RequestKey{"once", Sha256{1}};
  const store::Outcome first = submit(asked);
  ASSERT_TRUE(first) << to_string(first.error());
  open();
  const store::Outcome second = submit(asked);
  ASSERT_TRUE(second) << to_string(second.error());
  const auto& one = std::get<store::CommitOutcome>(*first);
  const auto& other = std::get<store::CommitOutcome>(*second);
  EXPECT_TRUE(other.replayed);
  EXPECT_EQ(one.mutations, other.mutations);
  EXPECT_EQ(*one.mutations[0].records[0].data.find("slug"), Value("x"));
  EXPECT_EQ(*one.mutations[0].records[0].data.find("parent_id"), Value(2));
}

}  // namespace
}  // namespace emstore::testing
