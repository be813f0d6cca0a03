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
  EMSTORE_CHECKED(state->subscribe(Clock::time_point::max()));
  return state;
}

Status Feed::State::connect(Clock::time_point deadline) {
  const auto rest = std::chrono::ceil<milliseconds>(deadline - Clock::now());
  EMSTORE_TRY(Connection made,
              Connection::open(socket, {std::min(options.timeout, rest), options.spin}));
  connection = std::move(made);
  arrived.clear();
  ask(Question::Kind::hello, protocol::Hello{protocol::kProtocolVersion, options.client_name, {}});
  return {};
}

void Feed::State::ask(Question::Kind kind, const protocol::Call& call) {
  std::string bytes;
  protocol::encode_request(static_cast<std::uint32_t>(kind), call, bytes);
  connection->queue(bytes);
  asked_ = Question{kind, deadline_in(options.timeout)};
}

Result<std::optional<Map>> Feed::State::answer(Clock::time_point deadline) {
  while (true) {
    EMSTORE_TRY(std::optional<protocol::Incoming> incoming,
                connection->receive_any(std::min(deadline, asked_->until)));
    if (!incoming && Clock::now() < asked_->until) return std::nullopt;
    if (!incoming) return failure(ErrorCode::timed_out, "emstored did not answer in time");
    auto* reply = std::get_if<protocol::Reply>(&*incoming);
    if (reply == nullptr) continue;
    if (reply->error) return failure(std::move(*reply->error));
    return expect_map(std::move(reply->result),
                      asked_->kind == Question::Kind::hello ? "hello" : "subscribe");
  }
}

Result<bool> Feed::State::subscribe(Clock::time_point deadline) {
  if (!connection) EMSTORE_CHECKED(connect(deadline));
  while (asked_) {
    EMSTORE_TRY(const std::optional<Map> answered, answer(deadline));
    if (!answered) return false;
    if (asked_->kind == Question::Kind::hello) {
      EMSTORE_CHECKED(take_hello(*answered));
      ask(Question::Kind::subscribe, wanted);
    } else {
      subscription = static_cast<std::int64_t>(unsigned_of(*answered, "subscription"));
      wanted.from = unsigned_of(*answered, "from");
      asked_.reset();
    }
  }
  return true;
}

// Positions are those of one store.
Status Feed::State::take_hello(const Map& hello) {
  const Value* store = hello.find("store_id");
  if (store != nullptr && store_id.is_null()) store_id = *store;
  if (store != nullptr && *store == store_id) return {};
  return failure(ErrorCode::unsupported, socket.string() + " now serves another store than before",
                 {}, "subscribe anew: positions are those of one store");
}

void Feed::State::lose(const Error& cause, milliseconds pause) {
  connection.reset();
  lost_ = Lost{cause, deadline_in(pause), deadline_in(options.retry_for), kFirstPause};
}

Result<bool> Feed::State::is_connected_by(Clock::time_point deadline) {
  if (connection && connection->is_inherited()) connection.reset();
  if (!connection && !lost_) lose({ErrorCode::unreachable, "not connected"}, {});
  while (lost_) {
    const bool is_under_way = connection.has_value();
    if (!is_under_way) {
      if (!is_retryable(lost_->cause.code) || lost_->retry_at > lost_->give_up_at) {
        return failure(std::exchange(lost_, std::nullopt)->cause);
      }
      std::this_thread::sleep_until(std::min(lost_->retry_at, deadline));
      if (lost_->retry_at > deadline) return false;
    }
    const Result<bool> done = subscribe(deadline);
    if (done && !*done) return false;
    if (done) {
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
