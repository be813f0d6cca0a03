// Requests that survive a lost connection: it is made again, and what was not answered is sent
// again where that is harmless. One Caller is one connection; callers of several threads take
// turns. Who is told of something in the middle of a turn (`take`, a handler of notifications) has
// to leave the Caller alone: what he asks of it meanwhile is refused as unsupported.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <emstore/options.hpp>

#include "base/result.h"
#include "client-lib/connection.h"

namespace emstore {

// Between two attempts to reach the daemon; each is twice the one before.
inline constexpr std::chrono::milliseconds kFirstPause{5};
inline constexpr std::chrono::milliseconds kLongestPause{500};

// One request, encoded under `id`.
struct Outgoing {
  std::uint32_t id = 0;
  std::string bytes;
  bool is_mutation = false;
  std::string key;                   // Of a mutation: the request key, empty when it has none.
  bool repeatable = true;            // Sending it twice does no harm.
  bool repeat_after_silence = true;  // Also when no answer came in time.
  int descriptor = -1;               // Goes with it; stays open until it is answered.
};

class Caller {
 public:
  // Turns are taken in one order: who has the one of `later`, which outlives this, may not wait for
  // one here.
  Caller(std::filesystem::path socket, Options options, const Caller* later = nullptr);

  std::uint32_t next_id();
  // Connects now, once: a daemon that is not there is an error at once.
  Status connect();
  // Sends all requests together. The answers are in their order; losing the connection for good
  // shows there, as unreachable, timed_out or outcome_unknown.
  std::vector<Result<Value>> run(std::span<const Outgoing> requests);
  Result<Value> run(const Outgoing& request);
  // Sends what `next` gives until it gives nothing, each request while those before it are on their
  // way, `in_flight` of them at most; `take` gets every answer, in the order in which they come.
  // Ends with the first refusal, or with a lost connection: nothing is sent twice. `room` is the
  // memory of a request that was sent, for the next one.
  using Next = std::function<Result<std::optional<Outgoing>>(std::string room)>;
  Status stream(std::size_t in_flight, const Next& next,
                const std::function<void(const Value&)>& take);
  // The same of a request that may be answered with a descriptor.
  struct Passed {
    Value value;
    Descriptor descriptor;  // None, when none came.
  };
  Result<Passed> run_passed(const Outgoing& request);

  Map hello() const;
  // Errors: unsupported, from a handler.
  Status on_push(Connection::PushHandler handler);
  const std::filesystem::path& socket() const { return socket_; }
  const Options& options() const { return options_; }

 private:
  class Turn;
  // Errors: unsupported, this thread has the turn, or that of the later one.
  Status may_take_turn() const;
  // Answers so far, in the order of the requests.
  struct Round;
  class Exchange;
  void run(Round& round);
  Status ensure_connected();
  Status greet(Connection& connection);
  Status exchange(Round& round);
  Status exchange(std::size_t in_flight, const Next& next,
                  const std::function<void(const Value&)>& take);
  Status too_large(const Outgoing& request) const;

  const std::filesystem::path socket_;
  const Options options_;
  const Caller* const later_;
  std::atomic<std::uint32_t> last_id_ = 0;
  mutable std::atomic<std::thread::id> has_turn_ = {};
  mutable std::mutex turn_;  // Guards all below; held for a whole exchange.
  std::optional<Connection> connection_;
  Map hello_;
  bool is_other_store_ = false;        // What answers now is not what answered first.
  std::size_t request_bytes_max_ = 0;  // 0: the daemon did not say.
  Connection::PushHandler on_push_;
};

}  // namespace emstore
