// Connections as they come in real life: fast, slow, broken, hostile.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ostream>
#include <string>
#include <vector>

#include "wire.h"

namespace emstore::testing {
namespace {

using std::chrono::milliseconds;

TEST(Pipelining, MutationsOfOneConnectionAreCarriedOutInOrder) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 100; ++index) {
    Map document{{"name", std::to_string(index)}};
    // Every third brings bytes, which are prepared on another thread.
    if (index % 3 == 0) {
      document.set("gallery", Map{{"$create", Map{{"file", Binary{std::string(20'000, 'a')}}}}});
    }
    sent.push_back(wire.send("insertOne", {"products", document}));
  }
  EXPECT_EQ(wire.order_of_replies(100), sent);
  for (int id = 1; id <= 100; ++id) {
    const Map found = wire.result("findId", {"products", id});
    EXPECT_EQ(text_at(map_at(found, "data"), "name"), std::to_string(id - 1));
  }
}

TEST(Pipelining, AReadOvertakesMutationsThatWait) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  const std::uint32_t insert = wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  EXPECT_EQ(integer_at(wire.result("ping"), "sequence"), 1);
  running.app().writer().resume();
  EXPECT_FALSE(wire.reply_to(insert).error);
}

TEST(Pipelining, ARequestIdInFlightIsRefused) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  const std::string request = request_bytes(50, "insertOne", {"products", Map{{"name", "chair"}}});
  wire.send_bytes(request + request);
  const protocol::Reply refused = wire.reply_to(50);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::invalid_request);
  running.app().writer().resume();
  EXPECT_FALSE(wire.reply_to(50).error);
  wire.send_bytes(request);  // Answered, the id is free again.
  EXPECT_FALSE(wire.reply_to(50).error);
}

TEST(BackPressure, ReadingStopsAtTheBoundOfRequestsInFlight) {
  RunningDaemon running([](daemon::Config& config) { config.session.in_flight_max = 4; });
  Wire wire = connect_to_shop(running);
  Wire other = running.connect();
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 20; ++index) {
    sent.push_back(wire.send("insertOne", {"products", Map{{"name", "chair"}}}));
  }
  running.app().writer().wait_until_waiting(4);
  const Map queues = map_at(other.result("status"), "queues");
  EXPECT_EQ(integer_at(queues, "commits_waiting"), 4);
  EXPECT_EQ(integer_at(queues, "requests_in_flight"), 5);  // The status itself is one.
  running.app().writer().resume();
  EXPECT_EQ(wire.order_of_replies(20), sent);
}

TEST(BackPressure, AFullWriterAnswersBusyAtOnce) {
  RunningDaemon running([](daemon::Config& config) { config.writer_waiting_max = 2; });
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 3; ++index) {
    sent.push_back(wire.send("insertOne", {"products", Map{{"name", "chair"}}}));
  }
  const protocol::Reply refused = wire.reply_to(sent[2]);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::busy);
  running.app().writer().resume();
  EXPECT_FALSE(wire.reply_to(sent[0]).error);
  EXPECT_FALSE(wire.reply_to(sent[1]).error);
}

TEST(BackPressure, ASlowReaderIsBoundedAndThenDropped) {
  constexpr std::size_t kBound = 256u << 10;
  RunningDaemon running([](daemon::Config& config) {
    config.session.held_bytes_max = kBound;
    config.session.write_deadline = milliseconds(1'000);
  });
  Wire slow = running.connect();
  Wire good = running.connect();
  const std::size_t one_reply = [&] {
    const protocol::Reply reply = good.call("describe");
    return pack::to_bytes(reply.result).size();
  }();
  std::string requests;
  for (std::uint32_t id = 1; id <= 2'000; ++id) requests += request_bytes(id, "describe");
  slow.send_what_fits(requests);
  // Everybody else is served, and what the slow one holds stays near its bound.
  std::int64_t most_held = 0;
  await_status(good, [&](const Map& status) {
    most_held = std::max(most_held, integer_at(map_at(status, "queues"), "bytes_held"));
    return integer_at(status, "connections") == 1;
  });
  constexpr std::size_t kBuffers = 1u << 20;  // What bytes come and go through.
  EXPECT_LE(static_cast<std::size_t>(most_held), kBound + 2 * one_reply + kBuffers);
  EXPECT_GT(static_cast<std::size_t>(most_held), kBound / 2);
  EXPECT_TRUE(slow.is_hung_up());
}

// Requests that have not arrived whole count too: at the bound nobody goes on with one, and those
// who wait for nothing are served.
TEST(BackPressure, HalfRequestsOfManyAreBoundedTogether) {
  constexpr std::size_t kBound = 4u << 20;
  RunningDaemon running([](daemon::Config& config) {
    config.session.all_bytes_max = kBound;
    config.session.message_deadline = milliseconds(400);
  });
  Wire good = running.connect();
  const std::string half =
      request_bytes(1, "insertOne", {"products", Map{{"name", std::string(3u << 20, 'x')}}})
          .substr(0, 2u << 20);
  std::vector<Wire> greedy;
  for (int index = 0; index < 12; ++index) greedy.push_back(running.connect());
  for (Wire& wire : greedy) wire.send_what_fits(half);
  const auto send_more = [&](Wire& wire) {
    try {
      wire.send_what_fits(std::string_view(half).substr(100, 64u << 10));
    } catch (const std::runtime_error&) {  // Ended by the daemon: that is what we wait for.
    }
  };
  std::int64_t most_held = 0;
  await_status(good, [&](const Map& status) {
    for (Wire& wire : greedy) send_more(wire);
    most_held = std::max(most_held, integer_at(map_at(status, "queues"), "bytes_held"));
    return integer_at(status, "connections") == 1;
  });
  EXPECT_LE(static_cast<std::size_t>(most_held), 2 * kBound);
}

TEST(BackPressure, AConnectionAtRestHoldsNoBuffers) {
  RunningDaemon running(
      [](daemon::Config& config) { config.session.message_deadline = milliseconds(80); });
  Wire at_rest = running.connect();
  EXPECT_EQ(at_rest.refusal("insertOne", {"products", Map{{"name", std::string(1u << 20, 'x')}}}),
            ErrorCode::unknown_entity);
  Wire good = running.connect();
  await_status(good, [](const Map& status) {
    return integer_at(map_at(status, "queues"), "bytes_held") < (512 << 10);
  });
  at_rest.result("ping");
}

// A buffer is kept for the next reply, as long as all of them together take little.
TEST(BackPressure, BuffersThatAreKeptAreBoundedTogether) {
  constexpr std::size_t kReply = 3'000'000, kBound = 32u << 20;
  RunningDaemon running([](daemon::Config& config) { config.session.all_bytes_max = kBound; });
  Wire good = connect_to_shop(running);
  good.result("insertOne", {"products", Map{{"name", std::string(kReply, 'x')}}});
  const auto held = [&good] {
    const Map status = good.result("status");
    return static_cast<std::size_t>(integer_at(map_at(status, "queues"), "bytes_held"));
  };
  std::vector<Wire> readers;
  const auto read_once_more = [&] {
    readers.push_back(running.connect());
    readers.back().result("findId", {"products", 1});
  };
  read_once_more();
  EXPECT_GT(held(), kReply);
  for (int index = 0; index < 10; ++index) read_once_more();
  EXPECT_LT(held(), kBound / 2);
}

TEST(BackPressure, RepliesLargerThanTheSocketsBufferArriveWhole) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string text(3'000'000, 'x');
  wire.result("insertOne", {"products", Map{{"name", text}}});
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 8; ++index) sent.push_back(wire.send("findId", {"products", 1}));
  for (const std::uint32_t id : sent) {
    const protocol::Reply reply = wire.reply_to(id);
    ASSERT_FALSE(reply.error);
    EXPECT_EQ(text_at(map_at(*reply.result.if_map(), "data"), "name"), text);
  }
}

TEST(Pipelining, MoreReadsThanOneTurnTakesAreAnsweredInOrder) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "chair"}}});
  std::string requests;
  constexpr std::uint32_t kReads = 1'000;
  for (std::uint32_t id = 100; id < 100 + kReads; ++id) {
    requests += request_bytes(id, "findId", {"products", 1});
  }
  wire.send_bytes(requests);
  const std::vector<std::uint32_t> answered = wire.order_of_replies(kReads);
  EXPECT_EQ(answered.front(), 100u);
  EXPECT_EQ(answered.back(), 99 + kReads);
  EXPECT_TRUE(std::ranges::is_sorted(answered));
}

TEST(Deadlines, AMessageThatIsNotFinishedEndsTheConnection) {
  RunningDaemon running(
      [](daemon::Config& config) { config.session.message_deadline = milliseconds(40); });
  Wire wire = running.connect();
  wire.send_bytes(request_bytes(1, "ping").substr(0, 3));
  EXPECT_EQ(wire.last_words().code, ErrorCode::timed_out);
  EXPECT_FALSE(wire.receive());
}

TEST(Deadlines, AConnectionThatIsSilentIsKept) {
  RunningDaemon running(
      [](daemon::Config& config) { config.session.message_deadline = milliseconds(40); });
  Wire silent = running.connect();
  Wire broken = running.connect();
  silent.result("ping");
  // By the time this one is given up, the silent one has had as long.
  broken.send_bytes("\x94");
  EXPECT_EQ(broken.last_words().code, ErrorCode::timed_out);
  EXPECT_EQ(integer_at(silent.result("ping"), "sequence"), 0);
}

struct Hostile {
  std::string name;
  std::string bytes;
  ErrorCode code;
  friend void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }
};

class HostileBytes : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileBytes, GetOneErrorAndAClose) {
  RunningDaemon running;
  Wire good = running.connect();
  Wire wire = running.connect();
  wire.send_what_fits(GetParam().bytes);
  EXPECT_EQ(wire.last_words().code, GetParam().code);
  EXPECT_FALSE(wire.receive());
  EXPECT_EQ(integer_at(good.result("ping"), "sequence"), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Sessions, HostileBytes,
    ::testing::Values(
        Hostile{"NoMessagePack", "\xc1", ErrorCode::malformed_message},
        Hostile{"AnHttpRequest", "GET / HTTP/1.1\r\n\r\n", ErrorCode::malformed_message},
        Hostile{"AClaimOfFourGigabytes", "\xc6\xff\xff\xff\xff", ErrorCode::message_too_large},
        Hostile{"AListOfBillions", "\xdd\xff\xff\xff\xff", ErrorCode::message_too_large},
        Hostile{"ADepthBomb", std::string(10'000, '\x91'), ErrorCode::depth_exceeded},
        Hostile{"AnEnvelopeOfAnotherKind", "\x93\x01\x02\x03", ErrorCode::malformed_message}),
    [](const auto& instance) { return instance.param.name; });

TEST(Sessions, ARequestThatCannotBeUnderstoodIsAnsweredByItsId) {
  RunningDaemon running;
  Wire wire = running.connect();
  EXPECT_EQ(wire.refusal("findOn", {"products"}), ErrorCode::unknown_method);
  EXPECT_EQ(wire.refusal("insertOne", {"products"}), ErrorCode::invalid_request);
  EXPECT_EQ(wire.refusal("deleteOne", {"products", 1, Map{{"detatch", true}}}),
            ErrorCode::unknown_option);
  EXPECT_EQ(integer_at(wire.result("ping"), "sequence"), 0);
}

TEST(Sessions, APeerThatHasSaidAllIsAnsweredAndThenClosed) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::uint32_t insert = wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  wire.end_sending();
  EXPECT_FALSE(wire.reply_to(insert).error);
  EXPECT_FALSE(wire.receive());
}

TEST(Sessions, APeerThatLeavesDoesNotUndoWhatItAsked) {
  RunningDaemon running;
  Wire good = connect_to_shop(running);
  running.app().writer().pause();
  {
    Wire gone = running.connect();
    gone.send("insertOne", {"products", Map{{"name", "chair"}}});
    running.app().writer().wait_until_waiting(1);
  }
  running.app().writer().resume();
  EXPECT_EQ(
      text_at(map_at(good.result("findId", {"products", 1, Map{{"after", 2}}}), "data"), "name"),
      "chair");
}

TEST(Sessions, ReceiveWhatNobodyAskedFor) {
  RunningDaemon running;
  Wire wire = running.connect();
  wire.result("ping");
  running.app().push_to_all(protocol::Push{"event", {1, "x"}});
  const auto incoming = wire.receive();
  ASSERT_TRUE(incoming);
  const auto* push = std::get_if<protocol::Push>(&*incoming);
  ASSERT_NE(push, nullptr);
  EXPECT_EQ(push->method, "event");
  EXPECT_EQ(push->params, (List{1, "x"}));
}

TEST(Connections, OneTooManyIsToldSo) {
  RunningDaemon running([](daemon::Config& config) { config.connections.all_max = 2; });
  Wire first = running.connect();
  first.result("ping");
  {
    Wire second = running.connect();
    second.result("ping");
    Wire third = running.connect();
    EXPECT_EQ(third.last_words().code, ErrorCode::too_many_connections);
    EXPECT_FALSE(third.receive());
  }
  await_status(first, [](const Map& status) { return integer_at(status, "connections") == 1; });
  Wire again = running.connect();
  EXPECT_EQ(integer_at(again.result("ping"), "sequence"), 0);
}

TEST(Connections, OneUserCannotTakeThemAll) {
  RunningDaemon running([](daemon::Config& config) { config.connections.per_uid_max = 1; });
  Wire first = running.connect();
  first.result("ping");
  Wire second = running.connect();
  const Error error = second.last_words();
  EXPECT_EQ(error.code, ErrorCode::too_many_connections);
  EXPECT_NE(error.message.find(std::to_string(::getuid())), std::string::npos);
}

// Lowers the number of descriptors this process may have to those it has; restores it at the end.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(next);
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Connections, WithoutADescriptorTheNewcomerIsTurnedAwayAndOthersAreServed) {
  RunningDaemon running;
  Wire good = running.connect();
  good.result("ping");
  Wire turned_away(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  {
    const NoDescriptorsLeft lowered;
    turned_away.connect(running.config().socket.path);
    EXPECT_EQ(turned_away.last_words().code, ErrorCode::too_many_connections);
    EXPECT_EQ(integer_at(good.result("ping"), "sequence"), 0);
  }
  Wire next = running.connect();
  EXPECT_EQ(integer_at(next.result("ping"), "sequence"), 0);
}

}  // namespace
}  // namespace emstore::testing
