#include "store/schema_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/pack.h"

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- Schemas as bknd's toJSON() writes them -----------------------------------------------------

Map field(const char* type, Map config = {}) {
  return {{"type", type}, {"config", std::move(config)}};
}

Map primary() {
  return field("primary", {{"format", "integer"}, {"fillable", false}, {"required", false}});
}

Map media_of(const char* owner) {
  return field("media", {{"entity", owner},
                         {"required", false},
                         {"fillable", List{"update"}},
                         {"virtual", true},
                         {"mime_types", List{}}});
}

Map medium_of(const char* owner) {
  Map medium = media_of(owner);
  medium.find("config")->if_map()->set("max_items", 1);
  return medium;
}

Map entity(Map fields) {
  Map all{{"id", primary()}};
  for (Map::Member& member : fields) all.set(member.name, member.value);
  return {{"type", "regular"},
          {"fields", std::move(all)},
          {"config", Map{{"sort_field", "id"}, {"sort_dir", "asc"}}}};
}

// What bknd adds to a media entity that polymorphic relations lead to.
Map media_entity() {
  const Map hidden{{"hidden", true}, {"fillable", List{"create"}}, {"required", false}};
  return {{"type", "system"},
          {"fields", Map{{"id", primary()},
                         {"reference", field("text", hidden)},
                         {"entity_id", field("text", hidden)}}},
          {"config", Map{{"sort_field", "id"}, {"sort_dir", "asc"}}}};
}

void relate(Map& relations, const std::string& source, const std::string& mapped_by, bool to_one) {
  Map config{{"mappedBy", mapped_by}};
  if (to_one) config.set("targetCardinality", 1);
  relations.set("poly_" + source + "_media_" + mapped_by, Map{{"type", "poly"},
                                                              {"source", source},
                                                              {"target", "media"},
                                                              {"config", std::move(config)}});
}

Map schema_of_entities(Map entities, Map relations = {}, Map indices = {}) {
  return {{"entities", std::move(entities)},
          {"relations", std::move(relations)},
          {"indices", std::move(indices)}};
}

Map seed_posts() {
  Map relations;
  relate(relations, "posts", "cover", true);
  return schema_of_entities({{"posts", entity({{"title", field("text", {{"required", true}})},
                                               {"content", field("text", {{"required", false}})},
                                               {"cover", medium_of("posts")}})},
                             {"media", media_entity()}},
                            relations);
}

Map seed_products() {
  Map relations;
  relate(relations, "products", "images", false);
  return schema_of_entities({{"products", entity({{"name", field("text", {{"required", true}})},
                                                  {"description", field("text")},
                                                  {"images", media_of("products")}})},
                             {"media", media_entity()}},
                            relations);
}

Map seed_shared() {
  Map relations;
  relate(relations, "posts", "images", false);
  relate(relations, "pages", "images", false);
  return schema_of_entities({{"posts", entity({{"title", field("text", {{"required", true}})},
                                               {"images", media_of("posts")}})},
                             {"pages", entity({{"slug", field("text", {{"required", true}})},
                                               {"content", field("text")},
                                               {"images", media_of("pages")}})},
                             {"media", media_entity()}},
                            relations);
}

Map seed_shop() {
  Map relations;
  relate(relations, "products", "thumbnail", true);
  relate(relations, "products", "gallery", false);
  relate(relations, "products", "documents", false);
  return schema_of_entities({{"products", entity({{"name", field("text", {{"required", true}})},
                                                  {"description", field("text")},
                                                  {"price", field("number")},
                                                  {"thumbnail", medium_of("products")},
                                                  {"gallery", media_of("products")},
                                                  {"documents", media_of("products")}})},
                             {"media", media_entity()}},
                            relations);
}

// ---- Helpers ------------------------------------------------------------------------------------

// A schema with one entity, of these fields.
Map things(Map fields, Map indices = {}) {
  return schema_of_entities({{"things", Map{{"fields", std::move(fields)}}}}, {}, indices);
}

// The schema after `wanted`, which must be accepted.
Schema applied(const Map& wanted, const Schema& current = initial_schema()) {
  const auto change = change_schema(current, wanted);
  EXPECT_TRUE(change) << to_string(change.error());
  return change ? change->next : current;
}

SchemaChange changed(const Map& before, const Map& after) {
  const auto change = change_schema(applied(before), after);
  EXPECT_TRUE(change) << to_string(change.error());
  return change.value_or(SchemaChange{});
}

// Every violation: "path: message (hint) [code]".
std::vector<std::string> violations(const Map& wanted, const Schema& current = initial_schema()) {
  const auto change = change_schema(current, wanted);
  if (change) return {"accepted"};
  std::vector<std::string> lines;
  for (const Error& violation : change.error().violations) {
    std::string line = violation.path + ": " + violation.message;
    if (!violation.hint.empty()) line += " (" + violation.hint + ")";
    if (violation.code != ErrorCode::invalid_schema) {
      line += " [" + std::string(name_of(violation.code)) + "]";
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

std::vector<std::string> violations_of_field(const char* type, Map config) {
  return violations(things({{"it", field(type, std::move(config))}}));
}

// ---- What is accepted ---------------------------------------------------------------------------

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

// ---- What is refused ----------------------------------------------------------------------------

TEST(ChangeSchema, RefusesAMediaFieldWithoutRelation) {
  EXPECT_THAT(
      violations(schema_of_entities({{"posts", entity({{"cover", medium_of("posts")}})}})),
      ElementsAre("entities.posts.fields.cover: posts.cover is a media field without a relation "
                  "(add to relations: \"poly_posts_media_cover\": {type: \"poly\", source: "
                  "\"posts\", target: \"media\", config: {mappedBy: \"cover\"}})"));
}

TEST(ChangeSchema, RefusesARelationWhoseFieldIsNotThere) {
  Map wanted = seed_posts();
  relate(*wanted.find("relations")->if_map(), "posts", "covr", false);
  EXPECT_THAT(violations(wanted),
              ElementsAre("relations.poly_posts_media_covr.config.mappedBy: no field \"covr\" on "
                          "posts (did you mean \"cover\"?)"));
  wanted = seed_posts();
  relate(*wanted.find("relations")->if_map(), "posts", "title", false);
  EXPECT_THAT(violations(wanted),
              ElementsAre("relations.poly_posts_media_title.config.mappedBy: posts.title is of "
                          "type text, which has no relation to media (use type \"medium\" or "
                          "\"media\")"));
}

TEST(ChangeSchema, RefusesRelationsThatMakeNoSense) {
  const auto with = [](Map relation) {
    Map wanted = seed_products();
    wanted.find("relations")->if_map()->set("r", std::move(relation));
    return violations(wanted);
  };
  const Map poly{{"type", "poly"}, {"source", "products"}, {"target", "media"}};
  const auto altered = [&poly](const char* name, Value value) {
    Map relation = poly;
    relation.set(name, std::move(value));
    return relation;
  };
  EXPECT_THAT(with(poly), ElementsAre(HasSubstr("the relation names no field of products")));
  EXPECT_THAT(with(altered("config", Map{{"mappedBy", "images"}})),
              ElementsAre(HasSubstr("products.images has two relations")));
  EXPECT_THAT(
      with(altered("source", "product")),
      ElementsAre("relations.r.source: no entity \"product\" (did you mean \"products\"?)"));
  EXPECT_THAT(with(altered("target", "products")), ElementsAre(HasSubstr("lead to media")));
  EXPECT_THAT(with(altered("type", "poli")), ElementsAre(HasSubstr("did you mean \"poly\"?")));
  EXPECT_THAT(with({{"type", "poly"}}), ElementsAre(HasSubstr("needs type, source and target")));
}

TEST(ChangeSchema, RefusesACardinalityThatIsNotOne) {
  Map wanted = seed_products();
  wanted.find("relations")
      ->if_map()
      ->find("poly_products_media_images")
      ->if_map()
      ->set("config", Map{{"mappedBy", "images"}, {"targetCardinality", 3}, {"inversedBy", "x"}});
  EXPECT_THAT(violations(wanted),
              ElementsAre("relations.poly_products_media_images.config.inversedBy: unknown key "
                          "\"inversedBy\"",
                          HasSubstr("targetCardinality is 1 or left out, not 3")));
}

TEST(ChangeSchema, SuggestsOptionsTypesAndKeys) {
  EXPECT_THAT(violations_of_field("text", {{"reqired", true}}),
              ElementsAre("entities.things.fields.it.config.reqired: text fields have no option "
                          "\"reqired\" (did you mean \"required\"?)"));
  EXPECT_THAT(violations_of_field("number", {{"maxLength", 3}}),
              ElementsAre(HasSubstr("number fields have no option \"maxLength\"")));
  EXPECT_THAT(violations_of_field("txt", {}),
              ElementsAre("entities.things.fields.it.type: no field can be of type \"txt\" (did "
                          "you mean \"text\"?)"));
  EXPECT_THAT(violations(Map{{"entities", Map{}}, {"indexes", Map{}}}),
              ElementsAre("indexes: unknown key \"indexes\" (did you mean \"indices\"?)"));
  EXPECT_THAT(violations(schema_of_entities({{"a", Map{{"feilds", Map{}}}}})),
              ElementsAre("entities.a.feilds: unknown key \"feilds\" (did you mean \"fields\"?)"));
}

TEST(ChangeSchema, RefusesOptionsOfTheWrongType) {
  const std::string path = "entities.things.fields.it.config.";
  EXPECT_THAT(violations_of_field("text", {{"required", "yes"}}),
              ElementsAre(path + "required: \"required\" is true or false, not \"yes\""));
  EXPECT_THAT(violations_of_field("text", {{"maxLength", -1}}),
              ElementsAre(path + "maxLength: \"maxLength\" is a whole number from 0, not -1"));
  EXPECT_THAT(violations_of_field("text", {{"maxLength", 1.5}}), ElementsAre(HasSubstr("1.5")));
  EXPECT_THAT(violations_of_field("number", {{"minimum", std::nan("")}}),
              ElementsAre(HasSubstr("\"minimum\" is a number")));
  EXPECT_THAT(violations_of_field("text", {{"fillable", List{"sometimes"}}}),
              ElementsAre(HasSubstr("a list of create, read, update, delete")));
  EXPECT_THAT(violations_of_field("text", {{"virtual", true}}),
              ElementsAre(HasSubstr("only fields of links are virtual")));
  EXPECT_THAT(violations_of_field("number", {{"default_value", "a"}}),
              ElementsAre(HasSubstr("a value of the field's own type")));
  EXPECT_THAT(violations_of_field("enum", {{"options", List{"a"}}}),
              ElementsAre(HasSubstr("{type: \"strings\""), HasSubstr("is an enum without values")));
  EXPECT_THAT(violations_of_field("datetime", {{"type", "date"}}),
              ElementsAre(HasSubstr("\"type\" is \"datetime\", as the field")));
  EXPECT_THAT(violations_of_field("date", {{"timezone", "Europe/Berlin"}}),
              ElementsAre(HasSubstr("emstore keeps dates and times in UTC")));
  EXPECT_THAT(violations_of_field("date", {{"min_date", "soon"}}),
              ElementsAre(HasSubstr("\"min_date\" is a date such as")));
  EXPECT_THAT(violations_of_field("text", {{"hidden", List{"never"}}}),
              ElementsAre(HasSubstr("form, table, submit")));
  EXPECT_THAT(violations_of_field("text", {{"fillable", List{"form"}}}),
              ElementsAre(HasSubstr("a list of create, read, update, delete")));
  EXPECT_THAT(violations_of_field("jsonschema", {{"schema", Map{{"minimun", 1}}}}),
              ElementsAre(HasSubstr("(minimun: the keyword \"minimun\" of JSON Schema is not "
                                    "supported; did you mean \"minimum\"?)")));
}

TEST(ChangeSchema, RefusesOptionsThatContradictEachOther) {
  EXPECT_THAT(violations_of_field("text", {{"minLength", 5}, {"maxLength", 3}}),
              ElementsAre("entities.things.fields.it.config.minLength: things.it has minLength 5 "
                          "over maxLength 3"));
  EXPECT_THAT(violations_of_field("text", {{"pattern", "(a"}}),
              ElementsAre(HasSubstr("which is not RE2")));
  EXPECT_THAT(violations_of_field("date", {{"min_date", "2020-01-02"}, {"max_date", "2020-01-01"}}),
              ElementsAre(HasSubstr("has a min_date after its max_date")));
  EXPECT_THAT(violations_of_field("text", {{"required", true}, {"fillable", List{"update"}}}),
              ElementsAre(HasSubstr("not fillable when a record is created")));
  EXPECT_THAT(violations_of_field("jsonschema",
                                  {{"schema", Map{{"type", "object"}}}, {"default_value", List{}}}),
              ElementsAre(HasSubstr("has a default that does not fit: it: is object, not []")));
  EXPECT_THAT(violations_of_field("number", {{"minimum", 5}, {"maximum", 3}}),
              ElementsAre(HasSubstr("no number lies between")));
  EXPECT_THAT(violations_of_field("number", {{"minimum", 3}, {"maximum", 3}}),
              ElementsAre("accepted"));
  EXPECT_THAT(violations_of_field("number", {{"exclusiveMinimum", 3}, {"maximum", 3}}),
              ElementsAre(HasSubstr("no number lies between")));
  EXPECT_THAT(violations_of_field("number", {{"multipleOf", 0}}),
              ElementsAre(HasSubstr("not above 0")));
  EXPECT_THAT(violations_of_field("enum", {}), ElementsAre(HasSubstr("an enum without values")));
  EXPECT_THAT(violations_of_field("enum", {{"enum", List{"a", "a"}}}),
              ElementsAre(HasSubstr("has the value \"a\" twice")));
  EXPECT_THAT(violations_of_field("text", {{"default_value", "long"}, {"maxLength", 3}}),
              ElementsAre(HasSubstr("has a default that does not fit: it has 4 characters")));
  EXPECT_THAT(violations_of_field("enum", {{"default_value", "c"}, {"enum", List{"a"}}}),
              ElementsAre(HasSubstr("it cannot be \"c\"")));
  EXPECT_THAT(violations_of_field("text", {{"required", true}, {"fillable", false}}),
              ElementsAre(HasSubstr("no record could be written")));
}

TEST(ChangeSchema, RefusesMediaOptionsThatMakeNoSense) {
  const auto with = [](const char* type, Map config) {
    Map relations;
    relate(relations, "things", "it", false);
    return violations(schema_of_entities(
        {{"things", entity({{"it", field(type, std::move(config))}})}}, relations));
  };
  EXPECT_THAT(with("media", {{"min_items", 3}, {"max_items", 2}}),
              ElementsAre(HasSubstr("min_items 3 over max_items 2")));
  EXPECT_THAT(with("media", {{"max_items", 0}}), ElementsAre(HasSubstr("max_items 0")));
  EXPECT_THAT(with("medium", {{"max_items", 2}}), ElementsAre(HasSubstr("links one media")));
  EXPECT_THAT(with("medium", {{"min_items", 2}}),
              ElementsAre(HasSubstr("min_items 2 over max_items 1")));
  EXPECT_THAT(with("media", {{"mime_types", List{"image/*", "png", "/x"}}}),
              ElementsAre(HasSubstr("\"png\""), HasSubstr("\"/x\"")));
  EXPECT_THAT(with("media", {{"on_delete", "cascade"}}),
              ElementsAre(HasSubstr("\"detach\", \"collect\" or \"restrict\"")));
  EXPECT_THAT(with("media", {{"default_value", 1}}),
              ElementsAre(HasSubstr("media fields have no option \"default_value\"")));
  EXPECT_THAT(with("media", {{"entity", "posts"}}), ElementsAre(HasSubstr("names the owner")));
}

TEST(ChangeSchema, RefusesNamesThatAreNone) {
  for (const char* name : {"", "1st", "$set", "a b", "a.b", "größe"}) {
    EXPECT_THAT(violations(things({{name, field("text")}})),
                ElementsAre(HasSubstr("cannot be a name")))
        << name;
    EXPECT_THAT(violations(schema_of_entities({{name, Map{}}})),
                ElementsAre(HasSubstr("cannot be a name")))
        << name;
  }
  EXPECT_THAT(violations(things({{std::string(64, 'a'), field("text")}})), ElementsAre("accepted"));
  EXPECT_THAT(violations(things({{std::string(65, 'a'), field("text")}})),
              ElementsAre(HasSubstr("cannot be a name")));
}

TEST(ChangeSchema, RefusesReservedNamesOfOtherTypes) {
  EXPECT_THAT(violations(things({{"id", field("text")}})),
              ElementsAre("entities.things.fields.id: every record has an id; \"id\" cannot be of "
                          "type \"text\" (use another name)"));
  EXPECT_THAT(violations(things({{"created_at", field("text")}})),
              ElementsAre(HasSubstr("things.created_at is emstore's own, of type \"datetime\"")));
  const auto on_media = [](const char* name, const char* type) {
    return violations(schema_of_entities({{"media", Map{{"fields", Map{{name, field(type)}}}}}}));
  };
  EXPECT_THAT(on_media("size", "text"), ElementsAre(HasSubstr("media.size is emstore's own")));
  EXPECT_THAT(on_media("path", "number"), ElementsAre(HasSubstr("media.path is emstore's own")));
  EXPECT_THAT(on_media("size", "number"), ElementsAre("accepted"));
  EXPECT_THAT(violations(things({{"path", field("number")}})), ElementsAre("accepted"));
}

TEST(ChangeSchema, SaysByNameWhatItCannotDoYet) {
  const auto all_unsupported = [](const std::vector<std::string>& lines) {
    EXPECT_THAT(lines, ::testing::Each(::testing::EndsWith("[unsupported]")));
    return lines;
  };
  EXPECT_THAT(all_unsupported(violations_of_field("date", {{"type", "week"}})),
              ElementsAre(HasSubstr("a week is no point in time: keep its first day")));
  EXPECT_THAT(all_unsupported(violations(schema_of_entities(
                  {{"media", Map{{"config", Map{{"primary_format", "uuid"}}}}}}))),
              ElementsAre(HasSubstr("ids of media are integers")));
  EXPECT_THAT(all_unsupported(violations(schema_of_entities({{"users", Map{{"type", "system"}}}}))),
              ElementsAre(HasSubstr("users is of type \"system\"")));
}

TEST(ChangeSchema, RefusesMediaFieldsOfMediaItself) {
  Map relations;
  relate(relations, "media", "preview", true);
  EXPECT_THAT(violations(schema_of_entities(
                  {{"media", Map{{"fields", Map{{"preview", field("medium")}}}}}}, relations)),
              ElementsAre("entities.media.fields.preview: media fields of media itself are not "
                          "supported (link media from another entity) [unsupported]"));
}

TEST(ChangeSchema, LooksAtAThousandFieldsAndNoMore) {
  Map fields;
  for (int i = 0; i < 1000; ++i) fields.append("f" + std::to_string(i), field("text"));
  EXPECT_THAT(violations(things(fields)), ElementsAre("accepted"));
  fields.append("one_more", field("text"));
  EXPECT_THAT(violations(things(fields)),
              ElementsAre("entities.things.fields: \"fields\" has 1001 members, more than 1000"));
}

TEST(ChangeSchema, RefusesAnotherKindForAField) {
  const Schema current = applied(things({{"a", field("text")}}));
  EXPECT_THAT(violations(things({{"a", field("number")}}), current),
              ElementsAre("entities.things.fields.a: things.a is of type text and cannot become "
                          "number (add a new field with another name)"));
}

TEST(ChangeSchema, RefusesIndexesThatMakeNoSense) {
  const auto with = [](Map index) {
    Map wanted = seed_shop();
    wanted.find("indices")->if_map()->set("i", std::move(index));
    return violations(wanted);
  };
  const auto over = [&with](List fields) {
    return with({{"entity", "products"}, {"fields", std::move(fields)}});
  };
  EXPECT_THAT(over({"name", "price"}), ElementsAre("accepted"));
  EXPECT_THAT(over({"nam"}),
              ElementsAre("indices.i.fields[0]: no field \"nam\" on products (did you mean "
                          "\"name\"?)"));
  EXPECT_THAT(over({"name", "gallery"}),
              ElementsAre(HasSubstr("indices.i.fields[1]: products.gallery is of type media")));
  EXPECT_THAT(over({"name", "name"}), ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(over({"id"}), ElementsAre(HasSubstr("found by id without an index")));
  EXPECT_THAT(over({"created_at"}), ElementsAre(HasSubstr("[unsupported]")));
  EXPECT_THAT(over({}), ElementsAre(HasSubstr("a list of its fields")));
  EXPECT_THAT(over(List(17, "name")), ElementsAre(HasSubstr("more than 16")));
  EXPECT_THAT(with({{"entity", "product"}, {"fields", List{"name"}}}),
              ElementsAre(HasSubstr("did you mean \"products\"?")));
  EXPECT_THAT(with({{"entity", "products"}, {"fields", List{"name"}}, {"unique", 1}}),
              ElementsAre(HasSubstr("\"unique\" is true or false, not 1")));
}

TEST(ChangeSchema, ListsAllViolationsUpToAHundred) {
  Map fields;
  for (int i = 0; i < 130; ++i) fields.set("f" + std::to_string(i), field("txt"));
  const auto change = change_schema(initial_schema(), things(fields));
  ASSERT_FALSE(change);
  ASSERT_EQ(change.error().violations.size(), 100U);
  EXPECT_EQ(change.error().path, change.error().violations.front().path);
  EXPECT_EQ(change.error().path, "entities.things.fields.f0.type");
}

// One slip is told once: what names a refused field or entity is not refused for that again.
TEST(ChangeSchema, TellsOneSlipOnce) {
  Map relations;
  relate(relations, "posts", "cover", true);
  const Map index{{"entity", "posts"}, {"fields", List{"cover"}}};
  EXPECT_THAT(violations(schema_of_entities({{"posts", entity({{"cover", field("medum")}})}},
                                            relations, {{"i", index}})),
              ElementsAre(HasSubstr("did you mean \"medium\"?")));
}

TEST(ChangeSchema, RefusesAnythingThatIsNoSchema) {
  EXPECT_THAT(violations({}), ElementsAre(HasSubstr("entities: a schema needs its entities")));
  EXPECT_THAT(violations({{"entities", List{}}}),
              ElementsAre("entities: \"entities\" is a map, not list"));
  EXPECT_THAT(violations(schema_of_entities({{"a", 1}})),
              ElementsAre("entities.a: an entity is a map {fields, config}, not 1"));
  EXPECT_THAT(violations(things({{"a", "text"}})), ElementsAre(HasSubstr("a field is a map")));
  EXPECT_THAT(violations(schema_of_entities({}, {{"r", 1}}, {{"i", "x"}})),
              ElementsAre("relations.r: a relation is a map, not 1",
                          "indices.i: an index is a map, not \"x\""));
}

}  // namespace
}  // namespace emstore::store
