// Relations between entities through the socket: one client, and many that want the same thing.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/blog.h"
#include "wire.h"

namespace emstore::testing {
namespace {

Wire connect_to_blog(RunningDaemon& running) {
  Wire wire = running.connect();
  wire.result("schema.apply", {blog_schema()});
  return wire;
}

// The ids of the records under `name` of record 1.
std::vector<std::int64_t> linked_to(Wire& wire, const char* entity, const char* name) {
  const Map found =
      wire.result("findId", {entity, 1, Map{{"with", Map{{name, Map{{"select", List{"id"}}}}}}}});
  std::vector<std::int64_t> ids;
  for (const Value& one : list_at(map_at(found, "data"), name)) {
    ids.push_back(integer_at(*one.if_map(), "id"));
  }
  return ids;
}

TEST(RelationsOverTheSocket, AreSetReadAndShownFromBothSides) {
  RunningDaemon running;
  Wire wire = connect_to_blog(running);
  const Map author{{"$create", Map{{"name", "Ada"}}}};
  const Map made = wire.result("insertOne", {"posts", Map{{"title", "First"}, {"author", author}}});
  EXPECT_EQ(integer_at(map_at(made, "data"), "author_id"), 1);
  EXPECT_EQ(list_at(map_at(map_at(made, "changes"), "author"), "added"), List{1});
  EXPECT_EQ(linked_to(wire, "users", "posts"), std::vector<std::int64_t>{1});
  EXPECT_EQ(wire.refusal("updateOne", {"posts", 1, Map{{"author_id", 9}}}),
            ErrorCode::record_not_found);

  const Map schema = map_at(wire.result("schema.get"), "schema");
  EXPECT_EQ(text_at(map_at(map_at(schema, "relations"), "n1_posts_users_author"), "type"), "n:1");
  EXPECT_FALSE(truth_at(wire.result("schema.apply", {schema}), "changed"));
  running.restart();
  Wire later = running.connect();
  EXPECT_EQ(linked_to(later, "users", "posts"), std::vector<std::int64_t>{1});
  expect_verified(later);
}

TEST(RelationsOverTheSocket, ADryRunShowsWhatADeletionTakesAlong) {
  RunningDaemon running;
  Wire wire = connect_to_blog(running);
  const Map comments{{"$create", List{Map{{"body", "a"}}, Map{{"body", "b"}}}}};
  wire.result("insertOne", {"posts", Map{{"title", "First"}, {"comments", comments}}});
  const Map shown = wire.result("deleteOne", {"posts", 1, Map{{"dry_run", true}}});
  const List& plan = list_at(shown, "plan");
  ASSERT_EQ(plan.size(), 3U);
  for (const Value& effect : plan) EXPECT_EQ(text_at(*effect.if_map(), "action"), "deleted");
  EXPECT_EQ(text_at(*plan.back().if_map(), "entity"), "posts");
  EXPECT_EQ(integer_at(wire.result("count", {"comments"}), "count"), 2);
  EXPECT_FALSE(wire.result("deleteOne", {"posts", 1}).contains("plan"));
  EXPECT_EQ(integer_at(wire.result("count", {"comments"}), "count"), 0);
}

TEST(RelationsOverTheSocket, ADryRunShowsWhatAllThatMatchWouldTakeAlong) {
  RunningDaemon running;
  Wire wire = connect_to_blog(running);
  for (const char* title : {"One", "Two", "Three"}) {
    const Map comments{{"$create", List{Map{{"body", title}}}}};
    wire.result("insertOne", {"posts", Map{{"title", title}, {"comments", comments}}});
  }
  const std::int64_t before = integer_at(wire.result("status"), "sequence");
  const Map where{{"id", Map{{"$gt", 1}}}};
  const Map dry{{"dry_run", true}};
  const Map shown = wire.result("deleteWhere", {"posts", where, dry});
  EXPECT_EQ(list_at(shown, "data").size(), 2U);
  EXPECT_EQ(list_at(shown, "plan").size(), 4U);  // Each of them has a comment.
  const Map titled = wire.result("updateWhere", {"posts", where, Map{{"title", "New"}}, dry});
  ASSERT_EQ(list_at(titled, "plan").size(), 2U);
  const Map& effect = *list_at(titled, "plan").front().if_map();
  EXPECT_EQ(text_at(effect, "action"), "updated");
  EXPECT_EQ(list_at(effect, "fields"), List{"title"});
  EXPECT_EQ(integer_at(wire.result("status"), "sequence"), before);
  EXPECT_EQ(integer_at(wire.result("count", {"posts"}), "count"), 3);
  EXPECT_FALSE(wire.result("deleteWhere", {"posts", where}).contains("plan"));
  EXPECT_EQ(integer_at(wire.result("count", {"comments"}), "count"), 1);
}

TEST(ManyClients, NeverShareWhatIsOneToOne) {
  constexpr std::size_t kBloggers = 16;
  RunningDaemon running;
  Wire wire = connect_to_blog(running);
  wire.result("insertOne", {"settings", Map{{"theme", "dark"}}});
  std::vector<Wire> clients;
  for (std::size_t i = 0; i < kBloggers; ++i) clients.push_back(running.connect());
  running.app().writer().pause();
  for (std::size_t i = 0; i < kBloggers; ++i) {
    const Map settings = i % 2 == 0 ? Map{{"settings_id", 1}, {"name", "x"}}
                                    : Map{{"settings", Map{{"$set", 1}}}, {"name", "x"}};
    clients[i].send("insertOne", {"users", settings});
  }
  running.app().writer().wait_until_waiting(kBloggers);
  running.app().writer().resume();
  std::size_t granted = 0;
  for (Wire& client : clients) {
    const protocol::Reply reply = client.reply_to(1);
    if (reply.error) {
      EXPECT_EQ(reply.error->code, ErrorCode::not_unique);
    } else {
      ++granted;
    }
  }
  EXPECT_EQ(granted, 1U);
  expect_verified(wire);
}

// One post is moved between two tags, from the side of the post and from that of the tags: whoever
// looks finds it under exactly one of them, and every client's move counts.
TEST(ManyClients, MoveOneThingAndItIsAlwaysInOnePlace) {
  constexpr int kMovers = 16, kMoves = 12;
  RunningDaemon running;
  Wire wire = connect_to_blog(running);
  for (const char* label : {"left", "right"})
    wire.result("insertOne", {"tags", Map{{"label", label}}});
  const Map first{{"$set", List{1}}};
  wire.result("insertOne", {"posts", Map{{"title", "Moved"}, {"tags", first}}});
  std::atomic<int> moved = 0, running_clients = kMovers;
  std::vector<std::thread> threads;
  for (int client = 0; client < kMovers; ++client) {
    threads.emplace_back([&] {
      Wire own = running.connect();
      for (int move = 0; move < kMoves;) {
        const Map found = own.result("findId", {"posts", 1, Map{{"with", Map{{"tags", true}}}}});
        const std::int64_t version = integer_at(map_at(found, "meta"), "version");
        const List& tags = list_at(map_at(found, "data"), "tags");
        ASSERT_EQ(tags.size(), 1U);
        const std::int64_t other = integer_at(*tags.front().if_map(), "id") == 1 ? 2 : 1;
        const Map set{{"tags", Map{{"$set", List{other}}}}};
        const protocol::Reply reply =
            own.call("updateOne", {"posts", 1, set, Map{{"expected", version}}});
        if (reply.error) {
          ASSERT_EQ(reply.error->code, ErrorCode::version_mismatch);
          continue;
        }
        ++moved;
        ++move;
      }
      --running_clients;
    });
  }
  while (running_clients > 0) EXPECT_EQ(linked_to(wire, "posts", "tags").size(), 1U);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(moved, kMovers * kMoves);
  const Map post = wire.result("findId", {"posts", 1, Map{{"select", List{"$version"}}}});
  EXPECT_EQ(integer_at(map_at(post, "data"), "$version"), 4 + kMovers * kMoves);
  EXPECT_EQ(linked_to(wire, "posts", "tags"), std::vector<std::int64_t>{1});
  expect_verified(wire);
}

}  // namespace
}  // namespace emstore::testing
