#include "tests/unit/store/schemas.h"

#include <gtest/gtest.h>

#include <utility>

namespace emstore::store {

Map field(const char* type, Map config) { return {{"type", type}, {"config", std::move(config)}}; }

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

Map schema_of_entities(Map entities, Map relations, Map indices) {
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

Map things(Map fields, Map indices) {
  return schema_of_entities({{"things", Map{{"fields", std::move(fields)}}}}, {}, indices);
}

Schema applied(const Map& wanted, const Schema& current) {
  const auto change = change_schema(current, wanted);
  EXPECT_TRUE(change) << to_string(change.error());
  return change ? change->next : current;
}

SchemaChange changed(const Map& before, const Map& after) {
  const auto change = change_schema(applied(before), after);
  EXPECT_TRUE(change) << to_string(change.error());
  return change.value_or(SchemaChange{});
}

std::vector<std::string> violations(const Map& wanted, const Schema& current) {
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

}  // namespace emstore::store
