// What the operators do at the target's ends of relations, judged by sets: of links between posts
// and tags, and of posts and the one author that each of them has.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "tests/support/blog.h"
#include "tests/support/chance.h"

namespace emstore::testing {
namespace {

using PostIds = std::set<std::uint64_t>;
// Not more posts than an author shows of them (with_limit).
constexpr std::uint64_t kPostsOfEnds = 5, kTargetsOfEnds = 3;

// Which posts lead to each target.
struct Ends {
  bool is_exclusive = false;  // A post leads to one target at most.
  std::map<std::uint64_t, PostIds> posts = {};

  void lead(std::uint64_t target, std::uint64_t post) {
    if (is_exclusive) {
      for (auto& [other, present] : posts) present.erase(post);
    }
    posts[target].insert(post);
  }
};

// One request, and what it should answer beside `moved`.
struct AskedOfEnd {
  std::optional<List> set, detach, attach;

  Map operators() const {
    Map map;  // In another order than that in which they are carried out.
    if (attach) map.set("$attach", *attach);
    if (detach) map.set("$detach", *detach);
    if (set) map.set("$set", *set);
    return map;
  }
};
struct ToldOfEnd {
  PostIds added, removed, missing;
  bool operator==(const ToldOfEnd&) const = default;
};

PostIds posts_in(const std::optional<List>& list) {
  PostIds ids;
  if (!list) return ids;
  for (const Value& id : *list) ids.insert(static_cast<std::uint64_t>(*id.if_integer()));
  return ids;
}
PostIds posts_in(const std::vector<RecordId>& records) {
  PostIds ids;
  for (const RecordId& record : records) ids.insert(record.integer());
  return ids;
}
PostIds posts_without(const PostIds& ids, const PostIds& others) {
  PostIds rest;
  std::set_difference(ids.begin(), ids.end(), others.begin(), others.end(),
                      std::inserter(rest, rest.end()));
  return rest;
}

// `$set`, then `$detach`, then `$attach`.
ToldOfEnd answer_of_end(const AskedOfEnd& asked, std::uint64_t target, Ends& ends) {
  ToldOfEnd told;
  const PostIds before = ends.posts[target];
  if (asked.set) {
    ends.posts[target].clear();
    for (const std::uint64_t post : posts_in(asked.set)) ends.lead(target, post);
  }
  for (const std::uint64_t post : posts_in(asked.detach)) {
    if (ends.posts[target].erase(post) == 0 && !before.contains(post)) told.missing.insert(post);
  }
  for (const std::uint64_t post : posts_in(asked.attach)) ends.lead(target, post);
  told.added = posts_without(ends.posts[target], before);
  told.removed = posts_without(before, ends.posts[target]);
  return told;
}

class TargetEnds {
 public:
  explicit TargetEnds(std::uint64_t seed) : dice_(seed) {
    store_.apply(blog_schema());
    for (std::uint64_t i = 0; i < kTargetsOfEnds; ++i) {
      store_.must(TestStore::insert("users", {{"name", "u"}}));
      store_.must(TestStore::insert("tags", {{"label", "t"}}));
    }
    for (std::uint64_t i = 0; i < kPostsOfEnds; ++i) {
      store_.must(TestStore::insert("posts", {{"title", "p"}}));
    }
  }

  void run(std::size_t steps) {
    Ends authors{.is_exclusive = true}, tags;
    for (std::size_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      dice_.in(2) ? step("users", authors) : step("tags", tags);
    }
    store_.verify();
  }

 private:
  std::optional<List> some() {
    if (dice_.in(3)) return std::nullopt;
    List ids;
    for (std::uint64_t post = 1; post <= kPostsOfEnds; ++post) {
      if (dice_.in(3)) ids.push_back(post);
    }
    return ids;
  }

  void step(const char* entity, Ends& ends) {
    const AskedOfEnd asked{some(), some(), some()};
    if (asked.operators().empty()) return;
    const std::uint64_t target = 1 + dice_.below(kTargetsOfEnds);
    SCOPED_TRACE(std::string(entity) + "/" + std::to_string(target) + " " +
                 to_string(Value(asked.operators())));
    const store::CommitOutcome outcome =
        store_.must(TestStore::update(entity, target, {{"posts", asked.operators()}}));
    const store::FieldOutcome& field = outcome.mutations.at(0).records.at(0).changes.at(0);
    const ToldOfEnd told{posts_in(field.added), posts_in(field.removed), posts_in(field.missing)};
    EXPECT_TRUE(told == answer_of_end(asked, target, ends));
    for (std::uint64_t other = 1; other <= kTargetsOfEnds; ++other) {
      const std::vector<std::uint64_t> posts = store_.links(entity, other, "posts");
      EXPECT_EQ(PostIds(posts.begin(), posts.end()), ends.posts[other]);
    }
  }

  Dice dice_;
  TestStore store_;
};

TEST(TargetEnds, DoWhatTheSetsSay) {
  const std::uint64_t seed = number_from_environment("EMSTORE_SEED", std::random_device{}());
  const std::uint64_t steps = number_from_environment("EMSTORE_STEPS", 300);
  std::cout << "EMSTORE_SEED=" << seed << " EMSTORE_STEPS=" << steps << std::endl;
  TargetEnds(seed).run(steps);
}

}  // namespace
}  // namespace emstore::testing
