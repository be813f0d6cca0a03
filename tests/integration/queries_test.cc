// Queries over the wire: pages, plans, and scans that nobody waits for any more.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "wire.h"

namespace emstore::testing {
namespace {

void insert_chairs(Wire& wire, int count, const std::string& name) {
  for (int index = 0; index < count; ++index) {
    wire.send("insertOne", {"products", Map{{"name", name}, {"color", std::to_string(index % 7)}}});
  }
  wire.order_of_replies(static_cast<std::size_t>(count));
}

TEST(Queries, GoOnBehindTheCursorOfThePageBefore) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  insert_chairs(wire, 25, "chair");
  Map query{{"orderBy", "-color"}, {"limit", 10}, {"select", List{"id", "color"}}};
  std::size_t records = 0;
  std::string color = "7";
  for (int page = 0; page < 3; ++page) {
    const Map answer = wire.result("findMany", {"products", query});
    for (const Value& item : list_at(answer, "data")) {
      const std::string next = *item.if_map()->find("color")->if_text();
      EXPECT_LE(next, color);
      color = next;
      ++records;
    }
    const Map& meta = map_at(answer, "meta");
    EXPECT_EQ(meta.contains("cursor"), page < 2);
    if (const Value* cursor = meta.find("cursor")) query.set("cursor", *cursor);
  }
  EXPECT_EQ(records, 25U);
  query.set("orderBy", "color");
  EXPECT_EQ(wire.refusal("findMany", {"products", query}), ErrorCode::wrong_cursor);
}

TEST(Queries, SayWhetherAnythingMatches) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  insert_chairs(wire, 3, "chair");
  const auto exists = [&wire](Map where) {
    const Map answer = wire.result("exists", {"products", Map{{"where", std::move(where)}}});
    return *answer.find("exists")->if_boolean();
  };
  EXPECT_TRUE(exists(Map{{"color", "2"}}));
  EXPECT_FALSE(exists(Map{{"color", "9"}}));
  EXPECT_TRUE(exists(Map()));
  EXPECT_EQ(wire.refusal("exists", {"products", Map{{"limit", 1}}}), ErrorCode::unknown_option);
}

TEST(Queries, AreExplained) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  insert_chairs(wire, 3, "chair");
  const auto plan = [&wire](Map query) {
    return map_at(wire.result("explain", {"products", std::move(query)}), "plan");
  };
  const Map by_id = plan(Map{{"where", Map{{"id", 2}}}, {"with", "gallery"}});
  EXPECT_EQ(text_at(by_id, "kind"), "ids");
  EXPECT_EQ(*by_id.find("scans"), Value(false));
  const Map scan = plan(Map{{"where", Map{{"color", "2"}}}, {"orderBy", "color"}});
  EXPECT_EQ(text_at(scan, "kind"), "scan");
  EXPECT_EQ(*scan.find("scans"), Value(true));
  EXPECT_EQ(*scan.find("sorts"), Value(false));  // All have that color: by id is by color.
  EXPECT_EQ(integer_at(scan, "rows"), 3);
  EXPECT_EQ(text_at(scan, "estimate"), "exact");
}

// A scan that takes minutes when nobody calls it off: patterns that try every place of every text.
// Of one row it takes a moment, also with sanitizers.
constexpr int kSlowRecords = 994;
Map slow_query() {
  List any;
  for (int index = 0; index < 16; ++index) {
    any.push_back(
        Map{{"name", Map{{"$like", "%" + std::string(400, 'a') + std::to_string(index)}}}});
  }
  return Map{{"where", Map{{"$or", std::move(any)}}}};
}

TEST(Scans, EndWhenTheirClientIsGone) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  insert_chairs(wire, kSlowRecords, std::string(3'000, 'a'));
  {
    Wire leaving = running.connect();
    leaving.send("findMany", {"products", slow_query()});
    leaving.result("ping");  // The scan has been taken over.
  }
  // The thread of scans is free again before the wire gives up waiting.
  EXPECT_EQ(
      integer_at(wire.result("count", {"products", Map{{"where", Map{{"color", "6"}}}}}), "count"),
      kSlowRecords / 7);
}

TEST(Scans, EndWhenTheDaemonStops) {
  RunningDaemon running(
      [](daemon::Config& config) { config.drain_deadline = std::chrono::milliseconds(50); });
  Wire wire = connect_to_shop(running);
  insert_chairs(wire, kSlowRecords, std::string(3'000, 'a'));
  wire.send("findMany", {"products", slow_query()});
  wire.result("ping");
  const auto start = std::chrono::steady_clock::now();
  running.stop();
  EXPECT_TRUE(running.wait());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

}  // namespace
}  // namespace emstore::testing
