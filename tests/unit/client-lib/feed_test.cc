// The client's side of a feed, against a daemon that goes away, comes back, and is somebody else.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "fake_daemon.h"
#include "protocol/codec.h"

namespace emstore::testing {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPatience{5'000};

Map commit(std::int64_t sequence) { return Map{{"sequence", sequence}, {"events", List{}}}; }

std::string pushed(const std::string& method, List params) {
  std::string bytes;
  protocol::encode_push({method, std::move(params)}, bytes);
  return bytes;
}

std::optional<protocol::Subscribe> greet(Link& link, const std::string& store = "a store") {
  const auto request = link.next_after_hello(store);
  if (!request) return std::nullopt;
  auto asked = std::get<protocol::Subscribe>(request->call);
  link.answer(request->id, Map{{"subscription", 3},
                               {"from", asked.from ? static_cast<std::int64_t>(*asked.from) : 42},
                               {"sequence", 41}});
  return asked;
}

void serve_client(Link& link) { link.next_after_hello(); }  // Until it has gone.

TEST(ClientFeed, HandsOutNoticesInOrderAndKnowsItsPosition) {
  FakeDaemon daemon({serve_client, [](Link& link) {
                       greet(link);
                       link.send(pushed("commits", {3, List{commit(42), commit(44)}, 50}));
                       link.send(pushed("commits", {9, List{commit(1)}, 2}));  // Another's.
                       link.send(pushed("news", {3, 51}));                     // Of a newer daemon.
                       link.send(pushed("caught_up", {3, 50}));
                       link.send(pushed("lagging", {3, 50, 7}));
                       link.next();
                     }});
  Client client(daemon.options());
  Feed feed = client.subscribe();
  EXPECT_EQ(feed.position(), 42u);
  auto notice = feed.next(kPatience);
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->kind, FeedNotice::Kind::commit);
  EXPECT_EQ(notice->next, 43u);
  EXPECT_EQ(feed.position(), 43u);
  EXPECT_EQ(feed.next(kPatience)->next, 45u);
  notice = feed.next(kPatience);
  EXPECT_EQ(notice->kind, FeedNotice::Kind::progress);
  EXPECT_EQ(notice->next, 50u);
  EXPECT_EQ(feed.next(kPatience)->kind, FeedNotice::Kind::caught_up);
  notice = feed.next(kPatience);
  EXPECT_EQ(notice->kind, FeedNotice::Kind::lagging);
  EXPECT_EQ(notice->behind, 7u);
  EXPECT_FALSE(feed.next(milliseconds(1)));
}

TEST(ClientFeed, RunsUntilItsHandlerHasEnough) {
  FakeDaemon daemon({serve_client, [](Link& link) {
                       greet(link);
                       link.send(pushed("commits", {3, List{commit(42), commit(44)}, 50}));
                       link.send(pushed("caught_up", {3, 50}));
                       link.send(pushed("lagging", {3, 50, 7}));
                       link.next();
                     }});
  Client client(daemon.options());
  Feed feed = client.subscribe();
  std::vector<FeedNotice> got;
  const auto run_to = [&](std::size_t count) {
    std::optional<Error> error = Error{};  // A run that ends so has none.
    feed.run(
        [&](const FeedNotice& notice) {
          got.push_back(notice);
          return got.size() < count;
        },
        error);
    EXPECT_FALSE(error);
  };
  run_to(1);
  ASSERT_EQ(got.size(), 1u) << "what has arrived behind it waits for the next run";
  EXPECT_EQ(*got[0].commit.find("sequence"), Value(42));
  EXPECT_EQ(feed.position(), 43u);
  run_to(4);
  ASSERT_EQ(got.size(), 4u);
  EXPECT_EQ(*got[1].commit.find("sequence"), Value(44));
  EXPECT_EQ(got[2].kind, FeedNotice::Kind::progress);
  EXPECT_EQ(got[3].kind, FeedNotice::Kind::caught_up);
  EXPECT_EQ(feed.position(), 50u);
  feed.run([&](const FeedNotice& notice) {
    got.push_back(notice);
    return false;
  });
  ASSERT_EQ(got.size(), 5u);
  EXPECT_EQ(got[4].kind, FeedNotice::Kind::lagging);
  EXPECT_EQ(feed.position(), 50u);
}

// Sends these commits once, and hangs up. Notes from where it was asked to begin.
auto sends_once(Seen<std::uint64_t>& asked, std::vector<std::int64_t> sequences) {
  return [&asked, sequences = std::move(sequences)](Link& link) {
    const auto subscribe = greet(link);
    asked.add(subscribe && subscribe->from ? *subscribe->from : 0);
    List commits;
    for (const std::int64_t sequence : sequences) commits.push_back(commit(sequence));
    link.send(pushed("commits", {3, std::move(commits), sequences.back() + 1}));
  };
}

TEST(ClientFeed, RunsOnAfterALostConnection) {
  Seen<std::uint64_t> asked;
  FakeDaemon daemon({serve_client, sends_once(asked, {42}), sends_once(asked, {43}),
                     [](Link& link) { link.next(); }});
  Client client(daemon.options());
  Feed feed = client.subscribe({.from = 42});
  std::vector<std::uint64_t> got;
  feed.run([&](const FeedNotice& notice) {
    got.push_back(notice.next - 1);
    return got.size() < 2;
  });
  EXPECT_EQ(got, (std::vector<std::uint64_t>{42, 43}));
  EXPECT_EQ(asked.all(), (std::vector<std::uint64_t>{42, 43}));
}

TEST(ClientFeed, GoesOnWhereItWasAfterALostConnection) {
  Seen<std::uint64_t> asked;
  FakeDaemon daemon({serve_client, sends_once(asked, {42, 43}), sends_once(asked, {44, 45}),
                     [](Link& link) { link.next(); }});
  Client client(daemon.options());
  Feed feed = client.subscribe({.entity = "products"});
  for (std::uint64_t next = 43; next <= 46; ++next) {
    const auto notice = feed.next(kPatience);
    ASSERT_TRUE(notice);
    EXPECT_EQ(notice->next, next);
  }
  EXPECT_EQ(asked.all(), (std::vector<std::uint64_t>{0, 44}));
}

TEST(ClientFeed, DoesNotGoOnAtAnotherStore) {
  FakeDaemon daemon({serve_client, [](Link& link) { greet(link); },
                     [](Link& link) { greet(link, "another store"); }});
  Client client(daemon.options());
  Feed feed = client.subscribe();
  std::optional<Error> error;
  EXPECT_FALSE(feed.next(kPatience, error));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::unsupported) << to_string(*error);
}

TEST(ClientFeed, SaysWhyItWasRefusedOrEnded) {
  FakeDaemon daemon(
      {serve_client,
       [](Link& link) {
         const auto request = link.next_after_hello();
         link.refuse(request->id, ErrorCode::unknown_entity, "no entity");
       },
       [](Link& link) {
         greet(link);
         link.send(pushed("ended",
                          {3, 42, List{"corrupt_log", "commit 42 is missing", Map{{"hint", ""}}}}));
         link.next();
       }});
  Client client(daemon.options());
  std::optional<Error> error;
  EXPECT_FALSE(client.subscribe({.entity = "x"}, error));
  EXPECT_EQ(error->code, ErrorCode::unknown_entity);
  Feed feed = client.subscribe();
  feed.run([](const FeedNotice&) { return true; }, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::corrupt_log);
  const Error first = *error;
  EXPECT_FALSE(feed.next(milliseconds(0), error));
  EXPECT_EQ(error, first);
}

// Takes a feed, and is down from then on.
class DaemonThatGoes {
 public:
  DaemonThatGoes() { own_ = &daemon_; }
  Options options() const { return daemon_.options(); }

 private:
  std::atomic<FakeDaemon*> own_ = nullptr;
  FakeDaemon daemon_{{serve_client, [this](Link& link) {
                        greet(link);
                        own_.load()->stop_listening();
                      }}};
};

TEST(ClientFeed, WaitsNoLongerThanItIsToldForADaemonThatIsDown) {
  DaemonThatGoes daemon;
  Options options = daemon.options();
  options.retry_for = std::chrono::hours(1);
  Client client(options);
  Feed feed = client.subscribe();
  std::optional<Error> error;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(feed.next(milliseconds(20), error));
    EXPECT_FALSE(error);
  }
}

TEST(ClientFeed, GivesUpADaemonThatIsDownAfterAllItsCalls) {
  DaemonThatGoes daemon;
  Options options = daemon.options();
  options.retry_for = milliseconds(100);
  Client client(options);
  Feed feed = client.subscribe();
  std::optional<Error> error;
  while (!error) EXPECT_FALSE(feed.next(milliseconds(1), error));
  EXPECT_EQ(error->code, ErrorCode::unreachable);
}

TEST(ClientFeed, WaitsNoLongerThanItIsToldForADaemonThatIsSilent) {
  std::promise<void> may_greet, may_subscribe;
  const std::shared_future<void> greets = may_greet.get_future(),
                                 subscribes = may_subscribe.get_future();
  FakeDaemon daemon({serve_client, [](Link& link) { greet(link); },
                     [&](Link& link) {
                       const auto hello = link.next();
                       greets.wait();
                       link.answer(hello->id, Map{{"store_id", "a store"}});
                       const auto subscribe = link.next();
                       if (!subscribe) return;
                       subscribes.wait();
                       link.answer(subscribe->id, Map{{"subscription", 3}, {"from", 42}});
                       link.send(pushed("caught_up", {3, 50}));
                       link.next();
                     }});
  Client client(daemon.options());
  Feed feed = client.subscribe();
  const auto begin = std::chrono::steady_clock::now();
  for (std::promise<void>* silence : {&may_greet, &may_subscribe}) {
    for (int i = 0; i < 5; ++i) {
      std::optional<Error> error;
      EXPECT_FALSE(feed.next(milliseconds(20), error));
      EXPECT_FALSE(error);
    }
    silence->set_value();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, daemon.options().timeout);
  const auto notice = feed.next(kPatience);
  ASSERT_TRUE(notice) << "it goes on on the connection that was slow to be made";
  EXPECT_EQ(notice->next, 50u);
}

TEST(ClientFeed, GivesUpADaemonThatIsSilentAfterAllItsCalls) {
  FakeDaemon daemon({serve_client, [](Link& link) { greet(link); },
                     [](Link& link) {
                       while (link.next()) continue;
                     }});
  Options options = daemon.options();
  options.timeout = milliseconds(50);
  options.retry_for = milliseconds(100);
  Client client(options);
  Feed feed = client.subscribe();
  std::optional<Error> error;
  while (!error) EXPECT_FALSE(feed.next(milliseconds(1), error));
  EXPECT_EQ(error->code, ErrorCode::timed_out);
}

TEST(ClientFeed, WaitsForEver) {
  FakeDaemon daemon({serve_client, [](Link& link) {
                       greet(link);
                       std::this_thread::sleep_for(milliseconds(50));
                       link.send(pushed("caught_up", {3, 50}));
                       link.next();
                     }});
  Client client(daemon.options());
  Feed feed = client.subscribe();
  const auto notice = feed.next(milliseconds::max());
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice->next, 50u);
}

}  // namespace
}  // namespace emstore::testing
