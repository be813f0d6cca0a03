#include "store/schema.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "base/pack.h"

namespace emstore::store {
namespace {

std::optional<std::uint64_t> maybe_count(std::mt19937& random) {
  if (random() % 2 == 0) return std::nullopt;
  return random() % 100;
}
std::optional<double> maybe_number(std::mt19937& random) {
  if (random() % 2 == 0) return std::nullopt;
  return static_cast<double>(random() % 1000) / 8 - 50;
}
std::string maybe_text(std::mt19937& random, const char* text) {
  return random() % 2 == 0 ? "" : text;
}

constexpr std::array kRulesOfRelations{OnDelete::detach, OnDelete::restrict_, OnDelete::cascade};

void add_options(Field& field, std::mt19937& random) {
  switch (field.kind) {
    case FieldKind::text:
      field.min_length = maybe_count(random);
      field.max_length = maybe_count(random);
      field.pattern = maybe_text(random, "^[a-z]+$");
      if (random() % 2 == 0) field.default_value = "some";
      return;
    case FieldKind::number:
      field.minimum = maybe_number(random);
      field.maximum = maybe_number(random);
      field.exclusive_minimum = maybe_number(random);
      field.exclusive_maximum = maybe_number(random);
      field.multiple_of = maybe_number(random);
      field.default_value = maybe_number(random);
      if (field.default_value == Value()) field.default_value.reset();
      return;
    case FieldKind::enumeration:
      field.values = {"a", "b"};
      if (random() % 2 == 0) field.value_labels = {"The first", "The second"};
      if (random() % 2 == 0) field.default_value = "b";
      return;
    case FieldKind::boolean:
      if (random() % 2 == 0) field.default_value = random() % 2 == 0;
      return;
    case FieldKind::date:
    case FieldKind::datetime:
      if (random() % 2 == 0) field.default_value = static_cast<std::int64_t>(random() % 99'999);
      if (random() % 2 == 0) field.min_date = static_cast<std::int64_t>(random() % 99'999);
      if (random() % 2 == 0) field.max_date = static_cast<std::int64_t>(random() % 99'999);
      return;
    case FieldKind::json:
      if (random() % 2 == 0) field.json_schema = *JsonSchema::read({{"type", "object"}});
      if (random() % 2 == 0) field.ui_schema = {{"a", Map{{"ui:widget", "textarea"}}}};
      field.default_from_schema = random() % 2 == 0;
      if (random() % 2 == 0) field.default_value = Map{{"a", List{1, 2.5, nullptr}}};
      return;
    case FieldKind::medium:
    case FieldKind::media:
      field.min_items = maybe_count(random);
      field.max_items = maybe_count(random);
      if (random() % 2 == 0) field.mime_types = {"image/*", "application/pdf"};
      field.on_delete = static_cast<OnDelete>(random() % 3);
      field.with_limit = maybe_count(random);
      return;
    case FieldKind::relation:
      field.unique = random() % 2 == 0;
      field.reference = field.name + "_record";
      field.on_delete = kRulesOfRelations[random() % 3];
      field.with_limit = maybe_count(random);
      return;
    case FieldKind::links:
      field.min_items = maybe_count(random);
      field.max_items = maybe_count(random);
      field.on_delete = kRulesOfRelations[random() % 3];
      return;
    case FieldKind::address:
    case FieldKind::digest:
      return;
  }
}

// What a relation says of other entities: here of its own.
void relate_at_random(const Entity& entity, Field& field, std::mt19937& random) {
  if (!is_relation(field.kind)) return;
  field.target = entity.name;
  field.inverse = field.name + "_back";
  if (field.kind != FieldKind::links) return;
  field.connection = entity.name + "_" + field.name;
  for (std::size_t count = random() % 3; count > 0; --count) {
    Field held;
    held.name = "held_" + std::to_string(count);
    held.kind = random() % 2 == 0 ? FieldKind::text : FieldKind::number;
    held.required = random() % 2 == 0;
    field.link_fields.push_back(std::move(held));
  }
}

Field random_field(FieldId id, std::mt19937& random) {
  Field field;
  field.id = id;
  field.name = "field_" + std::to_string(static_cast<std::uint32_t>(id));
  field.kind = static_cast<FieldKind>(random() % 13);
  field.required = random() % 2 == 0;
  field.hidden = static_cast<std::uint8_t>(random() % (kEverywhere + 1));
  if (!is_link(field.kind)) field.fillable = static_cast<std::uint8_t>(random() % 16);
  field.label = maybe_text(random, "A label");
  field.description = maybe_text(random, "What it is for");
  add_options(field, random);
  return field;
}

Entity random_entity(EntityId id, std::mt19937& random) {
  Entity entity;
  entity.id = id;
  entity.name = "entity_" + std::to_string(static_cast<std::uint32_t>(id));
  for (std::size_t count = random() % 8; count > 0; --count) {
    entity.next_field += static_cast<std::uint32_t>(random() % 2);  // A field was dropped here.
    Field field = random_field(FieldId{entity.next_field++}, random);
    relate_at_random(entity, field, random);
    entity.fields.push_back(std::move(field));
  }
  entity.label = maybe_text(random, "Things");
  entity.description = maybe_text(random, "All of them");
  if (random() % 2 == 0) entity.sort_field = "created_at";
  if (random() % 2 == 0) entity.sort_direction = "desc";
  return entity;
}

Schema random_schema(std::mt19937& random) {
  Schema schema = initial_schema();
  schema.version = random();
  for (std::size_t count = random() % 4; count > 0; --count) {
    schema.next_entity += static_cast<std::uint32_t>(random() % 2);
    schema.entities.push_back(random_entity(EntityId{schema.next_entity++}, random));
    const Entity& entity = schema.entities.back();
    if (entity.fields.empty()) continue;
    Index index{IndexId{schema.next_index},
                "idx_" + std::to_string(schema.next_index),
                entity.id,
                {entity.fields.back().id},
                random() % 2 == 0};
    if (random() % 2 == 0) index.fields.push_back(entity.fields.front().id);
    schema.indexes.push_back(std::move(index));
    ++schema.next_index;
  }
  return schema;
}

TEST(Schema, ComesBackFromItsCanonicalFormAndBytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    const Schema schema = random_schema(random);
    const Map canonical = to_value(schema);
    const auto back = schema_of(canonical, schema.version);
    ASSERT_TRUE(back) << to_string(back.error()) << "\n" << to_string(Value(canonical));
    ASSERT_EQ(*back, schema) << to_string(Value(canonical));

    const std::string bytes = pack::to_bytes(canonical);
    const auto read = pack::read(bytes);
    ASSERT_TRUE(read);
    const auto again = schema_of(*read->if_map(), schema.version);
    ASSERT_TRUE(again);
    ASSERT_EQ(*again, schema);
    ASSERT_EQ(pack::to_bytes(to_value(*again)), bytes);
  }
}

// The log holds this form for ever: it may gain members, and must not change otherwise.
TEST(Schema, KeepsItsCanonicalForm) {
  Schema schema = initial_schema();
  Entity posts;
  posts.id = EntityId{2};
  posts.name = "posts";
  posts.next_field = 3;
  posts.fields.resize(2);
  posts.fields[0].id = FieldId{1};
  posts.fields[0].name = "title";
  posts.fields[0].required = true;
  posts.fields[0].max_length = 80;
  posts.fields[1].id = FieldId{2};
  posts.fields[1].name = "cover";
  posts.fields[1].kind = FieldKind::medium;
  posts.fields[1].max_items = 1;
  schema.entities = {posts};
  schema.indexes = {{IndexId{1}, "idx_unique_posts_title", posts.id, {FieldId{1}}, true}};
  schema.next_entity = 3;
  schema.next_index = 2;
  const Map expected{
      {"entities",
       Map{{"posts",
            Map{{"id", 2},
                {"type", "regular"},
                {"next_field", 3},
                {"fields",
                 Map{{"title", Map{{"id", 1},
                                   {"type", "text"},
                                   {"config", Map{{"required", true}, {"maxLength", 80}}}}},
                     {"cover",
                      Map{{"id", 2}, {"type", "medium"}, {"config", Map{{"max_items", 1}}}}}}},
                {"config", Map{{"sort_field", "id"}, {"sort_dir", "asc"}}}}}}},
      {"relations", Map{{"poly_posts_media_cover",
                         Map{{"type", "poly"},
                             {"source", "posts"},
                             {"target", "media"},
                             {"config", Map{{"mappedBy", "cover"}, {"targetCardinality", 1}}}}}}},
      {"indices",
       Map{{"idx_unique_posts_title",
            Map{{"id", 1}, {"entity", "posts"}, {"fields", List{"title"}}, {"unique", true}}}}},
      {"next", Map{{"entity", 3}, {"index", 2}}}};
  EXPECT_EQ(to_string(Value(to_value(schema))), to_string(Value(expected)));
}

TEST(Schema, CallsADamagedCanonicalFormCorrupt) {
  const Map whole = to_value(initial_schema());
  const auto damaged = [&whole](auto&& damage) {
    Map copy = whole;
    damage(copy);
    const auto schema = schema_of(copy, 1);
    return schema ? "accepted" : std::string(name_of(schema.error().code));
  };
  const auto media = [](Map& map) -> Map& {
    return *map.find("entities")->if_map()->find("media")->if_map();
  };
  EXPECT_EQ(damaged([](Map&) {}), "accepted");
  for (const char* member : {"entities", "indices", "next"}) {
    EXPECT_EQ(damaged([&](Map& map) { map.erase(member); }), "corrupt_log") << member;
    EXPECT_EQ(damaged([&](Map& map) { map.set(member, 1); }), "corrupt_log") << member;
  }
  for (const char* member : {"id", "type", "next_field", "fields", "config"}) {
    EXPECT_EQ(damaged([&](Map& map) { media(map).erase(member); }), "corrupt_log") << member;
  }
  const auto name_field = [&](Map& map) -> Map& {
    return *media(map).find("fields")->if_map()->find("name")->if_map();
  };
  EXPECT_EQ(damaged([&](Map& map) { name_field(map).set("type", "texture"); }), "corrupt_log");
  EXPECT_EQ(damaged([&](Map& map) { name_field(map).set("id", -1); }), "corrupt_log");
  EXPECT_EQ(damaged([&](Map& map) {
              name_field(map).set("config", Map{{"sise", 1}});
            }),
            "corrupt_log");
  EXPECT_EQ(damaged([&](Map& map) {
              name_field(map).set("config", Map{{"maxLength", "a"}});
            }),
            "corrupt_log");
  EXPECT_EQ(damaged([&](Map& map) {
              map.find("indices")->if_map()->set(
                  "i",
                  Map{{"id", 1}, {"entity", "media"}, {"fields", List{"no"}}, {"unique", true}});
            }),
            "corrupt_log");
}

TEST(InitialSchema, HasMediaWithItsFixedIds) {
  const Schema schema = initial_schema();
  const Entity* media = schema.entity("media");
  ASSERT_NE(media, nullptr);
  EXPECT_EQ(media->id, kMediaEntity);
  EXPECT_TRUE(media->system);
  EXPECT_EQ(media->next_field, kFirstUserFieldOfMedia);
  EXPECT_EQ(media->field(kMediaName)->name, "name");
  EXPECT_EQ(media->field(kMediaBlob)->kind, FieldKind::address);
  EXPECT_EQ(media->field(kMediaSha256)->kind, FieldKind::digest);
  for (const Field& field : media->fields) {
    EXPECT_EQ(field.is_fillable(kInCreate), field.id == kMediaName || field.id == kMediaMetadata)
        << field.name;
    EXPECT_FALSE(field.required);
  }
  EXPECT_EQ(schema.version, 0U);
}

TEST(FindEntity, SuggestsTheNearestName) {
  const auto found = find_entity(initial_schema(), "medai");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::unknown_entity);
  EXPECT_EQ(found.error().message, "no entity \"medai\"");
  EXPECT_EQ(found.error().hint, "did you mean \"media\"?");
}

TEST(FindField, SuggestsTheNearestName) {
  const Schema schema = initial_schema();
  const Entity& media = *schema.entity(kMediaEntity);
  EXPECT_EQ(find_field(media, "size").value()->id, kMediaSize);
  const auto found = find_field(media, "mime_typ");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::unknown_field);
  EXPECT_EQ(found.error().message, "no field \"mime_typ\" on media");
  EXPECT_EQ(found.error().hint, "did you mean \"mime_type\"?");
}

TEST(IndexesOf, GivesThoseOfTheEntityInTheOrderOfTheirIds) {
  Schema schema = initial_schema();
  schema.indexes = {{IndexId{3}, "c", EntityId{2}, {}, false},
                    {IndexId{2}, "b", kMediaEntity, {}, false},
                    {IndexId{1}, "a", EntityId{2}, {}, false}};
  const auto indexes = schema.indexes_of(EntityId{2});
  ASSERT_EQ(indexes.size(), 2U);
  EXPECT_EQ(indexes[0]->name, "a");
  EXPECT_EQ(indexes[1]->name, "c");
}

TEST(FieldKind, HasOneNameEach) {
  for (int i = 0; i <= static_cast<int>(FieldKind::digest); ++i) {
    const auto kind = static_cast<FieldKind>(i);
    EXPECT_EQ(field_kind_named(name_of(kind)), kind) << i;
  }
  EXPECT_EQ(field_kind_named("texture"), std::nullopt);
}

}  // namespace
}  // namespace emstore::store
