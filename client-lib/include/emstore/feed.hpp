// The feed: commits of the log, from any place on and then as they are made.
//
//   Feed feed = client.subscribe({.from = position, .entity = "products"});
//   while (auto notice = feed.next(std::chrono::seconds(1))) { … }
//
// Nothing is missed and nothing comes twice: a lost connection is made again, and the feed goes on
// where it was. A program that wants to go on after it has ended keeps `next` of the last notice it
// has dealt with, and subscribes with that as `from`.
#pragma once

#include <emstore/failure.hpp>
#include <emstore/value.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace emstore {

class Core;

// Which commits: those with an event that is all that is asked for. A commit comes whole.
struct FeedOptions {
  std::optional<std::uint64_t> from = {};   // The first commit; none: only those to come.
  std::string entity = {};                  // About records of it …
  Value id = {};                            // … or this one of them.
  std::string field = {};                   // Concerning this field of the entity.
  std::vector<std::string> operators = {};  // Links, by $set, $detach, $attach, $create or delete.
};

struct FeedNotice {
  enum class Kind : std::uint8_t {
    commit,     // `commit`
    progress,   // Nothing matched before `next`.
    caught_up,  // All that there is has come.
    lagging     // `behind` commits wait; it had caught up before.
  } kind = Kind::commit;
  Map commit;              // {sequence, time, schema, peer, events}; a huge one {sequence, bytes}.
  std::uint64_t next = 0;  // What `from` would go on with.
  std::uint64_t behind = 0;
};

// Has a connection of its own. Threads: one at a time.
class Feed {
 public:
  Feed(Feed&&) noexcept;
  Feed& operator=(Feed&&) noexcept;
  ~Feed();  // Ends the subscription.

  // The next notice; nothing when none has come within `patience`, nor the daemon come back.
  // Errors: unreachable, when it has not come back within Options::retry_for; and what ended the
  // feed, from then on.
  std::optional<FeedNotice> next(std::chrono::milliseconds patience);
  std::optional<FeedNotice> next(std::chrono::milliseconds patience, ErrorOut error);
  // Hands every notice to `handler` until that returns false.
  using Handler = std::function<bool(const FeedNotice& notice)>;
  void run(const Handler& handler);
  void run(const Handler& handler, ErrorOut error);
  // What `from` would go on with: after the last notice that next() gave.
  std::uint64_t position() const;

 private:
  friend class Client;
  struct State;
  explicit Feed(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace emstore
