// Random schemas, as users write them: applied, they are what was asked; applied again, in either
// form, they change nothing; and between any two of them there is a way.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "store/schema_change.h"

namespace emstore::store {
namespace {

class Author {
 public:
  explicit Author(std::uint32_t seed) : random_(seed) {}

  Map schema() {
    Map entities, relations, indices;
    for (unsigned i = 0, count = 1 + below(4); i < count; ++i) {
      const std::string name = "entity_" + std::to_string(below(6));
      if (entities.contains(name)) continue;
      entities.append(name, entity(name, relations, indices));
    }
    if (below(2) == 0) {
      entities.append(
          "media", Map{{"type", "system"}, {"fields", Map{{"alt", field("text", text_config())}}}});
    }
    return {{"entities", std::move(entities)},
            {"relations", std::move(relations)},
            {"indices", std::move(indices)}};
  }

 private:
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_()) % bound; }
  bool often() { return below(2) == 0; }

  static Map field(const std::string& type, Map config) {
    return {{"type", type}, {"config", std::move(config)}};
  }

  Map entity(const std::string& name, Map& relations, Map& indices) {
    Map fields;
    std::vector<std::string> ordered;
    for (unsigned i = 0, count = below(8); i < count; ++i) {
      // The type goes with the name: a field keeps it from one schema to the next.
      const unsigned number = below(20);
      const std::string field_name = "field_" + std::to_string(number);
      if (fields.contains(field_name)) continue;
      fields.append(field_name, any_field(number % 10));
      if (number % 10 >= 8) relate(name, field_name, number % 10 == 8, relations);
      if (number % 10 < 6) ordered.push_back(field_name);
    }
    if (!ordered.empty() && often()) add_index(name, ordered, indices);
    Map config;
    if (often()) config.append("label", "A label");
    if (!ordered.empty() && often()) config.append("sort_field", ordered.front());
    if (often()) config.append("sort_dir", "desc");
    if (name == "entity_5") config.append("primary_format", "uuid");
    return {{"fields", std::move(fields)}, {"config", std::move(config)}};
  }

  void add_index(const std::string& name, const std::vector<std::string>& ordered, Map& indices) {
    List over;
    for (const std::string& field_name : ordered) {
      if (over.empty() || often()) over.emplace_back(field_name);
    }
    indices.append("idx_" + name + std::to_string(below(3)),
                   Map{{"entity", name}, {"fields", std::move(over)}, {"unique", often()}});
  }

  static void relate(const std::string& name, const std::string& field_name, bool one,
                     Map& relations) {
    Map config{{"mappedBy", field_name}};
    if (one) config.append("targetCardinality", 1);
    relations.append("poly_" + name + "_media_" + field_name, Map{{"type", "poly"},
                                                                  {"source", name},
                                                                  {"target", "media"},
                                                                  {"config", std::move(config)}});
  }

  Map text_config() {
    Map config;
    if (often()) config.append("minLength", below(3));
    if (often()) config.append("maxLength", 3 + below(30));
    if (often()) config.append("pattern", "^[a-z]*$");
    if (often()) config.append("default_value", "abc");
    return config;
  }

  Map number_config() {
    Map config;
    if (often()) config.append("minimum", -1.5);
    if (often()) config.append("exclusiveMaximum", 7);
    if (often()) config.append("multipleOf", 0.25);
    if (often()) config.append("default_value", 2.5);
    return config;
  }

  Map json_schema_config() {
    Map schema{{"type", "object"}, {"properties", Map{{"a", Map{{"type", "integer"}}}}}};
    if (often()) schema.append("default", Map{{"a", 1}});
    Map config{{"schema", std::move(schema)}};
    if (often()) config.append("default_from_schema", true);
    if (often()) config.append("ui_schema", Map{{"a", 1}});
    return config;
  }

  Map calendar_config(const char* least, const char* most) {
    Map config;
    if (often()) config.append("min_date", least);
    if (often()) config.append("max_date", most);
    return config;
  }

  Map link_config(unsigned items_max) {
    Map config;
    if (often()) config.append("max_items", items_max);
    if (often()) config.append("mime_types", List{"image/*"});
    if (often()) config.append("on_delete", "collect");
    return config;
  }

  Map typed(unsigned type) {
    switch (type) {
      case 0:
        return field("text", text_config());
      case 1:
        return field("number", number_config());
      case 2:
        return field("boolean", often() ? Map{{"default_value", true}} : Map{});
      case 3:
        return field("date", calendar_config("2020-01-01", "2030-01-01"));
      case 4:
        return field("date", [&] {
          Map config = calendar_config("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
          config.append("type", "datetime");
          return config;
        }());
      case 5:
        return field("enum", {{"options", Map{{"type", "strings"}, {"values", List{"a", "b"}}}}});
      case 6:
        return field("json", often() ? Map{{"default_value", List{1, nullptr}}} : Map{});
      case 7:
        return field("jsonschema", json_schema_config());
      case 8:
        return field("medium", link_config(1));
      default:
        return field("media", link_config(9));
    }
  }

  Map any_field(unsigned type) {
    Map made = typed(type);
    Map& config = *made.find("config")->if_map();
    if (often()) config.append("label", "L");
    if (below(4) == 0) config.append("hidden", often() ? Value(true) : Value(List{"read", "form"}));
    if (below(4) == 0) config.append("fillable", List{"create", "update"});
    if (below(4) == 0) config.append("required", true);
    return made;
  }

  std::mt19937 random_;
};

std::string schema_text(const Map& wanted) { return to_string(Value(wanted)); }

// The next schema; `wanted` and what it was made into, applied to it, change nothing.
Schema settled(const Schema& current, const Map& wanted) {
  const auto change = change_schema(current, wanted);
  EXPECT_TRUE(change) << to_string(change.error()) << "\n" << schema_text(wanted);
  if (!change) return current;
  for (const Map& again : {wanted, to_value(change->next)}) {
    const auto same = change_schema(change->next, again);
    EXPECT_TRUE(same) << to_string(same.error()) << "\n" << schema_text(again);
    if (!same) continue;
    EXPECT_FALSE(same->changed) << same->difference.front() << "\n" << schema_text(again);
    EXPECT_EQ(same->next, change->next);
  }
  const auto back = schema_of(to_value(change->next), change->next.version);
  EXPECT_TRUE(back);
  if (back) {
    EXPECT_EQ(*back, change->next);
  }
  return change->next;
}

TEST(RandomSchemas, SettleInOneStepFromAnyOther) {
  std::set<std::string> names_seen;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Author author(seed);
    const Schema first = settled(initial_schema(), author.schema());
    const Map other = author.schema();
    const Schema second = settled(first, other);
    const Schema fresh = settled(initial_schema(), other);
    // The same, but for ids and the order in which things came.
    ASSERT_EQ(second.entities.size(), fresh.entities.size());
    ASSERT_EQ(second.indexes.size(), fresh.indexes.size());
    for (const Entity& entity : fresh.entities) {
      const Entity* same = second.entity(entity.name);
      ASSERT_NE(same, nullptr) << entity.name;
      ASSERT_EQ(same->fields.size(), entity.fields.size());
      for (Field field : entity.fields) {
        const Field* found = same->field(field.name);
        ASSERT_NE(found, nullptr) << field.name;
        field.id = found->id;
        EXPECT_EQ(*found, field) << field.name;
        names_seen.insert(field.name);
      }
    }
    // And back again, which takes new ids for what was dropped, and loses nothing else.
    settled(second, to_value(first));
  }
  EXPECT_EQ(names_seen.size(), 20 + 7 + 1);  // Every kind was there.
}

}  // namespace
}  // namespace emstore::store
