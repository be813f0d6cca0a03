#include "store/relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/schema_change.h"
#include "tests/support/blog.h"

namespace emstore::testing {
namespace {

using store::change_schema;
using store::Field;
using store::FieldKind;
using store::initial_schema;
using store::OnDelete;
using store::Schema;
using store::Side;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Schema applied(const Map& wanted, const Schema& current = initial_schema()) {
  const auto change = change_schema(current, wanted);
  EXPECT_TRUE(change) << to_string(change.error());
  return change ? change->next : current;
}

// "path: message", each.
std::vector<std::string> refusals_of(const Map& wanted, const Schema& current = initial_schema()) {
  const auto change = change_schema(current, wanted);
  if (change) return {"accepted"};
  std::vector<std::string> lines;
  for (const Error& violation : change.error().violations) {
    lines.push_back(violation.path + ": " + violation.message);
  }
  return lines;
}

Map blog_with(Map relations) {
  Map all = blog_relations();
  for (Map::Member& member : relations) all.set(member.name, std::move(member.value));
  return Map{{"entities", blog_entities()}, {"relations", std::move(all)}};
}

// "name -> target", with a star for many and a caret for the inverse side.
std::vector<std::string> sides(const Schema& schema, std::string_view entity) {
  std::vector<std::string> lines;
  for (const Side& side : sides_of(schema, *schema.entity(entity))) {
    EXPECT_EQ(find_side(schema, *schema.entity(entity), side.name), side);
    lines.push_back(std::string(side.name) + " -> " + side.target->name + (side.many ? "*" : "") +
                    (side.inverse ? "^" : ""));
  }
  return lines;
}

TEST(Relations, ShowBothEndsOfEach) {
  const Schema schema = applied(blog_schema());
  EXPECT_THAT(sides(schema, "users"),
              ElementsAre("settings -> settings", "friends -> users*", "friend_of -> users*^",
                          "posts -> posts*^", "comments -> comments*^", "invoices -> invoices*^"));
  EXPECT_THAT(sides(schema, "settings"), ElementsAre("users -> users^"));
  EXPECT_THAT(sides(schema, "posts"),
              ElementsAre("author -> users", "category -> categories", "cover -> media",
                          "tags -> tags*", "comments -> comments*^"));
  EXPECT_THAT(sides(schema, "categories"),
              ElementsAre("parent -> categories", "posts -> posts*^", "children -> categories*^"));
  EXPECT_THAT(sides(schema, "tags"), ElementsAre("posts -> posts*^"));
  EXPECT_THAT(sides(schema, "media"), IsEmpty());
  EXPECT_EQ(find_side(schema, *schema.entity("posts"), "author_id"), std::nullopt);
}

TEST(Relations, TakeTheirRulesFromFieldAndConfig) {
  const Schema schema = applied(blog_schema());
  const Field& author = *schema.entity("posts")->field("author_id");
  EXPECT_EQ(author.on_delete, OnDelete::detach);
  EXPECT_EQ(author.with_limit, 5U);
  EXPECT_FALSE(author.unique);
  EXPECT_EQ(schema.entity("comments")->field("post_id")->on_delete, OnDelete::cascade);
  EXPECT_TRUE(schema.entity("comments")->field("post_id")->required);
  EXPECT_TRUE(schema.entity("users")->field("settings_id")->unique);
  const Field& tags = *schema.entity("posts")->field("tags");
  EXPECT_EQ(tags.kind, FieldKind::links);
  EXPECT_EQ(tags.connection, "posts_tags");
  ASSERT_EQ(tags.link_fields.size(), 2U);
  EXPECT_EQ(tags.link_fields[0].name, "weight");
  EXPECT_EQ(schema.entity("posts_tags"), nullptr);
}

TEST(Relations, MakeTheFieldThatIsNotDeclared) {
  const Map wanted{{"entities", Map{{"users", regular({})}, {"posts", regular({})}}},
                   {"relations", Map{{"a", relation("n:1", "posts", "users",
                                                    {{"on_delete", "restrict"},
                                                     {"required", true},
                                                     {"fieldConfig", Map{{"label", "By"}}}})}}}};
  const Schema schema = applied(wanted);
  const Field* field = schema.entity("posts")->field("users_id");
  ASSERT_NE(field, nullptr);
  EXPECT_EQ(field->reference, "users");
  EXPECT_EQ(field->on_delete, OnDelete::restrict_);
  EXPECT_TRUE(field->required);
  EXPECT_EQ(field->label, "By");
}

TEST(Relations, OneToOneStandsOnAUniqueIndex) {
  const Schema schema = applied(blog_schema());
  ASSERT_EQ(schema.indexes.size(), 1U);
  EXPECT_EQ(schema.indexes[0].name, "idx_unique_users_settings_id");
  EXPECT_TRUE(schema.indexes[0].unique);
}

TEST(Relations, ComeBackInTheFormOfBknd) {
  const Schema schema = applied(blog_schema());
  const Map canonical = to_value(schema);
  const Map& relations = *canonical.find("relations")->if_map();
  EXPECT_EQ(*relations.find("n1_posts_users_author"),
            Value(relation("n:1", "posts", "users", {{"mappedBy", "author"}, {"with_limit", 5}})));
  EXPECT_EQ(*relations.find("11_users_settings"),
            Value(relation("1:1", "users", "settings", {{"sourceCardinality", 1}})));
  EXPECT_EQ(*relations.find("mn_posts_tags"), Value(relation("m:n", "posts", "tags")));
  const Map& connection = *canonical.find("entities")->if_map()->find("posts_tags")->if_map();
  EXPECT_EQ(*connection.find("type"), Value("generated"));
  std::vector<std::string> names;
  for (const auto& member : *connection.find("fields")->if_map()) names.push_back(member.name);
  EXPECT_THAT(names, ElementsAre("posts_id", "tags_id", "weight", "note"));
}

TEST(Relations, AreTheSameAfterTheCanonicalForm) {
  const Schema schema = applied(blog_schema());
  const Result<Schema> read = store::schema_of(to_value(schema), schema.version);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(*read, schema);
  for (const Map& again : {blog_schema(), to_value(schema)}) {
    const auto change = change_schema(schema, again);
    ASSERT_TRUE(change) << to_string(change.error());
    EXPECT_THAT(change->difference, IsEmpty());
  }
}

TEST(Relations, OfOneSourceToOneTargetGetNamesOfTheirOwn) {
  Map wanted = blog_with({{"second", relation("n:1", "posts", "users", {{"mappedBy", "editor"}})}});
  EXPECT_THAT(sides(applied(wanted), "users"),
              ::testing::IsSupersetOf({"posts_author -> posts*^", "posts_editor -> posts*^"}));
  const Map self{{"entities", Map{{"a", regular({})}}},
                 {"relations", Map{{"r", relation("n:1", "a", "a")}}}};
  EXPECT_THAT(sides(applied(self), "a"), ElementsAre("a -> a", "a_a -> a*^"));
}

TEST(Relations, AreRefusedWhereTheyMakeNoSense) {
  const auto with = [](Map given) { return refusals_of(blog_with({{"r", std::move(given)}})); };
  EXPECT_THAT(with(relation("n:1", "posts", "user")),
              ElementsAre("relations.r.target: no entity \"user\""));
  EXPECT_THAT(with(relation("n:1", "posts", "media")),
              ElementsAre(HasSubstr("relations.r.target: a relation of type \"n:1\" to media")));
  EXPECT_THAT(with(relation("m:n", "media", "posts")),
              ElementsAre(HasSubstr("links of media itself")));
  EXPECT_THAT(with(relation("n:n", "posts", "users")),
              ElementsAre("relations.r.type: no relation can be of type \"n:n\""));
  EXPECT_THAT(with(relation("n:1", "posts", "users", {{"mappedBy", "author"}})),
              ElementsAre(HasSubstr("has the relation relations.n1_posts_users_author already")));
  EXPECT_THAT(with(relation("n:1", "posts", "users", {{"mappedBy", "title"}})),
              ElementsAre(HasSubstr("posts would have two things called \"title\"")));
  EXPECT_THAT(
      with(relation("n:1", "posts", "users", {{"mappedBy", "editor"}, {"inversedBy", "name"}})),
      ElementsAre(HasSubstr("relations.r.config.inversedBy: users would have two things")));
  EXPECT_THAT(
      with(relation("n:1", "posts", "users", {{"mappedBy", "editor"}, {"sourceCardinality", 2}})),
      ElementsAre(HasSubstr("sourceCardinality is 1 or left out, not 2")));
  EXPECT_THAT(with(relation("n:1", "posts", "users",
                            {{"mappedBy", "editor"}, {"on_delete", "set default"}})),
              ElementsAre(HasSubstr("\"set null\", \"restrict\" or \"cascade\"")));
  EXPECT_THAT(with(relation("m:n", "posts", "users", {{"connectionTable", "posts_tags"}})),
              ElementsAre(HasSubstr("two relations have the connection \"posts_tags\"")));
  EXPECT_THAT(with(relation("m:n", "posts", "users", {{"connectionTable", "$x"}})),
              ElementsAre(HasSubstr("connectionTable: \"$x\" cannot be a name")));
  EXPECT_THAT(with(relation("m:n", "posts", "users", {{"connectionTable", "tags"}})),
              ElementsAre(HasSubstr("has the name of an entity")));
  EXPECT_THAT(with(relation("m:n", "posts", "users", {{"mapedBy", "x"}})),
              ElementsAre("relations.r.config.mapedBy: unknown key \"mapedBy\""));
}

TEST(Relations, AndTheirFieldsSayTheSame) {
  const auto with_field = [](const char* name, Map given) {
    Map entities = blog_entities();
    entities.find("posts")->if_map()->find("fields")->if_map()->set(name, std::move(given));
    return refusals_of(Map{{"entities", std::move(entities)}, {"relations", blog_relations()}});
  };
  EXPECT_THAT(with_field("author_id", reference("author", "tags")),
              ElementsAre(HasSubstr("leads to \"users\", and its field author_id to \"tags\"")));
  EXPECT_THAT(with_field("author_id", reference("writer", "users")),
              ElementsAre(HasSubstr("its field author_id says \"writer\"")));
  EXPECT_THAT(with_field("author_id", field("number")),
              ElementsAre(HasSubstr("is of type number, and the relation needs relation")));
  EXPECT_THAT(with_field("editor_id", reference("editor", "users")),
              ElementsAre(HasSubstr("is a field of type relation without a relation")));
  EXPECT_THAT(with_field("author_id", reference("author", "users", {{"default_value", 1}})),
              ElementsAre(HasSubstr("relation fields have no option \"default_value\"")));
}

TEST(Relations, NeedAnOwnerForAGeneratedEntity) {
  Map entities = blog_entities();
  entities.set("lost", Map{{"type", "generated"}, {"fields", Map{}}});
  EXPECT_THAT(
      refusals_of(Map{{"entities", entities}, {"relations", blog_relations()}}),
      ElementsAre(HasSubstr("entities.lost: lost is of type \"generated\", and no relation")));
}

TEST(Relations, CannotLeadElsewhereLater) {
  const Schema schema = applied(blog_schema());
  Map entities = blog_entities();
  entities.find("posts")->if_map()->find("fields")->if_map()->set("author_id",
                                                                  reference("author", "tags"));
  Map relations = blog_relations();
  relations.set("n1_posts_users_author",
                relation("n:1", "posts", "tags", {{"mappedBy", "author"}}));
  EXPECT_THAT(refusals_of(Map{{"entities", entities}, {"relations", relations}}, schema),
              ElementsAre(HasSubstr("posts.author_id leads to users and cannot lead to tags")));
}

TEST(Relations, SayWhatIsNew) {
  const auto change = change_schema(initial_schema(), blog_schema());
  ASSERT_TRUE(change);
  EXPECT_THAT(
      change->difference,
      ::testing::IsSupersetOf({"+ posts.author_id relation users", "+ posts.tags links tags",
                               "+ unique index idx_unique_users_settings_id"}));
}

}  // namespace
}  // namespace emstore::testing
