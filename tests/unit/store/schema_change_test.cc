#include "store/schema_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/pack.h"
#include "tests/unit/store/schemas.h"

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ChangeSchema, AppliesTheFourSchemasOfTheSeedPage) {
  const Schema posts = applied(seed_posts());
  EXPECT_EQ(posts.entity("posts")->field("cover")->kind, FieldKind::medium);
  EXPECT_EQ(posts.entity("posts")->field("cover")->max_items, 1U);
  EXPECT_TRUE(posts.entity("posts")->field("cover")->fillable);
  EXPECT_TRUE(posts.entity("posts")->field("title")->required);

  const Schema products = applied(seed_products());
  EXPECT_EQ(products.entity("products")->field("images")->kind, FieldKind::media);
  EXPECT_EQ(products.entity("products")->field("images")->max_items, std::nullopt);

  const Schema shared = applied(seed_shared());
  EXPECT_EQ(shared.entity("posts")->id, EntityId{2});
  EXPECT_EQ(shared.entity("pages")->id, EntityId{3});

  const Schema shop = applied(seed_shop());
  EXPECT_EQ(shop.entity("products")->fields.size(), 6U);
  EXPECT_EQ(shop.entity("products")->field("thumbnail")->kind, FieldKind::medium);
  EXPECT_EQ(shop.entity("products")->field("documents")->kind, FieldKind::media);
  EXPECT_EQ(*shop.entity("media"), *initial_schema().entity("media"));
}

TEST(ChangeSchema, SaysWhatIsNew) {
  const auto change = change_schema(initial_schema(), seed_posts());
  ASSERT_TRUE(change);
  EXPECT_TRUE(change->changed);
  EXPECT_THAT(change->difference, ElementsAre("+ posts", "+ posts.title text",
                                              "+ posts.content text", "+ posts.cover medium"));
  EXPECT_THAT(change->destructive, IsEmpty());
  EXPECT_THAT(change->newly_required, IsEmpty());
}

TEST(ChangeSchema, IsIdempotentForImportsAndForItsOwnForm) {
  for (const Map& wanted : {seed_posts(), seed_products(), seed_shared(), seed_shop()}) {
    const Schema schema = applied(wanted);
    for (const Map& again : {wanted, to_value(schema)}) {
      const auto change = change_schema(schema, again);
      ASSERT_TRUE(change) << to_string(change.error());
      EXPECT_FALSE(change->changed);
      EXPECT_THAT(change->difference, IsEmpty());
      EXPECT_EQ(change->next, schema);
    }
  }
}

const Map kSpecs{{"type", "object"},
                 {"properties", Map{{"theme", Map{{"type", "string"}, {"default", "dark"}}}}}};

TEST(ChangeSchema, TakesTheOptionsOfEveryKindAndKeepsThemInItsOwnForm) {
  Map relations;
  relate(relations, "things", "pictures", false);
  relations.find("poly_things_media_pictures")
      ->if_map()
      ->find("config")
      ->if_map()
      ->set("with_limit", 7);
  const Map fields{
      {"code", field("text", {{"label", "Code"},
                              {"description", "What it is"},
                              {"required", true},
                              {"default_value", "abc"},
                              {"minLength", 3},
                              {"maxLength", 8.0},
                              {"pattern", "^[a-z]+$"},
                              {"hidden", List{"read"}}})},
      {"price", field("number", {{"minimum", 0},
                                 {"maximum", 10},
                                 {"exclusiveMinimum", -1},
                                 {"exclusiveMaximum", 10.5},
                                 {"multipleOf", 0.5},
                                 {"default_value", 5}})},
      {"on", field("boolean", {{"default_value", false}, {"hidden", List{}}})},
      {"day", field("date", {{"type", "date"},
                             {"default_value", "1970-01-02"},
                             {"min_date", "1970-01-01"},
                             {"max_date", "1970-01-03"},
                             {"timezone", "UTC"}})},
      {"at", field("datetime", {{"default_value", "1970-01-01T00:00:01Z"}})},
      {"since", field("date", {{"type", "datetime"}, {"min_date", "1970-01-01T00:00:01Z"}})},
      {"specs", field("jsonschema", {{"schema", kSpecs}, {"default_from_schema", true}})},
      {"notes", field("jsonschema")},
      {"state", field("enum", {{"options", Map{{"type", "strings"}, {"values", List{"a", "b"}}}},
                               {"default_value", "b"}})},
      {"size", field("enum", {{"enum", List{"s", "m"}}})},
      {"colour",
       field("enum", {{"options", Map{{"type", "objects"},
                                      {"values", List{Map{{"label", "Red"}, {"value", "r"}}}}}}})},
      {"extra", field("json", {{"default_value", Map{{"a", 1}}}, {"label", nullptr}})},
      {"secret", field("text", {{"fillable", false}, {"hidden", List{"read", "table"}}})},
      {"once", field("text", {{"fillable", List{"create", "read"}}})},
      {"pictures", field("media", {{"min_items", 1},
                                   {"max_items", 5},
                                   {"mime_types", List{"image/*", "application/pdf"}},
                                   {"on_delete", "collect"}})}};
  const Schema schema = applied(schema_of_entities({{"things", entity(fields)}}, relations));
  const Entity& entity = *schema.entity("things");
  const Field& code = *entity.field("code");
  EXPECT_EQ(code.label, "Code");
  EXPECT_EQ(code.max_length, 8U);
  EXPECT_EQ(code.hidden, kInRead);
  EXPECT_EQ(code.default_value, Value("abc"));
  EXPECT_EQ(entity.field("price")->default_value, Value(5.0));
  EXPECT_EQ(entity.field("price")->multiple_of, 0.5);
  EXPECT_EQ(entity.field("on")->hidden, 0);
  EXPECT_EQ(entity.field("day")->min_date, 0);
  EXPECT_EQ(entity.field("day")->max_date, 2);
  EXPECT_EQ(entity.field("since")->kind, FieldKind::datetime);
  EXPECT_EQ(entity.field("since")->min_date, 1'000'000);
  EXPECT_EQ(entity.field("specs")->json_schema->source(), kSpecs);
  EXPECT_EQ(entity.field("specs")->default_value, Value(Map{{"theme", "dark"}}));
  EXPECT_EQ(type_name_of(*entity.field("notes")), "jsonschema");
  EXPECT_EQ(entity.field("day")->default_value, Value(1));
  EXPECT_EQ(entity.field("at")->default_value, Value(1'000'000));
  EXPECT_THAT(entity.field("size")->values, ElementsAre("s", "m"));
  EXPECT_THAT(entity.field("colour")->value_labels, ElementsAre("Red"));
  EXPECT_EQ(entity.field("secret")->fillable, 0);
  EXPECT_EQ(entity.field("secret")->hidden, kInRead | kInTable);
  EXPECT_EQ(entity.field("once")->fillable, kInCreate | kInRead);
  EXPECT_EQ(entity.field("pictures")->on_delete, OnDelete::collect);
  EXPECT_EQ(entity.field("pictures")->with_limit, 7U);

  const auto again = change_schema(schema, to_value(schema));
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_THAT(again->difference, IsEmpty());
  EXPECT_EQ(again->next, schema);
}

TEST(ChangeSchema, TakesMediumAndMediaByName) {
  Map relations;
  relate(relations, "things", "one", false);
  relate(relations, "things", "many", false);
  const Schema schema = applied(schema_of_entities(
      {{"things", entity({{"one", field("medium")}, {"many", field("media")}})}}, relations));
  EXPECT_EQ(schema.entity("things")->field("one")->kind, FieldKind::medium);
  EXPECT_EQ(schema.entity("things")->field("many")->kind, FieldKind::media);
}

TEST(ChangeSchema, LeavesOutWhatEveryRecordHas) {
  const Schema schema = applied(things({{"id", primary()},
                                        {"created_at", field("datetime", {{"required", true}})},
                                        {"updated_at", field("datetime")},
                                        {"name", field("text")}}));
  ASSERT_EQ(schema.entity("things")->fields.size(), 1U);
  EXPECT_EQ(schema.entity("things")->fields[0].name, "name");
}

TEST(ChangeSchema, AddsFieldsToMediaBesideItsOwn) {
  const Schema schema = applied(schema_of_entities(
      {{"media", Map{{"type", "system"},
                     {"fields", Map{{"path", field("text", {{"required", true}})},
                                    {"mime_type", field("text")},
                                    {"modified_at", field("datetime")},
                                    {"alt", field("text", {{"maxLength", 200}})}}}}}},
      {},
      {{"idx_unique_media_path",
        Map{{"entity", "media"}, {"fields", List{"path"}}, {"unique", true}}},
       {"idx_media_alt", Map{{"entity", "media"}, {"fields", List{"alt"}}}}}));
  const Entity& media = *schema.entity(kMediaEntity);
  ASSERT_EQ(media.fields.size(), initial_schema().entities[0].fields.size() + 1);
  EXPECT_EQ(media.field("alt")->id, FieldId{kFirstUserFieldOfMedia});
  EXPECT_EQ(media.field("path"), nullptr);
  ASSERT_EQ(schema.indexes.size(), 1U);
  EXPECT_EQ(schema.indexes[0].name, "idx_media_alt");
}

TEST(ChangeSchema, TakesTheConfigOfAnEntity) {
  Map wanted = things({{"rank", field("number")}});
  wanted.find("entities")
      ->if_map()
      ->find("things")
      ->if_map()
      ->set("config", Map{{"name", "Things"},
                          {"name_singular", "Thing"},
                          {"description", "All"},
                          {"sort_field", "rank"},
                          {"sort_dir", "desc"},
                          {"primary_format", "integer"}});
  const Schema schema = applied(wanted);
  const Entity& entity = *schema.entity("things");
  EXPECT_EQ(entity.label, "Things");
  EXPECT_EQ(entity.sort_field, "rank");
  EXPECT_EQ(entity.sort_direction, "desc");
  EXPECT_FALSE(change_schema(schema, to_value(schema)).value().changed);
}

// ---- Ids and differences ------------------------------------------------------------------------

TEST(ChangeSchema, KeepsIdsByNameAndNeverReusesThem) {
  const Map both = things({{"a", field("text")}, {"b", field("text")}});
  const Map one = things({{"b", field("text")}});
  const Schema first = applied(both);
  EXPECT_EQ(first.entity("things")->field("a")->id, FieldId{1});
  EXPECT_EQ(first.entity("things")->field("b")->id, FieldId{2});
  const Schema second = applied(one, first);
  EXPECT_EQ(second.entity("things")->field("b")->id, FieldId{2});
  const Schema third = applied(both, second);
  EXPECT_EQ(third.entity("things")->field("a")->id, FieldId{3});
  EXPECT_EQ(third.entity("things")->field("b")->id, FieldId{2});

  const Schema without = applied(schema_of_entities({}), third);
  EXPECT_EQ(without.entities.size(), 1U);
  EXPECT_EQ(applied(both, without).entity("things")->id, EntityId{3});
}

TEST(ChangeSchema, TakesAnotherOrderForNoChange) {
  const Schema schema = applied(things({{"a", field("text")}, {"b", field("text")}}));
  const auto change = change_schema(schema, things({{"b", field("text")}, {"a", field("text")}}));
  ASSERT_TRUE(change);
  EXPECT_FALSE(change->changed);
  EXPECT_EQ(change->next, schema);
}

TEST(ChangeSchema, TakesIdsOfItsOwnFormForNothingOfTheUsers) {
  const Schema schema = applied(things({{"a", field("text")}}));
  Map edited = to_value(schema);
  Map& thing = *edited.find("entities")->if_map()->find("things")->if_map();
  thing.set("id", 77);
  thing.find("fields")->if_map()->set("b", Map{{"id", 1}, {"type", "number"}});
  const auto change = change_schema(schema, edited);
  ASSERT_TRUE(change) << to_string(change.error());
  EXPECT_THAT(change->difference, ElementsAre("+ things.b number"));
  EXPECT_EQ(change->next.entity("things")->id, EntityId{2});
  EXPECT_EQ(change->next.entity("things")->field("b")->id, FieldId{2});
}

TEST(ChangeSchema, CallsWhatDropsDataDestructive) {
  const SchemaChange field_dropped =
      changed(things({{"a", field("text")}, {"b", field("text")}}), things({{"a", field("text")}}));
  EXPECT_THAT(field_dropped.difference, ElementsAre("- things.b"));
  EXPECT_THAT(field_dropped.destructive, ElementsAre("- things.b"));

  const SchemaChange entity_dropped = changed(seed_shared(), seed_posts());
  EXPECT_THAT(entity_dropped.destructive, ElementsAre("- posts.images", "- pages"));

  const SchemaChange media_field_dropped =
      changed(schema_of_entities({{"media", Map{{"fields", Map{{"alt", field("text")}}}}}}),
              schema_of_entities({}));
  EXPECT_THAT(media_field_dropped.destructive, ElementsAre("- media.alt"));
}

TEST(ChangeSchema, CallsAnotherDefaultDestructiveButNotANewOne) {
  const Map none = things({{"a", field("number")}});
  const Map one = things({{"a", field("number", {{"default_value", 1}})}});
  const Map two = things({{"a", field("number", {{"default_value", 2}})}});
  EXPECT_THAT(changed(none, one).destructive, IsEmpty());
  EXPECT_THAT(changed(none, one).difference, ElementsAre(HasSubstr("~ things.a default_value 1")));
  EXPECT_THAT(changed(one, two).destructive, ElementsAre(HasSubstr("default_value 2")));
  EXPECT_THAT(changed(one, none).destructive, ElementsAre(HasSubstr("no default_value")));
}

TEST(ChangeSchema, SaysThatTighterRulesLeaveOlderValues) {
  const auto lines = [](const char* type, Map before, Map after) {
    const SchemaChange change = changed(things({{"a", field(type, std::move(before))}}),
                                        things({{"a", field(type, std::move(after))}}));
    EXPECT_THAT(change.destructive, IsEmpty());
    return change.difference;
  };
  const std::string stay = "; older values stay as they are";
  EXPECT_THAT(lines("text", {}, {{"maxLength", 5}}), ElementsAre("~ things.a maxLength 5" + stay));
  EXPECT_THAT(lines("text", {{"maxLength", 9}}, {{"maxLength", 5}}),
              ElementsAre("~ things.a maxLength 5 (was 9)" + stay));
  EXPECT_THAT(lines("text", {{"maxLength", 5}}, {{"maxLength", 9}}),
              ElementsAre("~ things.a maxLength 9 (was 5)"));
  EXPECT_THAT(lines("text", {{"minLength", 5}}, {}),
              ElementsAre("~ things.a no minLength (was 5)"));
  EXPECT_THAT(lines("text", {{"pattern", "a"}}, {{"pattern", "b"}}),
              ElementsAre("~ things.a pattern \"b\" (was \"a\")" + stay));
  EXPECT_THAT(lines("enum", {{"enum", List{"a", "b"}}}, {{"enum", List{"a"}}}),
              ElementsAre(::testing::EndsWith(stay)));
  EXPECT_THAT(lines("enum", {{"enum", List{"a"}}}, {{"enum", List{"b", "a"}}}),
              ElementsAre(::testing::Not(HasSubstr("older"))));
  EXPECT_THAT(lines("text", {{"fillable", false}}, {{"hidden", true}}),
              ElementsAre("~ things.a fillable", "~ things.a hidden"));
}

TEST(ChangeSchema, NamesFieldsThatBecomeRequiredWithoutADefault) {
  const Map optional = things({{"a", field("text")}});
  const Map required = things({{"a", field("text", {{"required", true}})}});
  const Map with_default =
      things({{"a", field("text", {{"required", true}, {"default_value", "x"}})}});
  const std::pair<EntityId, FieldId> a{EntityId{2}, FieldId{1}};
  EXPECT_THAT(changed(optional, required).newly_required, ElementsAre(a));
  EXPECT_THAT(changed(optional, required).difference, ElementsAre("~ things.a required"));
  EXPECT_THAT(changed(required, required).newly_required, IsEmpty());
  EXPECT_THAT(changed(optional, with_default).newly_required, IsEmpty());
  EXPECT_THAT(changed(with_default, required).newly_required, ElementsAre(a));
  EXPECT_THAT(changed(required, optional).difference, ElementsAre("~ things.a not required"));

  const Map another = things({{"a", field("text")}, {"b", field("text", {{"required", true}})}});
  EXPECT_THAT(changed(optional, another).newly_required,
              ElementsAre(std::pair{EntityId{2}, FieldId{2}}));
  EXPECT_THAT(changed(schema_of_entities({}), required).newly_required, IsEmpty());
}

TEST(ChangeSchema, GivesAChangedIndexANewId) {
  const Map fields{{"a", field("text")}, {"b", field("text")}};
  const auto index = [](List of, bool unique) {
    return Map{{"i", Map{{"entity", "things"}, {"fields", std::move(of)}, {"unique", unique}}}};
  };
  const SchemaChange added = changed(things(fields), things(fields, index({"a"}, false)));
  EXPECT_THAT(added.difference, ElementsAre("+ index i"));
  EXPECT_THAT(added.added_indexes, ElementsAre(IndexId{1}));
  EXPECT_THAT(added.destructive, IsEmpty());

  const SchemaChange altered =
      changed(things(fields, index({"a"}, false)), things(fields, index({"a", "b"}, true)));
  EXPECT_THAT(altered.difference, ElementsAre("- index i", "+ unique index i"));
  EXPECT_THAT(altered.added_indexes, ElementsAre(IndexId{2}));
  EXPECT_THAT(altered.destructive, IsEmpty());
  EXPECT_EQ(altered.next.indexes[0].fields, (std::vector{FieldId{1}, FieldId{2}}));

  const SchemaChange same =
      changed(things(fields, index({"a"}, false)), things(fields, index({"a"}, false)));
  EXPECT_FALSE(same.changed);
}

// The name stands for another field now: so does the index.
TEST(ChangeSchema, MakesTheIndexOfAReplacedFieldAnew) {
  const Map indices{{"i", Map{{"entity", "things"}, {"fields", List{"a"}}}}};
  const Schema first = applied(things({{"a", field("text")}}, indices));
  const Schema second = applied(things({{"b", field("text")}}), first);
  const Schema third = applied(things({{"a", field("number")}}, indices), second);
  ASSERT_EQ(third.indexes.size(), 1U);
  EXPECT_EQ(third.indexes[0].id, IndexId{2});
  EXPECT_EQ(third.indexes[0].fields[0], FieldId{3});
}

}  // namespace
}  // namespace emstore::store
