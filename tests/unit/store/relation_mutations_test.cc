// Relations between entities through the store: what a mutation does on either side, and what
// follows from it.
#include "tests/unit/store/relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace emstore::testing {
namespace {

using store::FieldOutcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

TEST_F(Blog, TheOtherSideKeepsWhatItDetachesAndAttaches) {
  must(insert("comments", {{"body", "one"}, {"post_id", 1}}));
  must(insert("comments", {{"body", "two"}, {"post_id", 1}}));
  const Sequence before = view()->sequence;
  const Map again{{"$detach", List{1}}, {"$attach", List{1}}};
  EXPECT_EQ(change(update("posts", 1, {{"comments", again}})),
            (FieldOutcome{"comments", {}, {}, {}, ids({1}), {}}));
  EXPECT_EQ(
      change(update("posts", 1, {{"comments", Map{{"$set", List{2}}, {"$attach", List{1}}}}})),
      (FieldOutcome{"comments", {}, {}, {}, ids({1}), {}}));
  EXPECT_EQ(view()->sequence, before) << "nothing has changed";
  must(insert("posts", {{"title", "Second"}}));
  const Map all{{"$set", List{1}}, {"$detach", List{1, 2}}, {"$attach", List{1}}};
  EXPECT_EQ(change(update("posts", 2, {{"comments", all}})),
            (FieldOutcome{"comments", ids({1}), {}, {}, {}, ids({2})}));
  EXPECT_EQ(value("comments", 1, "post_id"), Value(2));
  EXPECT_THAT(refusal(update("posts", 1, {{"comments", Map{{"$detach", 2}, {"$attach", 1}}}})),
              HasSubstr("required at comments.$detach"));
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
  const Map tag{{"label", 7},
                {"posts", Blog::create(List{Map{{"title", "x"}, {"cover", Blog::set(99)}}})}};
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

TEST_F(Blog, RecordsThatAreMadeForOthersAreUniqueToo) {
  Map schema = blog_schema();
  schema.set("indices",
             Map{{"label", Map{{"entity", "tags"}, {"fields", List{"label"}}, {"unique", true}}}});
  apply(schema);
  while (store().work().value()) continue;  // Until the index is filled.
  const Map red{{"label", "red"}}, grey{{"label", "grey"}};
  EXPECT_EQ(refusal(update("posts", 1, {{"tags", create(List{grey, red})}})),
            "not_unique at tags.$create[1].label: tags/1 has label \"red\" already");
  EXPECT_EQ(
      refusal(insert("users", {{"name", "Eve"},
                               {"posts", create(Map{{"title", "x"}, {"tags", create(red)}})}})),
      "not_unique at posts.$create.tags.$create.label: tags/1 has label \"red\" already");
  EXPECT_EQ(refusal(update("posts", 1, {{"tags", create(List{grey, grey})}})),
            "not_unique at tags.$create[0].label: tags.$create[1] has label \"grey\" already");
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
  const Map post{{"title", "First"}, {"tags", Blog::create(tag)}};
  const Error error = store.refused(TestStore::insert("posts", post));
  EXPECT_EQ(error.code, ErrorCode::required);
  EXPECT_EQ(error.path, "tags.$create");
  EXPECT_EQ(error.message, "links of tags need note, which $create cannot give");
  const Map other{{"label", "blue"}, {"posts", Blog::create(Map{{"title", "Second"}})}};
  EXPECT_EQ(store.refused(TestStore::insert("tags", other)).path, "posts.$create");
  store.must(TestStore::insert("tags", tag));
  const Map item{{"id", 1}, {"meta", Map{{"note", "x"}}}};
  store.must(TestStore::insert("posts", {{"title", "Third"}, {"tags", Blog::attach(item)}}));
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
