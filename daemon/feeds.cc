#include "daemon/feeds.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/answers.h"
#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

// Of one slice. Small, so that subscribers take turns and a stop need not wait.
constexpr std::uint64_t kSliceCommitsMax = 1'000;
constexpr std::size_t kSliceBytesMax = 64u << 10;
// A subscriber for whom nothing matches is told how far the log was looked through this often.
constexpr Sequence kMarkEvery = 1'000;
constexpr std::size_t kEnvelopeBytes = 1'024;  // What a push has around its commits, at most.

Result<store::FeedWords> words_of(const protocol::Subscribe& call) {
  store::FeedWords words{call.entity, call.id, call.field, {}};
  for (const Value& name : call.operators) {
    if (name.if_text() == nullptr) {
      return failure(ErrorCode::wrong_type,
                     "operators are texts, not " + std::string(name_of(name.kind())), "operators");
    }
    words.operators.push_back(*name.if_text());
  }
  return words;
}

}  // namespace

Result<Feeds::Subscription> Feeds::subscription_of(const store::View& view,
                                                   const protocol::Subscribe& call) {
  Subscription subscription;
  EMSTORE_TRY(const store::FeedWords words, words_of(call));
  EMSTORE_TRY(subscription.filter, store::resolve_filter(view, names_, words));
  subscription.next = call.from ? std::max<Sequence>(*call.from, 1) : view.sequence + 1;
  if (subscription.next > view.sequence + 1) {
    return failure(ErrorCode::out_of_range,
                   "commit " + std::to_string(subscription.next) +
                       " lies beyond the log, whose last is " + std::to_string(view.sequence),
                   "from", "a position of another store? the next commit is the furthest");
  }
  subscription.told = subscription.next;
  return subscription;
}

// A name that nothing has now is looked for in all schemas of the log: on a thread of scans.
void Feeds::begin(Session& session, std::uint32_t request, const protocol::Subscribe& call) {
  const auto view = parts_.store.view();
  if (store::names_are_of_now(*view->schema, call.entity, call.field)) {
    return answer(session, request, subscription_of(*view, call));
  }
  const Caller caller{session.id(), request};
  const bool is_taken = parts_.scans.submit([this, caller, call, view](std::size_t) {
    Result<Subscription> made = subscription_of(*view, call);
    parts_.reactor.deliver([this, caller, answered = std::move(made)]() mutable {
      Session* asker = parts_.sessions.find(caller.session);
      if (asker != nullptr) answer(*asker, caller.request, std::move(answered));
    });
  });
  if (!is_taken) return session.refuse(request, too_much_waits("scans"));
  session.expect(request, kEnvelopeBytes);
}

void Feeds::answer(Session& session, std::uint32_t request, Result<Subscription> made) {
  const auto found = feeders_.find(session.id());
  const std::size_t most = parts_.config.subscriptions_max;
  if (found != feeders_.end() && found->second.subscriptions.size() >= most) {
    return session.refuse(
        request, Error{ErrorCode::out_of_range,
                       "this connection has " + std::to_string(most) + " subscriptions already", "",
                       "unsubscribe one, use another connection, or raise limits.subscriptions"});
  }
  if (!made) return session.refuse(request, made.error());
  const Number number = ++begun_;
  ++count_;
  session.reply(request, Map{{"subscription", number},
                             {"from", made->next},
                             {"sequence", parts_.store.view()->sequence}});
  Feeder& feeder = feeders_[session.id()];
  feeder.subscriptions.emplace(number, *std::move(made));
  serve(session, feeder);
}

void Feeds::end(Session& session, std::uint32_t request, const protocol::Unsubscribe& call) {
  const auto found = feeders_.find(session.id());
  const bool ended =
      found != feeders_.end() && found->second.subscriptions.erase(call.subscription) > 0;
  if (ended) --count_;
  session.reply(request, Map{{"ended", ended}});
}

void Feeds::forget(SessionId session) {
  parts_.feeds.drop(session);
  const auto found = feeders_.find(session);
  if (found == feeders_.end()) return;
  count_ -= found->second.subscriptions.size();
  feeders_.erase(found);
}

void Feeds::committed() {
  for (auto& [id, feeder] : feeders_) {
    if (Session* session = parts_.sessions.find(id)) serve(*session, feeder);
  }
}

void Feeds::serve(Session& session) {
  const auto found = feeders_.find(session.id());
  if (found != feeders_.end()) serve(session, found->second);
}

void Feeds::serve(Session& session, Feeder& feeder) {
  if (feeder.is_reading || is_draining_ || session.is_closed()) return;
  const std::size_t buffer = parts_.config.feed_buffer_max;
  if (session.unsent() > buffer) return session.await_room(buffer);
  if (const Number number = next_due(session, feeder)) read(session, feeder, number);
}

// Whose turn it is: the first after the one that was served last to which commits are due; 0: none.
Feeds::Number Feeds::next_due(Session& session, Feeder& feeder) const {
  const Sequence last = parts_.store.view()->sequence;
  Number due = 0;
  for (auto& [number, subscription] : feeder.subscriptions) {
    tell_state(session, number, subscription);
    if (subscription.next > last) continue;
    if (number > feeder.served) return number;
    if (due == 0) due = number;
  }
  return due;
}

void Feeds::read(Session& session, Feeder& feeder, Number number) {
  const Subscription& subscription = feeder.subscriptions.at(number);
  const std::size_t push_max = parts_.config.session.wire.reply_bytes_max;
  const store::FeedBounds bounds{
      .commits_max = kSliceCommitsMax,
      .bytes_max = kSliceBytesMax,
      .commit_max = push_max - std::min(push_max, kEnvelopeBytes),
  };
  // One piece a connection waits at most, and there is room for all connections: only a pool that
  // was stopped refuses.
  auto work = [this, bounds, number, session_id = session.id(), filter = subscription.filter,
               from = subscription.next, view = parts_.store.view()](std::size_t) {
    Result<store::FeedSlice> slice = store::read_feed(*view, schemas_, filter, from, bounds);
    parts_.reactor.deliver([this, session_id, number, read = std::move(slice)]() mutable {
      take(session_id, number, std::move(read));
    });
  };
  feeder.is_reading = parts_.feeds.submit(session.id(), 0, std::move(work));
  feeder.served = number;
}

void Feeds::take(SessionId session_id, Number number, Result<store::FeedSlice> slice) {
  const auto feeder = feeders_.find(session_id);
  Session* session = parts_.sessions.find(session_id);
  if (feeder == feeders_.end() || session == nullptr) return;
  feeder->second.is_reading = false;
  const auto found = feeder->second.subscriptions.find(number);
  if (found != feeder->second.subscriptions.end() && slice) {
    push(*session, number, found->second, *slice);
    tell_state(*session, number, found->second);
  } else if (found != feeder->second.subscriptions.end()) {
    const Error& error = slice.error();
    session->push({"ended",
                   {number, found->second.next,
                    List{name_of(error.code), error.message, Map{{"hint", error.hint}}}}});
    feeder->second.subscriptions.erase(found);
    --count_;
  }
  serve(*session, feeder->second);
}

void Feeds::push(Session& session, Number number, Subscription& subscription,
                 const store::FeedSlice& slice) const {
  subscription.next = slice.next;
  if (slice.commits.empty() && slice.next - subscription.told < kMarkEvery) return;
  subscription.told = slice.next;
  protocol::PushWriter writer(session.out(), "commits", 3);
  write_number(number, writer.params());
  writer.params().begin_list(slice.commits.size());
  for (const std::string& commit : slice.commits) {
    // Into packed bytes: what is packed is taken as it is.
    static_cast<void>(writer.params().packed(commit));
  }
  write_number(slice.next, writer.params());
  session.pushed();
}

void Feeds::tell_state(Session& session, Number number, Subscription& subscription) const {
  const Sequence last = parts_.store.view()->sequence;
  const Sequence behind = last + 1 - std::min(subscription.next, last + 1);
  const bool catches_up = !subscription.is_live && behind == 0;
  const bool falls_back = subscription.is_live && behind > parts_.config.feed_lag_max;
  if (!catches_up && !falls_back) return;
  subscription.is_live = catches_up;
  subscription.told = subscription.next;
  if (catches_up) return session.push({"caught_up", {number, subscription.next}});
  session.push({"lagging", {number, subscription.next, behind}});
}

}  // namespace emstore::daemon
