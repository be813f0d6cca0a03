// Feeds: subscriptions to the log. Each is a position; what it is due is read from the log, a slice
// at a time, on a thread of its own, and pushed when its connection has room. Old commits and those
// to come take the same way, so there is no seam at which one could be lost or come twice, and a
// subscriber that takes nothing costs a bounded buffer.
//
//   commits   [subscription, [commit, …], next]   `next`: what `from` would go on with; the list
//   may
//                                                 be empty: nothing matched so far
//   caught_up [subscription, next]                all that there is has been sent
//   lagging   [subscription, next, behind]        it had caught up, and fell so many commits behind
//   ended     [subscription, next, error]         the log could not be read on
//
// Threads: the reactor's.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "daemon/parts.h"
#include "protocol/message.h"
#include "store/feed.h"
#include "store/names_of_then.h"

namespace emstore::daemon {

class Feeds {
 public:
  explicit Feeds(const Parts& parts) : parts_(parts) {}

  void begin(Session& session, std::uint32_t request, const protocol::Subscribe& call);
  void end(Session& session, std::uint32_t request, const protocol::Unsubscribe& call);

  // A newer commit may be visible.
  void committed();
  // The session has room for what is due to it.
  void serve(Session& session);
  // Nothing more is read: the daemon stops.
  void drain() { is_draining_ = true; }
  // A connection has ended.
  void forget(SessionId session);
  std::size_t count() const { return count_; }

 private:
  using Number = std::uint64_t;
  struct Subscription {
    store::FeedFilter filter;
    Sequence next = 0;  // The first commit not looked at.
    Sequence told = 0;  // The position that the subscriber knows.
    bool is_live = false;
  };
  // The subscriptions of one session. They take turns: one slice is read at a time.
  struct Feeder {
    std::map<Number, Subscription> subscriptions;
    Number served = 0;  // Whose turn was last.
    bool is_reading = false;
  };

  Result<Subscription> subscription_of(const store::View& view, const protocol::Subscribe& call);
  void answer(Session& session, std::uint32_t request, Result<Subscription> made);
  void serve(Session& session, Feeder& feeder);
  Number next_due(Session& session, Feeder& feeder) const;
  void read(Session& session, Feeder& feeder, Number number);
  void take(SessionId session, Number number, Result<store::FeedSlice> slice);
  void push(Session& session, Number number, Subscription& subscription,
            const store::FeedSlice& slice) const;
  void tell_state(Session& session, Number number, Subscription& subscription) const;

  const Parts& parts_;
  store::SchemasOfThen schemas_;  // Of all subscriptions, also between their slices.
  store::NamesOfThen names_;
  std::unordered_map<SessionId, Feeder> feeders_;
  Number begun_ = 0;
  std::size_t count_ = 0;
  bool is_draining_ = false;
};

}  // namespace emstore::daemon
