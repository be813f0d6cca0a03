// A blog whose entities refer to each other in every way: many-to-one, one-to-one, many-to-many, to
// themselves; with every rule of deletion. As bknd's schema.toJSON() writes it, but for what bknd
// has no words for (on_delete of a relation's config).
#pragma once

#include <string>
#include <utility>

#include "tests/support/test_store.h"

namespace emstore::testing {

inline Map reference(const std::string& name, const std::string& target, Map more = {}) {
  Map config{{"required", false},
             {"reference", name},
             {"target", target},
             {"target_field", "id"},
             {"target_field_type", "integer"},
             {"on_delete", "set null"}};
  for (Map::Member& member : more) config.set(member.name, std::move(member.value));
  return field("relation", std::move(config));
}

inline Map relation(std::string type, std::string source, std::string target, Map config = {}) {
  return Map{{"type", std::move(type)},
             {"source", std::move(source)},
             {"target", std::move(target)},
             {"config", std::move(config)}};
}

inline Map regular(Map fields) { return Map{{"type", "regular"}, {"fields", std::move(fields)}}; }

inline Map blog_entities() {
  return Map{
      {"users", regular({{"name", field("text", {{"required", true}})},
                         {"settings_id", reference("settings", "settings")}})},
      {"settings", regular({{"theme", field("text")}})},
      {"posts", regular({{"title", field("text", {{"required", true}})},
                         {"author_id", reference("author", "users")},
                         {"category_id", reference("category", "categories")},
                         {"cover", field("medium")}})},
      {"comments", regular({{"body", field("text")},
                            {"post_id", reference("post", "posts",
                                                  {{"required", true}, {"on_delete", "cascade"}})},
                            {"author_id", reference("author", "users")}})},
      {"categories",
       regular({{"slug", field("text")},
                {"parent_id", reference("parent", "categories", {{"on_delete", "cascade"}})}})},
      {"tags", regular({{"label", field("text", {{"required", true}})}})},
      {"invoices", regular({{"total", field("number")},
                            {"user_id", reference("user", "users", {{"on_delete", "restrict"}})}})},
      {"posts_tags",
       Map{{"type", "generated"},
           {"fields", Map{{"posts_id", reference("posts", "posts")},
                          {"tags_id", reference("tags", "tags")},
                          {"weight", field("number", {{"minimum", 0}, {"default_value", 1}})},
                          {"note", field("text", {{"maxLength", 20}})}}}}}};
}

inline Map blog_relations() {
  return Map{
      {"11_users_settings",
       relation("1:1", "users", "settings", {{"sourceCardinality", 1}, {"with_limit", 1}})},
      {"n1_posts_users_author",
       relation("n:1", "posts", "users", {{"mappedBy", "author"}, {"with_limit", 5}})},
      {"n1_posts_categories_category",
       relation("n:1", "posts", "categories", {{"mappedBy", "category"}})},
      {"n1_comments_posts_post", relation("n:1", "comments", "posts", {{"mappedBy", "post"}})},
      {"n1_comments_users_author", relation("n:1", "comments", "users", {{"mappedBy", "author"}})},
      {"n1_categories_categories_parent",
       relation("n:1", "categories", "categories",
                {{"mappedBy", "parent"}, {"inversedBy", "children"}})},
      {"n1_invoices_users_user", relation("n:1", "invoices", "users", {{"mappedBy", "user"}})},
      {"mn_posts_tags", relation("m:n", "posts", "tags")},
      {"mn_users_users",
       relation("m:n", "users", "users", {{"mappedBy", "friends"}, {"inversedBy", "friend_of"}})},
      {"poly_posts_media_cover", poly("posts", "cover", true)}};
}

inline Map blog_schema() {
  return Map{{"entities", blog_entities()}, {"relations", blog_relations()}, {"indices", Map{}}};
}

}  // namespace emstore::testing
