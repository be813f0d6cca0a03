// Queries that reach through relations.
#include "tests/unit/store/relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace emstore::testing {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace emstore::testing
