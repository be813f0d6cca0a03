#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <emstore/client.hpp>
#include <thread>

#include "protocol/codec.h"
#include "tests/unit/client-lib/fake_daemon.h"

namespace emstore {
namespace {

using testing::answering;
using testing::FakeDaemon;
using ::testing::HasSubstr;
using testing::Link;
using testing::mutation_reply;
using testing::push_bytes;
using testing::reply_bytes;

Value ping_reply(std::uint64_t sequence) { return Map{{"sequence", sequence}}; }

TEST(ClientConnection, GivesTheReplyHoweverItArrives) {
  FakeDaemon daemon({[](Link& link) {
    for (std::size_t cut = 0;; ++cut) {
      const auto request = link.next_after_hello();
      if (!request) return;
      const std::string reply = reply_bytes(request->id, ping_reply(cut));
      const std::size_t place = std::min(cut, reply.size());
      link.send(reply.substr(0, place));
      link.send(reply.substr(place));
    }
  }});
  Client client = connect(daemon.options());
  for (std::uint64_t cut = 0; cut < 24; ++cut) EXPECT_EQ(client.ping(), cut);
}

TEST(ClientConnection, TakesNotificationsAtAnyTime) {
  FakeDaemon daemon({[](Link& link) {
    while (const auto request = link.next_after_hello()) {
      link.send(push_bytes("event") + push_bytes("something unheard of") +
                reply_bytes(request->id, ping_reply(5)) + push_bytes("late"));
    }
  }});
  Client client = connect(daemon.options());
  EXPECT_EQ(client.ping(), 5u);  // Without a handler they pass by.

  std::vector<std::string> heard;
  client.on_push([&](std::string_view method, const List& params) {
    heard.emplace_back(method);
    EXPECT_EQ(params, (List{1, "two"}));
  });
  EXPECT_EQ(client.ping(), 5u);
  EXPECT_THAT(heard, ::testing::ElementsAre("late", "event", "something unheard of"));
}

// Each ping with a notification before its answer.
void answer_behind_an_event(Link& link) {
  while (const auto request = link.next_after_hello()) {
    link.send(push_bytes("event") + reply_bytes(request->id, ping_reply(5)));
  }
}

TEST(ClientConnection, RefusesWhatAHandlerAsksOfIt) {
  FakeDaemon daemon({answer_behind_an_event});
  Client client = connect(daemon.options());
  std::optional<Error> refused;
  client.on_push([&](std::string_view, const List&) {
    EXPECT_FALSE(client.hello().empty());
    client.ping(refused);
  });
  EXPECT_EQ(client.ping(), 5u);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ErrorCode::unsupported) << to_string(*refused);
}

// Whoever is told of bytes may make requests: two threads, each with its turn, would wait for ever.
TEST(ClientConnection, RefusesMediaToAHandler) {
  FakeDaemon daemon({answer_behind_an_event});
  Client client = connect(daemon.options());
  std::optional<Error> refused;
  client.on_push([&](std::string_view, const List&) {
    client.media().open("xxh3-128:00112233445566778899aabbccddeeff.128", refused);
  });
  EXPECT_EQ(client.ping(), 5u);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, ErrorCode::unsupported) << to_string(*refused);
}

TEST(ClientConnection, RefusesAnotherHandlerFromOne) {
  FakeDaemon daemon({answer_behind_an_event});
  Client client = connect(daemon.options());
  bool is_refused = false;
  client.on_push([&](std::string_view, const List&) {
    try {
      client.on_push({});
    } catch (const Failure& failure) {
      is_refused = failure.code() == ErrorCode::unsupported;
    }
  });
  EXPECT_EQ(client.ping(), 5u);
  EXPECT_TRUE(is_refused);
}

TEST(ClientConnection, CallsGarbageByItsName) {
  FakeDaemon daemon({[](Link& link) {
    if (link.next_after_hello()) link.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  }});
  Options options = daemon.options();
  options.retry_for = std::chrono::milliseconds(0);
  Client client = connect(options);

  std::optional<Error> error;
  client.ping(error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::unreachable);
  EXPECT_THAT(error->message, HasSubstr("does not speak like emstored"));
}

TEST(ClientConnection, PassesOnTheLastWordOfADaemonThatHangsUp) {
  FakeDaemon daemon({[](Link& link) {
    if (!link.next_after_hello()) return;
    std::string bytes;
    protocol::encode_error(std::nullopt, Error{ErrorCode::message_too_large, "9 MiB", "", "", {}},
                           bytes);
    link.send(bytes);
  }});
  Client client = connect(daemon.options());

  std::optional<Error> error;
  client.mutator("products").insert_one({{"name", "Laptop"}}, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::message_too_large);
}

TEST(ClientConnection, RefusesARequestThatTheDaemonWouldNotTake) {
  FakeDaemon daemon({answering([](const protocol::Request&) { return mutation_reply(); })});
  Client client = connect(daemon.options());
  std::error_code error;
  client.mutator("products").insert_one({{"description", std::string(9u << 20, 'x')}}, error);
  EXPECT_EQ(error, ErrorCode::message_too_large);
  client.mutator("products").insert_one({{"description", "short"}}, error);
  EXPECT_FALSE(error);
}

TEST(ClientConnection, MatchesAnswersThatComeInAnotherOrder) {
  FakeDaemon daemon({[](Link& link) {
    std::vector<protocol::Request> held;
    while (auto request = link.next_after_hello()) {
      held.push_back(std::move(*request));
      if (held.size() < 3) continue;
      for (auto waiting = held.rbegin(); waiting != held.rend(); ++waiting) {
        const auto& find = std::get<protocol::FindMany>(waiting->call);
        link.answer(waiting->id,
                    Map{{"data", List{Map{{"id", 1}, {"of", find.entity}}}}, {"meta", Map()}});
      }
      held.clear();
    }
  }});
  Client client = connect(daemon.options());
  Pipeline pipeline = client.pipeline();
  for (const char* entity : {"a", "b", "c"}) pipeline.find_many(entity);

  const auto answers = pipeline.run();

  EXPECT_EQ(answers.at(0).page()[0].get<std::string>("of"), "a");
  EXPECT_EQ(answers.at(1).page()[0].get<std::string>("of"), "b");
  EXPECT_EQ(answers.at(2).page()[0].get<std::string>("of"), "c");
}

TEST(ClientConnection, TellsWhoTakesAnAnswerForAnother) {
  FakeDaemon daemon({answering([](const protocol::Request& request) {
    if (std::holds_alternative<protocol::InsertOne>(request.call)) {
      return Map{{"id", 1}, {"version", 1}, {"sequence", 1}, {"data", Map()}, {"changes", Map()}};
    }
    return Map{{"data", List()}, {"meta", Map()}};
  })});
  Client client = connect(daemon.options());
  Pipeline pipeline = client.pipeline();
  pipeline.insert_one("products", {{"x", 1}});
  pipeline.find_many("products");

  const auto answers = pipeline.run();

  EXPECT_EQ(answers.at(0).mutation().id(), Value(1));
  EXPECT_TRUE(answers.at(1).page().empty());
  try {
    answers[0].page();
    FAIL() << "a mutation was taken for a page";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ErrorCode::invalid_request);
    EXPECT_EQ(failure.error().hint, "take its mutation(), or value()");
  }
  EXPECT_THROW(answers[1].mutation(), Failure);
  EXPECT_THROW(answers[1].record(), Failure);
}

TEST(ClientConnection, SendsNoFieldThatIsGivenTwice) {
  FakeDaemon daemon({answering([](const protocol::Request&) { return Map(); })});
  Client client = connect(daemon.options());
  std::optional<Error> error;
  client.mutator("products").insert_one({{"name", "one"}, {"price", 1}, {"name", "two"}}, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::invalid_request);
  EXPECT_EQ(error->path, "name");
  client.mutator("products").insert_many({{{"a", 1}}, {{"a", 1}, {"a", nullptr}}}, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->path, "documents[1].a");
}

// Both sides have more to say than a socket holds: whoever only sends waits forever.
TEST(ClientConnection, ReadsWhileItSends) {
  const std::string much(256u << 10, 'x');
  FakeDaemon daemon({answering([&](const protocol::Request&) {
    return Map{{"data", Map{{"id", 1}, {"text", much}}}, {"meta", Map()}};
  })});
  Client client = connect(daemon.options());
  Pipeline pipeline = client.pipeline();
  for (int i = 0; i < 100; ++i) pipeline.find_one("products", {.where = {{"text", much}}});

  const auto answers = pipeline.run();

  ASSERT_EQ(answers.size(), 100u);
  for (const auto& answer : answers)
    EXPECT_EQ(answer.record()->get<std::string>("text").size(), much.size());
}

TEST(ClientConnection, ServesManyThreads) {
  FakeDaemon daemon({answering([](const protocol::Request& request) {
    return Map{{"data", Map{{"id", std::get<protocol::FindId>(request.call).id}}}, {"meta", Map()}};
  })});
  Client client = connect(daemon.options());
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        const int id = 1 + 50 * thread + i;
        const auto record = client.repository("products").find_id(id);
        if (record && record->id() == Value(id)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
}

TEST(ClientConnection, SpinsAndStillGetsEveryReply) {
  FakeDaemon daemon({answering([](const protocol::Request&) { return ping_reply(4); })});
  Options options = daemon.options();
  options.spin = std::chrono::microseconds(200);
  Client client = connect(options);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.ping(), 4u);
}

TEST(ClientConnection, SaysHowToStartADaemonWhereThereIsNone) {
  std::optional<Error> error;
  Options options;
  options.socket = "no/such/socket";
  EXPECT_FALSE(connect(options, error));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::unreachable);
  EXPECT_THAT(error->message, HasSubstr("no/such/socket"));
  EXPECT_THAT(error->hint, HasSubstr("emstored --data DIR --socket no/such/socket"));
}

TEST(ClientConnection, RefusesAPathThatNoSocketCanHave) {
  std::optional<Error> error;
  Options options;
  options.socket = std::string(200, 'x');
  EXPECT_FALSE(connect(options, error));
  EXPECT_THAT(error.value().message, HasSubstr("200"));
}

}  // namespace
}  // namespace emstore
