// Reads of the past through relations, judged by views that were kept on the way: a blog in which
// random records are made, changed and deleted, from both ends of every kind of relation.
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <random>

#include "tests/property/author.h"
#include "tests/property/contents.h"
#include "tests/property/past.h"
#include "tests/support/blog.h"

namespace emstore::testing {
namespace {

// What is asked of each entity, the relations from both ends.
std::vector<std::pair<std::string, Map>> questions() {
  const Map all{{"with", true}};
  return {
      {"users",
       {{"with", Map{{"posts", all}, {"friends", true}, {"friend_of", true}}}, {"count", true}}},
      {"users", {{"where", Map{{"posts.title", Map{{"$gt", "m"}}}}}, {"select", List{"id"}}}},
      {"users", {{"with", Map{{"comments", true}, {"invoices", true}, {"settings", true}}}}},
      {"settings", {{"with", Map{{"users", true}}}}},
      {"posts",
       {{"with", Map{{"author", true}, {"category", all}, {"comments", true}}},
        {"orderBy", "-title"}}},
      {"posts",
       {{"with", Map{{"tags", Map{{"select", List{"label", "$link"}}}}}},
        {"where", Map{{"author_id", Map{{"$in", List{1, 2, 3, 4}}}}}}}},
      {"categories", {{"with", Map{{"children", all}, {"parent", true}}}, {"count", true}}},
      {"tags", {{"with", Map{{"posts", Map{{"select", List{"title", "$link"}}}}}}}}};
}

class Blogging {
 public:
  Blogging(std::uint64_t seed, std::size_t steps, std::size_t views) : dice_(seed) {
    store_.apply(blog_schema());
    for (std::size_t step = 0; step < steps; ++step) {
      static_cast<void>(store_.ask(mutation()));
      if (dice_.below(steps) < views) views_.emplace(store_.view()->sequence, store_.view());
    }
  }

  std::string difference(const store::Reader& live) {
    for (const auto& [sequence, then] : views_) {
      for (const auto& [entity, query] : questions()) {
        const std::string expected = answer(*then->reader, *then->schema, entity, query);
        const std::string found = answer_as_of(*store_.view(), live, sequence, entity, query);
        if (found != expected) {
          return "as of " + std::to_string(sequence) + ": " + entity + " " +
                 to_string(Value(query)) + "\n  " + found + "\n  instead of\n  " + expected;
        }
      }
    }
    return "";
  }
  std::string difference() { return difference(*store_.view()->reader); }
  std::string difference_without(store::Family family) {
    const std::shared_ptr<const store::View> now = store_.view();
    return difference(Hiding(*now->reader, family));
  }

  std::size_t views() const { return views_.size(); }
  Sequence sequence() const { return store_.view()->sequence; }

 private:
  Value some(const char* entity) {
    if (dice_.in(6)) return {};
    const std::uint64_t known = ++counts_[entity] / 4 + 6;
    return 1 + dice_.below(known);
  }
  Map operators(const char* entity) {
    const Value id = some(entity);
    if (id.is_null()) return Map{{"$set", List{}}};
    if (dice_.in(3)) return Map{{"$detach", List{id}}};
    if (dice_.in(3)) return Map{{"$set", List{id}}};
    return Map{{"$attach", List{id}}};
  }
  std::string text() { return std::string(1, static_cast<char>('a' + dice_.below(26))); }

  Map document(const std::string& entity) {
    if (entity == "users") {
      Map user{{"name", text()}};
      if (dice_.in(2)) user.set("settings_id", some("settings"));
      if (dice_.in(2)) user.set("friends", operators("users"));
      if (dice_.in(4)) user.set("posts", operators("posts"));
      return user;
    }
    if (entity == "posts") {
      Map post{{"title", text()}, {"author_id", some("users")}};
      if (dice_.in(2)) post.set("category_id", some("categories"));
      if (dice_.in(2)) post.set("tags", operators("tags"));
      return post;
    }
    if (entity == "categories") return {{"slug", text()}, {"parent_id", some("categories")}};
    if (entity == "comments")
      return {{"body", text()}, {"post_id", some("posts")}, {"author_id", some("users")}};
    if (entity == "invoices") return {{"total", 1}, {"user_id", some("users")}};
    if (entity == "tags") return {{"label", text()}};
    return {{"theme", text()}};
  }

  store::Mutation mutation() {
    static constexpr const char* kOfBlog[] = {"users",    "users",      "posts",
                                              "posts",    "categories", "tags",
                                              "comments", "invoices",   "settings"};
    const std::string entity = dice_.one_of(kOfBlog);
    const std::uint64_t choice = dice_.below(10);
    if (choice < 4) return TestStore::insert(entity, document(entity));
    const std::uint64_t id = 1 + dice_.below(++counts_[entity] / 4 + 6);
    if (choice < 9) return TestStore::update(entity, id, document(entity));
    return TestStore::remove(entity, id);
  }

  Dice dice_;
  TestStore store_;
  std::map<std::string, std::uint64_t> counts_;  // How often an entity was thought of.
  std::map<Sequence, std::shared_ptr<const store::View>> views_;
};

TEST(HistoryOfRelations, IsWhatTheViewsSay) {
  const std::uint64_t seed = number_from_environment("EMSTORE_SEED", std::random_device{}());
  const std::uint64_t steps = number_from_environment("EMSTORE_STEPS", 1500);
  std::cout << "EMSTORE_SEED=" << seed << " EMSTORE_STEPS=" << steps << std::endl;
  Blogging blog(seed, steps, 100);
  EXPECT_EQ(blog.difference(), "");
  EXPECT_GT(blog.views(), 50u);
  EXPECT_GT(blog.sequence(), steps / 4) << "nearly all was refused: little is said";
}

TEST(HistoryOfRelations, NeedsWhatIsGone) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    Blogging blog(seed, 600, 40);
    EXPECT_EQ(blog.difference(), "");
    EXPECT_NE(blog.difference_without(store::Family::unlinked), "");
    EXPECT_NE(blog.difference_without(store::Family::deleted), "");
  }
}

}  // namespace
}  // namespace emstore::testing
