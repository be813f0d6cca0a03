#include <emstore/feed.hpp>

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>

#include "client-lib/answers.h"
#include "client-lib/caller.h"
#include "client-lib/core.h"
#include "client-lib/feed_state.h"
#include "protocol/codec.h"

namespace emstore {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kSubscribeId = 2;

tl::unexpected<Error> not_understood(std::string_view method) {
  return failure(ErrorCode::internal, "a notification that is none: " + std::string(method));
}

const std::int64_t* integer_at(const List& params, std::size_t place) {
  return place < params.size() ? params[place].if_integer() : nullptr;
}

}  // namespace

Result<std::unique_ptr<Feed::State>> Feed::State::open(Core& core, const FeedOptions& options) {
  auto state = std::make_unique<State>();
  state->socket = core.caller().socket();
  state->options = core.caller().options();
  const Map hello = core.caller().hello();
  if (const Value* store = hello.find("store_id")) state->store_id = *store;
  state->wanted = {options.from, options.entity, options.id, options.field, {}};
  for (const std::string& name : options.operators) state->wanted.operators.emplace_back(name);
  EMSTORE_CHECKED(state->subscribe());
  return state;
}

Result<Map> Feed::State::ask(const protocol::Call& call, std::uint32_t id) {
  std::string bytes;
  protocol::encode_request(id, call, bytes);
  connection->queue(bytes);
  const Clock::time_point deadline = deadline_in(options.timeout);
  while (true) {
    EMSTORE_TRY(std::optional<protocol::Incoming> incoming, connection->receive_any(deadline));
    if (!incoming) return failure(ErrorCode::timed_out, "emstored did not answer in time");
    auto* reply = std::get_if<protocol::Reply>(&*incoming);
    if (reply == nullptr) continue;
    if (reply->error) return failure(std::move(*reply->error));
    return expect_map(std::move(reply->result), protocol::method_of(call));
  }
}

// Connects and subscribes where the feed is.
Status Feed::State::subscribe() {
  EMSTORE_TRY(Connection made, Connection::open(socket, {options.timeout, options.spin}));
  connection = std::move(made);
  arrived.clear();
  EMSTORE_TRY(
      const Map hello,
      ask(protocol::Hello{protocol::kProtocolVersion, options.client_name, {}}, kSubscribeId - 1));
  const Value* store = hello.find("store_id");
  if (store != nullptr && store_id.is_null()) store_id = *store;
  if (store == nullptr || !(*store == store_id)) {
    return failure(ErrorCode::unsupported,
                   socket.string() + " now serves another store than before", {},
                   "subscribe anew: positions are those of one store");
  }
  EMSTORE_TRY(const Map subscribed, ask(wanted, kSubscribeId));
  subscription = static_cast<std::int64_t>(unsigned_of(subscribed, "subscription"));
  wanted.from = unsigned_of(subscribed, "from");
  return {};
}

void Feed::State::lose(const Error& cause, milliseconds pause) {
  connection.reset();
  lost_ = Lost{cause, deadline_in(pause), deadline_in(options.retry_for), kFirstPause};
}

Result<bool> Feed::State::is_connected_by(Clock::time_point deadline) {
  if (connection && connection->is_inherited()) connection.reset();
  if (!connection && !lost_) lose({ErrorCode::unreachable, "not connected"}, {});
  while (lost_) {
    if (!is_retryable(lost_->cause.code) || lost_->retry_at > lost_->give_up_at) {
      return failure(std::exchange(lost_, std::nullopt)->cause);
    }
    std::this_thread::sleep_until(std::min(lost_->retry_at, deadline));
    if (lost_->retry_at > deadline) return false;
    if (const Status done = subscribe(); done) {
      lost_.reset();
    } else {
      connection.reset();
      lost_->cause = done.error();
      lost_->retry_at = deadline_in(lost_->pause);
      lost_->pause = std::min(2 * lost_->pause, kLongestPause);
    }
  }
  return true;
}

Status Feed::State::take(protocol::Push& push) {
  const std::int64_t* number = integer_at(push.params, 0);
  if (number == nullptr || *number != subscription) return {};
  if (push.method == "commits") return take_commits(push.params);
  const std::int64_t* next = integer_at(push.params, 1);
  if (next == nullptr) return not_understood(push.method);
  FeedNotice notice{FeedNotice::Kind::caught_up, {}, static_cast<std::uint64_t>(*next), 0};
  if (push.method == "ended") {
    ended = push.params.size() > 2 ? error_of(push.params[2])
                                   : Error{ErrorCode::internal, "the feed ended"};
    return failure(*ended);
  }
  if (push.method == "lagging") {
    const std::int64_t* behind = integer_at(push.params, 2);
    notice.kind = FeedNotice::Kind::lagging;
    notice.behind = behind == nullptr ? 0 : static_cast<std::uint64_t>(*behind);
  } else if (push.method != "caught_up") {
    return {};  // Of a newer daemon.
  }
  arrived.push_back(std::move(notice));
  return {};
}

Status Feed::State::take_commits(List& params) {
  List* commits = params.size() == 3 ? params[1].if_list() : nullptr;
  const std::int64_t* next = integer_at(params, 2);
  if (commits == nullptr || next == nullptr) return not_understood("commits");
  for (Value& commit : *commits) {
    Map* map = commit.if_map();
    if (map == nullptr) return not_understood("commits");
    const std::uint64_t after = unsigned_of(*map, "sequence") + 1;
    arrived.push_back({FeedNotice::Kind::commit, std::move(*map), after, 0});
  }
  // What was looked through behind the last of them.
  const auto looked = static_cast<std::uint64_t>(*next);
  if (arrived.empty() || arrived.back().next < looked) {
    arrived.push_back({FeedNotice::Kind::progress, {}, looked, 0});
  }
  return {};
}

Result<std::optional<FeedNotice>> Feed::State::next(milliseconds patience) {
  const Clock::time_point deadline = deadline_in(patience);
  while (arrived.empty()) {
    if (ended) return failure(*ended);
    EMSTORE_TRY(const bool is_connected, is_connected_by(deadline));
    if (!is_connected) return std::nullopt;
    auto incoming = connection->receive_any(deadline);
    if (!incoming) {
      lose(incoming.error(), kFirstPause);
      continue;
    }
    if (!*incoming) return std::nullopt;
    if (auto* push = std::get_if<protocol::Push>(&**incoming)) EMSTORE_CHECKED(take(*push));
  }
  FeedNotice notice = std::move(arrived.front());
  arrived.pop_front();
  wanted.from = notice.next;
  return notice;
}

Status Feed::State::run(const Handler& handler) {
  constexpr milliseconds kLook{1'000};
  while (true) {
    EMSTORE_TRY(const std::optional<FeedNotice> notice, next(kLook));
    if (notice && !handler(*notice)) return {};
  }
}

Feed::Feed(std::unique_ptr<State> state) : state_(std::move(state)) {}
Feed::Feed(Feed&&) noexcept = default;
Feed& Feed::operator=(Feed&&) noexcept = default;
Feed::~Feed() = default;

std::optional<FeedNotice> Feed::next(milliseconds patience) {
  return value_of(state_->next(patience));
}
std::optional<FeedNotice> Feed::next(milliseconds patience, ErrorOut error) {
  return value_of(state_->next(patience), error);
}
void Feed::run(const Handler& handler) {
  if (Status done = state_->run(handler); !done) throw Failure(std::move(done).error());
}
void Feed::run(const Handler& handler, ErrorOut error) {
  error.clear();
  if (Status done = state_->run(handler); !done) error.set(std::move(done).error());
}
std::uint64_t Feed::position() const { return *state_->wanted.from; }

}  // namespace emstore
