// What becomes of data when its schema changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "store/facts.h"
#include "tests/support/test_store.h"

namespace emstore::store {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poly;
using testing::TestStore;

Map schema_map(Map entities, Map relations = {}, Map indices = {}) {
  return {{"entities", std::move(entities)},
          {"relations", std::move(relations)},
          {"indices", std::move(indices)}};
}

Map entity_with(Map fields, Map config = {}) {
  return {{"fields", std::move(fields)}, {"config", std::move(config)}};
}

Map over(const char* owner, List fields) {
  return {{"entity", owner}, {"fields", std::move(fields)}};
}

Value field_of(TestStore& store, const char* entity_name, int id, const char* name) {
  const Value record = store.find_one(entity_name, {{"where", Map{{"id", id}}}});
  const Value* value = record.if_map() == nullptr ? nullptr : record.if_map()->find(name);
  return value == nullptr ? Value("nothing") : *value;
}

std::uint64_t records_of(TestStore& store, EntityId id) {
  return read_counter(*store.view()->reader, id)->records;
}

TEST(SchemaEvolution, RenamesKeepIdsDataLinksAndIndexes) {
  TestStore store;
  store.apply(schema_map(
      {{"posts", entity_with({{"title", field("text")}, {"cover", field("media")}})}},
      {{"p", poly("posts", "cover", false)}}, {{"idx_posts_title", over("posts", List{"title"})}}));
  const std::uint64_t media = store.upload("bytes");
  store.must(TestStore::insert("posts", {{"title", "a"}, {"cover", Map{{"$attach", media}}}}));
  const Map wanted = schema_map(
      {{"articles", entity_with({{"headline", field("text", {{"renamed_from", "title"}})},
                                 {"pictures", field("media", {{"renamed_from", "cover"}})}},
                                {{"renamed_from", "posts"}})}},
      {{"p", poly("articles", "pictures", false)}},
      {{"idx_articles_headline", over("articles", List{"headline"})}});
  const SchemaCommand keyed{.schema = wanted, .key = RequestKey{"rename", sha256("body")}};
  for (const bool is_retry : {false, true}) {
    const Outcome outcome = store.submit(keyed);
    ASSERT_TRUE(outcome) << to_string(outcome.error());
    const auto& renamed = std::get<SchemaOutcome>(*outcome);
    EXPECT_EQ(renamed.replayed, is_retry);
    EXPECT_THAT(
        renamed.difference,
        ElementsAre("~ articles renamed from posts", "~ articles.headline renamed from title",
                    "~ articles.pictures renamed from cover",
                    "~ index idx_articles_headline renamed from idx_posts_title"));
  }
  EXPECT_EQ(field_of(store, "articles", 1, "headline"), Value("a"));
  EXPECT_THAT(store.links("articles", 1, "pictures"), ElementsAre(media));
  const Value found = store.find_one("articles", {{"where", Map{{"headline", "a"}}}});
  EXPECT_NE(found.if_map(), nullptr);
  // The option may stay: it happened before.
  EXPECT_FALSE(store.apply(wanted).changed);
  store.verify();
}

TEST(SchemaEvolution, RefusesTwoThingsRenamedFromOne) {
  TestStore store;
  const auto fields = [](std::initializer_list<const char*> names, const char* before) {
    Map all;
    for (const char* name : names) all.set(name, field("text", {{"renamed_from", before}}));
    return schema_map({{"a", entity_with(all)}});
  };
  store.apply(schema_map({{"a", entity_with({{"old", field("text")}})}}));
  const store::Outcome refused =
      store.submit(store::SchemaCommand{.schema = fields({"one", "two"}, "old")});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().path, "entities.a.fields.two.config.renamed_from");
  EXPECT_EQ(refused.error().message, "one is renamed from \"old\", too");
  // One of them may say what happened before.
  store.apply(fields({"one"}, "old"));
  Map wanted = fields({"one"}, "old");
  Map& now = *wanted.find("entities")->if_map()->find("a")->if_map()->find("fields")->if_map();
  now.set("old", field("text"));
  store.apply(wanted);
  EXPECT_THAT(store.apply(fields({"one", "two"}, "old")).difference,
              ElementsAre("~ a.two renamed from old"));
}

TEST(SchemaEvolution, ARenameOfWhatIsNotThereAddsIt) {
  TestStore store;
  const SchemaOutcome made = store.apply(
      schema_map({{"a", entity_with({{"x", field("text", {{"renamed_from", "y"}})}})}}));
  EXPECT_THAT(made.difference, ElementsAre("+ a", "+ a.x text"));
}

TEST(SchemaEvolution, RefusesARenameFromWhatStays) {
  TestStore store;
  const auto refused = [&](const Map& wanted) {
    const store::Outcome outcome = store.submit(store::SchemaCommand{.schema = wanted});
    if (outcome) return std::string("nothing");
    std::string told;
    for (const Error& error : outcome.error().violations) {
      told += error.path + ": " + error.message + "\n";
    }
    return told;
  };
  const auto from = [](const char* before) { return field("text", {{"renamed_from", before}}); };
  const auto fields = [](Map members) { return schema_map({{"a", entity_with(members)}}); };
  store.apply(fields({{"x", field("text")}, {"y", field("text")}}));
  EXPECT_EQ(refused(fields({{"x", field("text")}, {"y", field("text")}, {"z", from("x")}})),
            "entities.a.fields.z.config.renamed_from: z is renamed from \"x\", which is in the "
            "schema, too\n");
  // A chain takes two steps, and a swap a third name.
  EXPECT_THAT(refused(fields({{"z", from("y")}, {"y", from("x")}})),
              HasSubstr("z is renamed from \"y\""));
  EXPECT_THAT(refused(fields({{"x", from("y")}, {"y", from("x")}})),
              AllOf(HasSubstr("x is renamed from \"y\""), HasSubstr("y is renamed from \"x\"")));
  EXPECT_EQ(refused(schema_map({{"a", entity_with({{"x", field("text")}, {"y", field("text")}})},
                                {"b", entity_with({}, {{"renamed_from", "a"}})}})),
            "entities.b.config.renamed_from: b is renamed from \"a\", which is in the schema, "
            "too\n");
}

TEST(SchemaEvolution, RefusesARenameToWhatIsThereWhileTheOldNameGoes) {
  TestStore store;
  const auto fields = [](Map members) { return schema_map({{"a", entity_with(members)}}); };
  const Map renamed = fields({{"b", field("text", {{"renamed_from", "a"}})}});
  const auto submit = [&](const Map& wanted) {
    return store.submit(store::SchemaCommand{.schema = wanted, .allow_destructive = true});
  };
  store.apply(fields({{"a", field("text")}, {"b", field("text")}}));
  const Outcome refused = submit(renamed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().path, "entities.a.fields.b.config.renamed_from");
  EXPECT_EQ(refused.error().message, "b is renamed from \"a\", which is in the schema, too");
  EXPECT_EQ(refused.error().hint, "leave renamed_from out to drop \"a\", or keep \"a\"");
  // Without the option, what goes is told.
  EXPECT_THAT(store.apply(fields({{"b", field("text")}}), true).difference, ElementsAre("- a.a"));
  // Entities, too.
  store.apply(schema_map({{"a", entity_with({})}, {"b", entity_with({})}}), true);
  const Outcome entity = submit(schema_map({{"b", entity_with({}, {{"renamed_from", "a"}})}}));
  ASSERT_FALSE(entity);
  EXPECT_EQ(entity.error().path, "entities.b.config.renamed_from");
}

TEST(SchemaEvolution, ATypeIsRefusedWithTheWayOut) {
  TestStore store;
  store.apply(schema_map({{"a", entity_with({{"x", field("text")}})}}));
  const Outcome outcome = store.submit(
      SchemaCommand{.schema = schema_map({{"a", entity_with({{"x", field("number")}})}}),
                    .allow_destructive = true});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "a.x is of type text and cannot become number");
  EXPECT_EQ(outcome.error().hint, "add a new field with another name");
}

class DroppingData : public ::testing::Test {
 protected:
  static Map all() {
    return schema_map(
        {{"posts", entity_with({{"title", field("text", {{"required", true}})},
                                {"body", field("text", {{"required", true}})},
                                {"pictures", field("media", {{"min_items", 1}})},
                                {"files", field("media", {{"on_delete", "restrict"}})}})},
         {"pages", entity_with({{"slug", field("text")}})},
         {"media", Map{{"type", "system"}, {"fields", Map{{"alt", field("text")}}}}}},
        {{"p", poly("posts", "pictures", false)}, {"f", poly("posts", "files", false)}},
        {{"body", over("posts", List{"body"})}});
  }

  void SetUp() override {
    store_.apply(all());
    media_ = store_.upload("bytes");
    store_.must(TestStore::update("media", media_, {{"alt", "A"}}));
  }

  void insert_posts(int count) {
    Command command;
    for (int i = 0; i < count; ++i) {
      command.mutations.push_back(
          TestStore::insert("posts", {{"title", "t"},
                                      {"body", "b"},
                                      {"pictures", Map{{"$attach", media_}}},
                                      {"files", Map{{"$attach", media_}}}}));
    }
    const Outcome outcome = store_.submit(std::move(command));
    ASSERT_TRUE(outcome) << to_string(outcome.error());
  }

  Sequence sequence() { return store_.view()->sequence; }

  TestStore store_;
  std::uint64_t media_ = 0;
};

TEST_F(DroppingData, IsRefusedByNameUnlessAllowed) {
  insert_posts(3);
  const Map less = schema_map({{"media", Map{}}});
  const Sequence before = sequence();
  const Outcome refused = store_.submit(SchemaCommand{.schema = less});
  ASSERT_FALSE(refused);
  std::vector<std::string> lines;
  for (const Error& violation : refused.error().violations) {
    EXPECT_EQ(violation.code, ErrorCode::destructive_change);
    lines.push_back(violation.message);
  }
  EXPECT_THAT(lines, ElementsAre("- media.alt", "- posts", "- pages",
                                 "1 records of media would lose what they have in it",
                                 "3 records of posts would be deleted"));
  const Outcome shown = store_.submit(SchemaCommand{.schema = less, .dry_run = true});
  ASSERT_TRUE(shown) << to_string(shown.error());
  EXPECT_THAT(std::get<SchemaOutcome>(*shown).difference, Contains("- posts"));
  EXPECT_EQ(sequence(), before);
}

TEST_F(DroppingData, EmptiesTheFieldsByCommitsOfTheirOwn) {
  insert_posts(3);
  const Map less = schema_map(
      {{"posts",
        entity_with({{"title", field("text", {{"required", true}})}, {"files", field("media")}})},
       {"pages", entity_with({{"slug", field("text")}})},
       {"media", Map{}}},
      {{"f", poly("posts", "files", false)}});
  const Sequence before = sequence();
  const SchemaOutcome outcome = store_.apply(less, /*allow_destructive=*/true);
  EXPECT_TRUE(outcome.changed);
  EXPECT_FALSE(outcome.emptied);
  EXPECT_EQ(outcome.sequence, before + 3);  // A page of media, a page of posts, the schema.
  EXPECT_EQ(field_of(store_, "posts", 3, "title"), Value("t"));
  EXPECT_THAT(store_.links("posts", 3, "files"), ElementsAre(media_));
  store_.verify();
  // Nothing of the links is left behind: without the others, the media may go.
  for (std::uint64_t id = 1; id <= 3; ++id) {
    store_.must(TestStore::update("posts", id, {{"files", Map{{"$set", List{}}}}}));
  }
  store_.must(TestStore::remove("media", media_));
  store_.verify();
}

TEST_F(DroppingData, DeletesTheRecordsOfAnEntityPageByPage) {
  insert_posts(2500);
  const Map less = schema_map({{"pages", entity_with({{"slug", field("text")}})},
                               {"media", Map{{"fields", Map{{"alt", field("text")}}}}}});
  const EntityId posts = store_.view()->schema->entity("posts")->id;
  EXPECT_EQ(records_of(store_, posts), 2500U);
  const Sequence before = sequence();
  const SchemaOutcome outcome = store_.apply(less, /*allow_destructive=*/true);
  EXPECT_THAT(outcome.difference, Contains("- posts"));
  EXPECT_GE(outcome.sequence, before + 4);
  EXPECT_EQ(records_of(store_, posts), 0U);
  EXPECT_EQ(store_.view()->schema->entity("posts"), nullptr);
  store_.must(TestStore::remove("media", media_));  // Not even links that restricted are left.
  store_.verify();
  store_.open();
  store_.verify();
}

TEST_F(DroppingData, NeedsNoCommitOfItsOwnWhereThereIsNone) {
  const Map less = schema_map({{"media", Map{{"fields", Map{{"alt", field("text")}}}}}});
  const Sequence before = sequence();
  EXPECT_EQ(store_.apply(less, /*allow_destructive=*/true).sequence, before + 1);
  store_.verify();
}

}  // namespace
}  // namespace emstore::store
