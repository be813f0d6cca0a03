#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <emstore/client.hpp>

#include "protocol/codec.h"
#include "tests/unit/client-lib/fake_daemon.h"

namespace emstore {
namespace {

using testing::answering;
using testing::FakeDaemon;
using ::testing::HasSubstr;
using testing::Link;
using testing::mutation_reply;
using testing::Seen;

// Takes one request after hello and hangs up.
FakeDaemon::Script hang_up_after(Seen<protocol::Request>& seen) {
  return [&seen](Link& link) {
    if (auto request = link.next_after_hello()) seen.add(std::move(*request));
  };
}

protocol::InsertOne as_insert(const protocol::Request& request) {
  return std::get<protocol::InsertOne>(request.call);
}

TEST(ClientRetry, RepeatsAMutationUnderTheSameKeyWhenTheReplyWasLost) {
  Seen<protocol::Request> first, second;
  FakeDaemon daemon({hang_up_after(first), answering([&](const protocol::Request& request) {
                       second.add(request);
                       return mutation_reply(3, true);
                     })});
  Client client = connect(daemon.options());

  const Mutation mutation = client.mutator("products").insert_one({{"name", "Laptop"}});

  EXPECT_EQ(mutation.id(), Value(3));
  EXPECT_TRUE(mutation.replayed());
  ASSERT_EQ(first.all().size(), 1u);
  ASSERT_EQ(second.all().size(), 1u);
  EXPECT_EQ(as_insert(first.all()[0]).options.key->size(), 32u);
  EXPECT_EQ(as_insert(first.all()[0]).options.key, as_insert(second.all()[0]).options.key);
  EXPECT_EQ(as_insert(first.all()[0]).document, as_insert(second.all()[0]).document);
  EXPECT_EQ(first.all()[0].digest, second.all()[0].digest);
}

TEST(ClientRetry, DoesNotRepeatAMutationWithoutAKey) {
  Seen<protocol::Request> first;
  std::atomic<int> later = 0;
  FakeDaemon daemon({hang_up_after(first), answering([&](const protocol::Request&) {
                       ++later;
                       return mutation_reply();
                     })});
  Options options = daemon.options();
  options.request_keys = false;
  Client client = connect(options);

  std::optional<Error> error;
  client.mutator("products").insert_one({{"name", "Laptop"}}, error);

  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::outcome_unknown);
  EXPECT_FALSE(as_insert(first.all().at(0)).options.key);
  EXPECT_EQ(later, 0);
}

TEST(ClientRetry, RepeatsAReadAsItWas) {
  Seen<protocol::Request> first;
  FakeDaemon daemon({hang_up_after(first), answering([](const protocol::Request& request) -> Value {
                       const auto& find = std::get<protocol::FindOne>(request.call);
                       return Map{{"data", Map{{"id", 1}, {"name", find.entity}}}, {"meta", Map()}};
                     })});
  Client client = connect(daemon.options());

  const auto record = client.repository("products").find_one({.where = {{"id", 1}}});

  EXPECT_EQ(first.all().size(), 1u);
  EXPECT_EQ(record.value().get<std::string>("name"), "products");
}

TEST(ClientRetry, GivesUpAsOutcomeUnknownAndNamesTheKey) {
  Seen<protocol::Request> seen;
  std::optional<FakeDaemon> daemon;
  daemon.emplace(std::vector<FakeDaemon::Script>{[&](Link& link) {
    auto request = link.next_after_hello();
    daemon->stop_listening();
    if (request) seen.add(std::move(*request));
  }});
  Options options = daemon->options();
  options.retry_for = std::chrono::milliseconds(20);
  Client client = connect(options);

  std::optional<Error> error;
  client.mutator("products").delete_one(1, error, {.mutation = {.key = "my-key"}});

  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::outcome_unknown);
  EXPECT_THAT(error->hint, HasSubstr("\"my-key\""));
  EXPECT_EQ(seen.all().size(), 1u);
  std::error_code read_error;
  client.repository("products").count({}, read_error);
  EXPECT_EQ(read_error, ErrorCode::unreachable);
}

TEST(ClientRetry, WaitsOutADaemonThatIsBusyOrStopping) {
  std::atomic<int> asked = 0;
  FakeDaemon daemon({[&](Link& link) {
    while (const auto request = link.next_after_hello()) {
      const int turn = ++asked;
      if (turn == 1) {
        link.refuse(request->id, ErrorCode::busy);
      } else if (turn == 2) {
        link.refuse(request->id, ErrorCode::shutting_down);
      } else {
        link.answer(request->id, mutation_reply(9));
      }
    }
  }});
  Options options = daemon.options();
  options.request_keys = false;  // Nothing has happened, so no key is needed.
  Client client = connect(options);

  EXPECT_EQ(client.mutator("products").insert_one({{"name", "Mug"}}).id(), Value(9));
  EXPECT_EQ(asked, 3);
}

TEST(ClientRetry, GivesARefusalAtOnce) {
  std::atomic<int> asked = 0;
  FakeDaemon daemon({[&](Link& link) {
    while (const auto request = link.next_after_hello()) {
      ++asked;
      link.refuse(request->id, ErrorCode::unknown_field, "products has no field \"galery\"");
    }
  }});
  Client client = connect(daemon.options());

  try {
    client.mutator("products").insert_one({{"galery", 1}});
    FAIL() << "the refusal was lost";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ErrorCode::unknown_field);
    EXPECT_THAT(failure.what(), HasSubstr("products has no field \"galery\""));
  }
  EXPECT_EQ(asked, 1);
}

TEST(ClientRetry, RefusesAnotherStoreBehindTheSameSocket) {
  FakeDaemon daemon({[](Link& link) { link.next_after_hello("one store"); },
                     [](Link& link) {
                       while (const auto request = link.next_after_hello("another store")) {
                         link.answer(request->id, mutation_reply());
                       }
                     }});
  Options options = daemon.options();
  options.retry_for = std::chrono::hours(1);  // It does not wait for the first store to come back.
  Client client = connect(options);

  std::optional<Error> error;
  client.mutator("products").insert_one({{"name", "Laptop"}}, error);

  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::outcome_unknown);
  EXPECT_THAT(error->message, HasSubstr("another store"));
}

TEST(ClientRetry, TakesSilenceForALostConnection) {
  FakeDaemon daemon({[](Link& link) {
    while (link.next_after_hello()) {
    }
  }});
  Options options = daemon.options();
  options.timeout = std::chrono::milliseconds(400);
  options.retry_for = std::chrono::milliseconds(0);
  Client client = connect(options);

  std::error_code error;
  client.ping(error);
  EXPECT_EQ(error, ErrorCode::timed_out);
  client.mutator("products").insert_one({{"name", "Laptop"}}, error);
  EXPECT_EQ(error, ErrorCode::outcome_unknown);
}

TEST(ClientRetry, WaitsForEver) {
  std::atomic<int> asked = 0;
  FakeDaemon daemon({[&](Link& link) {
    while (const auto request = link.next_after_hello()) {
      if (++asked == 1) return;  // So that it is asked again.
      link.answer(request->id, mutation_reply(9));
    }
  }});
  Options options = daemon.options();
  options.timeout = options.retry_for = std::chrono::milliseconds::max();
  options.spin = std::chrono::microseconds::max();
  Client client = connect(options);
  EXPECT_EQ(client.mutator("products").insert_one({{"name", "Mug"}}).id(), Value(9));
}

// The connection of before is the parent's: sharing it, each would get the other's replies.
TEST(ClientRetry, ConnectsAnewInAForkedProcess) {
  const auto numbered = [](int number) {
    return answering([number](const protocol::Request&) { return Map{{"sequence", number}}; });
  };
  FakeDaemon daemon({numbered(1), numbered(2)});
  Client client = connect(daemon.options());
  const pid_t child = ::fork();
  if (child == 0) {
    std::error_code error;
    ::_exit(static_cast<int>(client.ping(error)));
  }
  int ended = 0;
  ASSERT_EQ(::waitpid(child, &ended, 0), child);
  EXPECT_EQ(WEXITSTATUS(ended), 2);
  EXPECT_EQ(client.ping(), 1u);
}

TEST(ClientRetry, SendsOnlyWhatWasNotAnsweredAgainAndInOrder) {
  Seen<std::string> second;
  FakeDaemon daemon({[](Link& link) {
                       // Answers the first two of four, then hangs up.
                       for (int i = 0; i < 2; ++i) {
                         const auto request = link.next_after_hello();
                         if (request) link.answer(request->id, mutation_reply(i + 1));
                       }
                       link.next();
                     },
                     answering([&](const protocol::Request& request) {
                       second.add(as_insert(request).entity);
                       return mutation_reply(static_cast<std::int64_t>(second.all().size()) + 2);
                     })});
  Client client = connect(daemon.options());
  Pipeline pipeline = client.pipeline();
  for (const char* entity : {"a", "b", "c", "d"}) pipeline.insert_one(entity, {{"x", 1}});

  const auto answers = pipeline.run();

  EXPECT_THAT(second.all(), ::testing::ElementsAre("c", "d"));
  ASSERT_EQ(answers.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(answers[i].mutation().id(), Value(i + 1));
}

TEST(ClientRetry, DoesNotReorderAPipelineAroundABusyAnswer) {
  std::atomic<int> asked = 0;
  FakeDaemon daemon({[&](Link& link) {
    while (const auto request = link.next_after_hello()) {
      if (++asked == 1) {
        link.refuse(request->id, ErrorCode::busy);
      } else {
        link.answer(request->id, mutation_reply(2));
      }
    }
  }});
  Client client = connect(daemon.options());
  Pipeline pipeline = client.pipeline();
  pipeline.insert_one("products", {{"x", 1}});
  pipeline.insert_one("products", {{"x", 2}});

  const auto answers = pipeline.run();

  ASSERT_TRUE(answers.at(0).error());
  EXPECT_EQ(answers[0].error()->code, ErrorCode::busy);
  EXPECT_TRUE(answers[1].ok());
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace emstore
