// Many clients want the same thing in one group: the writer is paused until all have asked.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "wire.h"

namespace emstore::testing {
namespace {

constexpr std::size_t kCrowd = 64;

struct Answers {
  std::vector<Map> granted;
  std::map<ErrorCode, std::size_t> refused;
};

// Each of 64 connections asks once, all within one group.
Answers ask_at_once(RunningDaemon& running, const std::function<void(Wire&, std::size_t)>& ask) {
  std::vector<Wire> clients;
  for (std::size_t index = 0; index < kCrowd; ++index) clients.push_back(running.connect());
  running.app().writer().pause();
  for (std::size_t index = 0; index < kCrowd; ++index) ask(clients[index], index);
  running.app().writer().wait_until_waiting(kCrowd);
  const std::uint64_t groups_before = running.app().writer().figures().groups;
  running.app().writer().resume();
  Answers answers;
  for (Wire& client : clients) {
    const protocol::Reply reply = client.reply_to(1);
    if (reply.error) {
      ++answers.refused[reply.error->code];
    } else {
      answers.granted.push_back(*reply.result.if_map());
    }
  }
  EXPECT_EQ(running.app().writer().figures().groups, groups_before + 1);
  return answers;
}

TEST(OneGroup, OnlyOneTakesAUniqueValue) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Answers answers = ask_at_once(running, [](Wire& client, std::size_t index) {
    client.send("insertOne", {"products", Map{{"name", std::to_string(index)}, {"sku", "same"}}});
  });
  EXPECT_EQ(answers.granted.size(), 1u);
  EXPECT_EQ(answers.refused.at(ErrorCode::not_unique), kCrowd - 1);
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), 1);
  expect_verified(wire);
}

TEST(OneGroup, TheSameRequestKeyIsCarriedOutOnce) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Answers answers = ask_at_once(running, [](Wire& client, std::size_t) {
    client.send("insertOne", {"products", Map{{"name", "chair"}}, Map{{"key", "once"}}});
  });
  ASSERT_EQ(answers.granted.size(), kCrowd);
  std::size_t replayed = 0;
  for (const Map& answer : answers.granted) {
    EXPECT_EQ(integer_at(answer, "id"), 1);
    EXPECT_EQ(integer_at(answer, "sequence"), 2);
    replayed += truth_at(answer, "replayed") ? 1 : 0;
  }
  EXPECT_EQ(replayed, kCrowd - 1);
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), 1);
  // Also over another connection, and with another body it is another request.
  running.restart();
  Wire later = running.connect();
  EXPECT_TRUE(truth_at(
      later.result("insertOne", {"products", Map{{"name", "chair"}}, Map{{"key", "once"}}}),
      "replayed"));
  EXPECT_EQ(later.refusal("insertOne", {"products", Map{{"name", "table"}}, Map{{"key", "once"}}}),
            ErrorCode::id_reused);
}

TEST(OneGroup, OnlyOneTakesTheLastFreePlace) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  List media;
  for (std::size_t index = 0; index < 9 + kCrowd; ++index) {
    wire.result("media.upload", {Binary{"same bytes"}, Map{}});
    if (index < 9) media.push_back(index + 1);
  }
  wire.result("insertOne", {"products", Map{{"name", "chair"}, {"gallery", Map{{"$set", media}}}}});
  const Answers answers = ask_at_once(running, [](Wire& client, std::size_t index) {
    client.send("updateOne",
                {"products", 1,
                 Map{{"gallery", Map{{"$attach", List{static_cast<std::int64_t>(index + 10)}}}}}});
  });
  EXPECT_EQ(answers.granted.size(), 1u);
  EXPECT_EQ(answers.refused.at(ErrorCode::too_many_items), kCrowd - 1);
  const Map found = wire.result("findId", {"products", 1, Map{{"with", List{"gallery"}}}});
  EXPECT_EQ(list_at(map_at(found, "data"), "gallery").size(), 10u);
  expect_verified(wire);
}

TEST(OneGroup, TheSameSmallBytesAreStoredOnce) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Answers answers = ask_at_once(running, [](Wire& client, std::size_t index) {
    client.send("media.upload", {Binary{"the same bytes"}, Map{{"name", std::to_string(index)}}});
  });
  ASSERT_EQ(answers.granted.size(), kCrowd);
  const std::string address = text_at(map_at(answers.granted.front(), "data"), "blob");
  for (const Map& answer : answers.granted) {
    EXPECT_EQ(text_at(map_at(answer, "data"), "blob"), address);
  }
  std::size_t rows = 0;
  const auto view = running.app().store().view();
  ASSERT_TRUE(view->reader->scan(store::Family::bytes, {}, [&](auto, auto) {
    ++rows;
    return true;
  }));
  EXPECT_EQ(rows, 1u);
  expect_verified(wire);
}

TEST(OneGroup, EachSeesWhatTheOneBeforeItDid) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "chair"}}});
  const Answers answers = ask_at_once(running, [](Wire& client, std::size_t index) {
    client.send("updateOne",
                {"products", 1, Map{{"color", std::to_string(index)}}, Map{{"expected", 2}}});
  });
  EXPECT_EQ(answers.granted.size(), 1u);
  EXPECT_EQ(answers.refused.at(ErrorCode::version_mismatch), kCrowd - 1);
}

TEST(OneGroup, IsCutAtItsBound) {
  RunningDaemon running([](daemon::Config& config) { config.store.group_commits_max = 10; });
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 25; ++index) {
    sent.push_back(wire.send("insertOne", {"products", Map{{"name", "chair"}}}));
  }
  running.app().writer().wait_until_waiting(25);
  const std::uint64_t before = running.app().writer().figures().groups;
  running.app().writer().resume();
  EXPECT_EQ(wire.order_of_replies(25), sent);
  EXPECT_EQ(running.app().writer().figures().groups, before + 3);
  EXPECT_EQ(running.app().writer().figures().largest_group, 10u);
}

TEST(OneGroup, AChangeOfTheSchemaStandsAlone) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  Map wider = shop();
  wider.find("entities")
      ->if_map()
      ->find("products")
      ->if_map()
      ->find("fields")
      ->if_map()
      ->set("weight", Map{{"type", "number"}});
  running.app().writer().pause();
  const std::uint32_t early =
      wire.send("insertOne", {"products", Map{{"name", "a"}, {"weight", 1}}});
  wire.send("schema.apply", {wider});
  const std::uint32_t late =
      wire.send("insertOne", {"products", Map{{"name", "a"}, {"weight", 1}}});
  running.app().writer().wait_until_waiting(3);
  running.app().writer().resume();
  const protocol::Reply refused = wire.reply_to(early);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::unknown_field);
  EXPECT_FALSE(wire.reply_to(late).error);
}

}  // namespace
}  // namespace emstore::testing
