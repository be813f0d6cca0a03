// What a Feed is made of: a connection of its own, and what has arrived on it.
// Threads: one at a time.
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>

#include <emstore/feed.hpp>
#include <emstore/options.hpp>

#include "base/result.h"
#include "client-lib/connection.h"
#include "protocol/message.h"

namespace emstore {

struct Feed::State {
  std::filesystem::path socket;
  Options options;
  protocol::Subscribe wanted;  // `from`: behind the last notice that was given out.
  Value store_id = {};
  std::int64_t subscription = 0;
  std::optional<Connection> connection = {};
  std::deque<FeedNotice> arrived = {};
  std::optional<Error> ended = {};  // What the daemon ended it with.

  // Connects and subscribes. Errors: as of subscribe, unreachable.
  static Result<std::unique_ptr<State>> open(Core& core, const FeedOptions& options);
  Result<std::optional<FeedNotice>> next(std::chrono::milliseconds patience);
  Status run(const Handler& handler);

 private:
  // Since the connection was lost, over however many calls of next().
  struct Lost {
    Error cause;
    Clock::time_point retry_at, give_up_at;
    std::chrono::milliseconds pause;  // Before the attempt after the next.
  };
  std::optional<Lost> lost_ = {};

  // What the daemon was asked on the way, over however many calls of next() too, and how long it
  // may take. The kinds are the ids of the requests.
  struct Question {
    enum class Kind : std::uint32_t { hello = 1, subscribe = 2 } kind = Kind::hello;
    Clock::time_point until;
  };
  std::optional<Question> asked_ = {};  // Nothing once it is subscribed.

  // Goes on with connecting and subscribing where the feed is. false: `deadline` comes first.
  Result<bool> subscribe(Clock::time_point deadline);
  Status connect(Clock::time_point deadline);
  void ask(Question::Kind kind, const protocol::Call& call);
  // The answer; nothing when `deadline` comes before it.
  Result<std::optional<Map>> answer(Clock::time_point deadline);
  Status take_hello(const Map& hello);
  // Whether it is connected and subscribed by `deadline`.
  Result<bool> is_connected_by(Clock::time_point deadline);
  // The next attempt is to come after `pause`.
  void lose(const Error& cause, std::chrono::milliseconds pause);
  Status take(protocol::Push& push);
  Status take_commits(List& params);
};

}  // namespace emstore
