// The feed: every commit once and in order, whoever pauses; and what it costs the daemon.
#include <gtest/gtest.h>

#include <emstore/client.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "wire.h"

namespace emstore::testing {
namespace {

using std::chrono::milliseconds;

// What is wrong with what a subscriber got, which should be `first` to `last`; empty: nothing.
std::string fault_in(const std::vector<std::uint64_t>& got, std::uint64_t first,
                     std::uint64_t last) {
  std::uint64_t expected = first;
  for (const std::uint64_t sequence : got) {
    if (sequence != expected) {
      return std::to_string(sequence) + (sequence < expected ? " came again" : " came too early") +
             ", where " + std::to_string(expected) + " was due";
    }
    ++expected;
  }
  return expected == last + 1 ? "" : std::to_string(expected) + " is missing";
}

struct Pushed {
  std::string method;
  std::vector<std::uint64_t> sequences;
  std::uint64_t next = 0;
  std::uint64_t behind = 0;
};

Pushed next_push(Wire& wire) {
  while (true) {
    const auto incoming = wire.receive();
    if (!incoming) throw std::runtime_error("closed instead of a push");
    const auto* push = std::get_if<protocol::Push>(&*incoming);
    if (push == nullptr) continue;
    Pushed pushed;
    pushed.method = push->method;
    const bool has_commits = push->method == "commits";
    pushed.next = static_cast<std::uint64_t>(*push->params.at(has_commits ? 2 : 1).if_integer());
    if (push->method == "lagging") {
      pushed.behind = static_cast<std::uint64_t>(*push->params.at(2).if_integer());
    }
    if (!has_commits) return pushed;
    for (const Value& commit : *push->params.at(1).if_list()) {
      pushed.sequences.push_back(
          static_cast<std::uint64_t>(integer_at(*commit.if_map(), "sequence")));
    }
    return pushed;
  }
}

// All commits up to the push that says that there are no more.
std::vector<std::uint64_t> commits_until_caught_up(Wire& wire) {
  std::vector<std::uint64_t> sequences;
  while (true) {
    const Pushed pushed = next_push(wire);
    if (pushed.method == "caught_up") return sequences;
    sequences.insert(sequences.end(), pushed.sequences.begin(), pushed.sequences.end());
  }
}

void insert_many(Wire& wire, int count, const char* entity_field = "chair") {
  for (int done = 0; done < count;) {
    const int now = std::min(100, count - done);
    for (int i = 0; i < now; ++i) {
      wire.send("insertOne", {"products", Map{{"name", entity_field}}});
    }
    static_cast<void>(wire.order_of_replies(static_cast<std::size_t>(now)));
    done += now;
  }
}

TEST(Feed, CatchesUpThenFollows) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  insert_many(writer, 20);
  Wire wire = running.connect();
  const Map begun = wire.result("subscribe", {Map{{"from", 1}}});
  EXPECT_EQ(integer_at(begun, "from"), 1);
  EXPECT_EQ(integer_at(begun, "sequence"), 21);
  EXPECT_EQ(fault_in(commits_until_caught_up(wire), 1, 21), "");
  insert_many(writer, 1);
  const Pushed live = next_push(wire);
  EXPECT_EQ(live.sequences, (std::vector<std::uint64_t>{22}));
  EXPECT_EQ(live.next, 23u);
}

TEST(Feed, BeginsWithWhatComesWhenItIsToldNoPlace) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  Wire wire = running.connect();
  EXPECT_EQ(integer_at(wire.result("subscribe"), "from"), 2);
  EXPECT_EQ(next_push(wire).method, "caught_up");
  insert_many(writer, 1);
  EXPECT_EQ(next_push(wire).sequences, (std::vector<std::uint64_t>{2}));
}

TEST(Feed, PassesOverWhatIsNotAskedForAndSaysHowFarItIs) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  insert_many(writer, 2'500);
  writer.result("media.upload", {Binary{"bytes"}, Map{{"name", "front.png"}}});
  Wire wire = running.connect();
  wire.result("subscribe", {Map{{"from", 1}, {"entity", "media"}}});
  std::vector<std::uint64_t> marks;
  Pushed pushed = next_push(wire);
  for (; pushed.sequences.empty(); pushed = next_push(wire)) marks.push_back(pushed.next);
  EXPECT_EQ(marks, (std::vector<std::uint64_t>{1'001, 2'001}));
  EXPECT_EQ(pushed.sequences, (std::vector<std::uint64_t>{2'502}));
  EXPECT_EQ(next_push(wire).next, 2'503u);
}

TEST(Feed, EndsWhenItIsAskedTo) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  Wire wire = running.connect();
  const std::int64_t first = integer_at(wire.result("subscribe"), "subscription");
  const std::int64_t second = integer_at(wire.result("subscribe"), "subscription");
  EXPECT_TRUE(truth_at(wire.result("unsubscribe", {first}), "ended"));
  EXPECT_FALSE(truth_at(wire.result("unsubscribe", {first}), "ended"));
  EXPECT_FALSE(truth_at(writer.result("unsubscribe", {second}), "ended"));  // Another's.
  insert_many(writer, 1);
  std::size_t commits = 0;
  while (commits == 0) {
    const auto incoming = wire.receive();
    const auto& push = std::get<protocol::Push>(*incoming);
    if (push.method != "commits") continue;
    EXPECT_EQ(*push.params.at(0).if_integer(), second);
    ++commits;
  }
}

TEST(Feed, RefusesWhatItCannotFollow) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  EXPECT_EQ(wire.refusal("subscribe", {Map{{"entity", "produts"}}}), ErrorCode::unknown_entity);
  EXPECT_EQ(wire.refusal("subscribe", {Map{{"operators", List{"$drop"}}}}),
            ErrorCode::unknown_operator);
  EXPECT_EQ(wire.refusal("subscribe", {Map{{"operators", List{7}}}}), ErrorCode::wrong_type);
  EXPECT_EQ(integer_at(wire.result("subscribe", {Map{{"from", 2}}}), "from"), 2);
  EXPECT_EQ(wire.refusal("subscribe", {Map{{"from", 3}}}), ErrorCode::out_of_range);
}

// The name is looked for beside the reactor; meanwhile others are served, and nothing is missed.
TEST(Feed, CatchesUpWithWhatIsGoneByItsOldName) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  insert_many(writer, 3);  // 2 to 4
  writer.result("schema.apply", {Map{{"entities", Map{}}}, Map{{"allow_destructive", true}}});
  const auto last = static_cast<std::uint64_t>(integer_at(writer.result("status"), "sequence"));
  Wire wire = running.connect();
  const Map words{{"from", 1}, {"entity", "products"}, {"field", "name"}};
  EXPECT_EQ(integer_at(wire.result("subscribe", {words}), "from"), 1);
  const std::vector<std::uint64_t> got = commits_until_caught_up(wire);
  EXPECT_GT(got.size(), 3u) << "they were made, and deleted before the entity went";
  EXPECT_EQ(fault_in({got.begin(), got.begin() + 3}, 2, 4), "");
  EXPECT_LT(got.back(), last) << "the commit that dropped it is about no record";
}

TEST(Feed, AConnectionHasABoundedNumberOfThem) {
  RunningDaemon running([](daemon::Config& config) { config.subscriptions_max = 2; });
  Wire wire = connect_to_shop(running);
  const std::int64_t first = integer_at(wire.result("subscribe"), "subscription");
  wire.result("subscribe");
  EXPECT_EQ(wire.refusal("subscribe"), ErrorCode::out_of_range);
  wire.result("unsubscribe", {first});
  wire.result("subscribe");
  Wire other = running.connect();
  other.result("subscribe");
}

TEST(Feed, SeveralOfAConnectionTakeTurns) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  insert_many(writer, 3'000);
  Wire wire = running.connect();
  wire.send("subscribe", {Map{{"from", 1}}});
  wire.send("subscribe", {Map{{"from", 1}, {"entity", "products"}}});
  // Neither is served to its end before the other begins.
  std::vector<std::int64_t> order;
  std::map<std::int64_t, std::vector<std::uint64_t>> got;
  for (std::size_t ended = 0; ended < 2;) {
    const auto incoming = wire.receive();
    const auto* pushed = std::get_if<protocol::Push>(&*incoming);
    if (pushed == nullptr) continue;  // One of the answers.
    const protocol::Push& push = *pushed;
    const std::int64_t number = *push.params.at(0).if_integer();
    if (push.method == "caught_up") ++ended;
    if (push.method != "commits") continue;
    order.push_back(number);
    for (const Value& commit : *push.params.at(1).if_list()) {
      got[number].push_back(static_cast<std::uint64_t>(integer_at(*commit.if_map(), "sequence")));
    }
  }
  const std::int64_t first = order.at(0);
  const auto second = std::ranges::find_if(order, [&](auto number) { return number != first; });
  ASSERT_NE(second, order.end());
  EXPECT_NE(std::find(second, order.end(), first), order.end());
  EXPECT_EQ(fault_in(got[first], 1, 3'001), "");
  EXPECT_EQ(fault_in(got[*second], 2, 3'001), "");
}

// A subscriber that takes nothing costs its buffer, holds up nobody, is told that it lags, and
// misses nothing.
TEST(Feed, ASubscriberThatPausesCostsABoundedBuffer) {
  constexpr std::size_t kBuffer = 32u << 10;
  RunningDaemon running([](daemon::Config& config) {
    config.feed_buffer_max = kBuffer;
    config.feed_lag_max = 500;
  });
  Wire writer = connect_to_shop(running);
  Wire paused = running.connect();
  paused.result("subscribe");
  EXPECT_EQ(next_push(paused).method, "caught_up");
  constexpr int kCommits = 6'000;
  insert_many(writer, kCommits);
  const Map queues = map_at(writer.result("status"), "queues");
  constexpr std::int64_t kSlices = 2 * (64 << 10);  // One more than the bound may be on its way.
  EXPECT_LE(integer_at(queues, "bytes_held"),
            static_cast<std::int64_t>(kBuffer) + kSlices + (64 << 10));
  std::vector<std::uint64_t> got;
  bool lagged = false;
  while (true) {
    const Pushed pushed = next_push(paused);
    if (pushed.method == "lagging") {
      lagged = true;
      EXPECT_GT(pushed.behind, 500u);
    }
    got.insert(got.end(), pushed.sequences.begin(), pushed.sequences.end());
    if (lagged && pushed.method == "caught_up") break;
  }
  EXPECT_EQ(fault_in(got, 2, kCommits + 1), "");
}

TEST(Feed, GoesOnAcrossARestart) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  Options options;
  options.socket = running.config().socket.path;
  Client client(options);
  Feed feed = client.subscribe({.from = 1});
  std::vector<std::uint64_t> got;
  const auto read_to = [&](std::uint64_t last) {
    while (feed.position() <= last) {
      const auto notice = feed.next(milliseconds(20'000));
      ASSERT_TRUE(notice);
      if (notice->kind == FeedNotice::Kind::commit) got.push_back(notice->next - 1);
    }
  };
  insert_many(writer, 10);
  read_to(11);
  running.restart();
  Wire again = running.connect();
  insert_many(again, 10);
  read_to(21);
  EXPECT_EQ(fault_in(got, 1, 21), "");
}

TEST(Feed, RunsFromAPositionToAPosition) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  insert_many(writer, 5);
  Options options;
  options.socket = running.config().socket.path;
  Client client(options);
  std::vector<std::uint64_t> got;
  int caught_up = 0;
  // Up to a commit, or to the word that there is no more.
  const auto run_to = [&](Feed& feed, std::uint64_t last) {
    feed.run([&](const FeedNotice& notice) {
      if (notice.kind == FeedNotice::Kind::commit) got.push_back(notice.next - 1);
      caught_up += notice.kind == FeedNotice::Kind::caught_up ? 1 : 0;
      return notice.kind != FeedNotice::Kind::caught_up && notice.next <= last;
    });
    return feed.position();
  };
  std::uint64_t position = 0;
  {
    Feed feed = client.subscribe({.from = 3});
    EXPECT_EQ(run_to(feed, 100), 7u);
    EXPECT_EQ(caught_up, 1);
    EXPECT_EQ(fault_in(got, 3, 6), "");
    insert_many(writer, 5);
    position = run_to(feed, 8);  // Commits wait that this feed is not asked for any more.
    EXPECT_EQ(position, 9u);
  }
  Feed on = client.subscribe({.from = position});
  EXPECT_EQ(run_to(on, 100), 12u);
  EXPECT_EQ(caught_up, 2);
  EXPECT_EQ(fault_in(got, 3, 11), "");
}

std::uint64_t commits_of_run() {
  const char* given = std::getenv("EMSTORE_FEED_COMMITS");
  return given == nullptr ? 2'000 : std::strtoull(given, nullptr, 10);
}

// Reads to commit `last`, and pauses at random.
std::vector<std::uint64_t> follow(Feed& feed, std::uint64_t last, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint64_t> got;
  const bool pauses = seed % 2 == 1;
  while (feed.position() <= last) {
    const auto notice = feed.next(milliseconds(20'000));
    if (!notice) break;
    if (notice->kind == FeedNotice::Kind::commit) got.push_back(notice->next - 1);
    if (pauses && random() % 500 == 0) std::this_thread::sleep_for(milliseconds(random() % 200));
  }
  return got;
}

TEST(Feed, EightSubscribersGetEveryCommitOnceAndInOrder) {
  constexpr std::size_t kSubscribers = 8;
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  const std::uint64_t last = 1 + commits_of_run();
  Options options;
  options.socket = running.config().socket.path;
  Client client(options);
  std::vector<std::vector<std::uint64_t>> got(kSubscribers);
  std::vector<std::thread> subscribers;
  for (std::size_t i = 0; i < kSubscribers; ++i) {
    subscribers.emplace_back([&, i, feed = client.subscribe({.from = 1})]() mutable {
      got[i] = follow(feed, last, static_cast<std::uint32_t>(i));
    });
  }
  std::int64_t most_held = 0;
  std::int64_t most_memory = 0;
  for (std::uint64_t done = 1; done < last;) {
    const auto now = std::min<std::uint64_t>(1'000, last - done);
    insert_many(writer, static_cast<int>(now));
    done += now;
    const Map status = writer.result("status");
    most_held = std::max(most_held, integer_at(map_at(status, "queues"), "bytes_held"));
    most_memory = std::max(most_memory, integer_at(status, "memory"));
  }
  for (std::thread& subscriber : subscribers) subscriber.join();
  for (std::size_t i = 0; i < kSubscribers; ++i) EXPECT_EQ(fault_in(got[i], 1, last), "") << i;
  const auto each = static_cast<std::int64_t>(running.config().feed_buffer_max) + (256 << 10);
  EXPECT_LE(most_held, static_cast<std::int64_t>(kSubscribers) * each);
  std::printf(
      "feed: %zu subscribers, %llu commits, held %lld bytes at most, memory %lld MiB at most\n",
      kSubscribers, static_cast<unsigned long long>(last), static_cast<long long>(most_held),
      static_cast<long long>(most_memory >> 20));
}

// The control: who reads the log first and then asks for what comes has a seam, and the check above
// sees what is lost or doubled there.
TEST(Feed, TheCheckSeesWhatASeamLosesAndDoubles) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  insert_many(writer, 3);
  const auto with_seam = [&](std::optional<std::int64_t> from) {
    Wire wire = running.connect();
    std::vector<std::uint64_t> got;
    const Map page = wire.result("log.read", {Map{{"from", 1}}});
    for (const Value& commit : list_at(page, "commits")) {
      got.push_back(static_cast<std::uint64_t>(integer_at(*commit.if_map(), "sequence")));
    }
    insert_many(writer, 1);
    wire.result("subscribe", from ? List{Map{{"from", *from}}} : List{});
    insert_many(writer, 1);
    const std::uint64_t last =
        static_cast<std::uint64_t>(integer_at(writer.result("ping"), "sequence"));
    while (got.back() < last) {
      const Pushed pushed = next_push(wire);
      got.insert(got.end(), pushed.sequences.begin(), pushed.sequences.end());
    }
    return fault_in(got, 1, last);
  };
  EXPECT_EQ(with_seam(std::nullopt), "6 came too early, where 5 was due");
  EXPECT_EQ(with_seam(6), "6 came again, where 7 was due");
  EXPECT_EQ(fault_in({1, 2}, 1, 3), "3 is missing");
}

}  // namespace
}  // namespace emstore::testing
