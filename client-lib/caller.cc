#include "client-lib/caller.h"

#include <algorithm>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "protocol/codec.h"

namespace emstore {
namespace {

using std::chrono::milliseconds;

// The daemon said: not now, and nothing has happened. Or: I do not know, ask again under the same
// key.
bool asks_to_repeat(const Error& error, const Outgoing& request, bool alone) {
  if (error.code == ErrorCode::outcome_unknown) return request.repeatable;
  // Within a pipeline the requests after it may have been carried out: repeating would reorder.
  if (error.code == ErrorCode::busy) return alone;
  return error.code == ErrorCode::shutting_down || error.code == ErrorCode::too_many_connections;
}

// What blob.get_fd answers, when it is a file.
bool brings_descriptor(const Value& result) {
  const Map* map = result.if_map();
  const Value* said = map == nullptr ? nullptr : map->find("descriptor");
  return said != nullptr && said->if_boolean() != nullptr && *said->if_boolean();
}

// Why a request has no answer, in terms of what may have happened to it.
Error unanswered(const Outgoing& request, bool sent, const Error& cause) {
  if (!sent || !request.is_mutation) return cause;
  const std::string hint = request.key.empty()
                               ? "read the record to find out; with a request key, retries are safe"
                               : "retry with the request key \"" + request.key + "\"";
  return Error{ErrorCode::outcome_unknown,
               "no answer came, it may have happened: " + cause.message,
               cause.path,
               hint,
               {}};
}

}  // namespace

// The use of a connection from the first request to the last reply. Left before that, by an error
// or by an exception of a handler, the connection goes: replies may come that nobody waits for.
class Caller::Exchange {
 public:
  explicit Exchange(std::optional<Connection>& connection) : connection_(connection) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (!is_over_) connection_.reset();
  }
  void finish() { is_over_ = true; }

 private:
  std::optional<Connection>& connection_;
  bool is_over_ = false;
};

// Waits for the turn and holds it.
class Caller::Turn {
 public:
  explicit Turn(const Caller& caller) : caller_(caller), lock_(caller.turn_) {
    caller_.has_turn_ = std::this_thread::get_id();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { caller_.has_turn_ = std::thread::id(); }

 private:
  const Caller& caller_;
  const std::lock_guard<std::mutex> lock_;
};

Status Caller::may_take_turn() const {
  const std::thread::id me = std::this_thread::get_id();
  if (has_turn_ != me && (later_ == nullptr || later_->has_turn_ != me)) return {};
  return failure(ErrorCode::unsupported, "a handler asks the client that waits for it", {},
                 "ask once the call is over, or with another client");
}

struct Caller::Round {
  explicit Round(std::span<const Outgoing> wanted)
      : requests(wanted), answers(wanted.size()), sent(wanted.size(), false) {}

  // What has no answer yet, by id.
  std::unordered_map<std::uint32_t, std::size_t> open() const {
    std::unordered_map<std::uint32_t, std::size_t> places;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (!answers[i]) places.emplace(requests[i].id, i);
    }
    return places;
  }
  bool complete() const {
    return std::all_of(answers.begin(), answers.end(),
                       [](const auto& answer) { return answer.has_value(); });
  }
  // Gives up what must not be sent a second time after that, or all of it.
  void give_up(const Error& cause, bool also_repeatable) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const bool is_slow = cause.code == ErrorCode::timed_out && !requests[i].repeat_after_silence;
      const bool may_repeat = !sent[i] || (requests[i].repeatable && !is_slow);
      if (answers[i] || (may_repeat && !also_repeatable)) continue;
      answers[i] = failure(unanswered(requests[i], sent[i], cause));
    }
  }

  std::span<const Outgoing> requests;
  std::vector<std::optional<Result<Value>>> answers;
  std::vector<bool> sent;
  Descriptor descriptor;  // That came with the last answer that has one.
  // Set when the daemon answered and asks to repeat.
  std::optional<Error> postponed;
};

Caller::Caller(std::filesystem::path socket, Options options, const Caller* later)
    : socket_(std::move(socket)), options_(std::move(options)), later_(later) {}

std::uint32_t Caller::next_id() { return ++last_id_; }

Status Caller::connect() {
  EMSTORE_CHECKED(may_take_turn());
  const Turn turn(*this);
  return ensure_connected();
}

Map Caller::hello() const {
  if (!may_take_turn()) return hello_;
  const Turn turn(*this);
  return hello_;
}

Status Caller::on_push(Connection::PushHandler handler) {
  EMSTORE_CHECKED(may_take_turn());
  const Turn turn(*this);
  on_push_ = std::move(handler);
  return {};
}

Result<Value> Caller::run(const Outgoing& request) {
  return std::move(run(std::span(&request, 1)).front());
}

Result<Caller::Passed> Caller::run_passed(const Outgoing& request) {
  EMSTORE_CHECKED(may_take_turn());
  const Turn turn(*this);
  Round round(std::span(&request, 1));
  run(round);
  EMSTORE_TRY(Value value, std::move(*round.answers.front()));
  return Passed{std::move(value), std::move(round.descriptor)};
}

std::vector<Result<Value>> Caller::run(std::span<const Outgoing> requests) {
  if (const Status free = may_take_turn(); !free) {
    return std::vector<Result<Value>>(requests.size(), failure(free.error()));
  }
  const Turn turn(*this);
  Round round(requests);
  run(round);
  std::vector<Result<Value>> answers;
  answers.reserve(requests.size());
  for (auto& answer : round.answers) answers.push_back(std::move(*answer));
  return answers;
}

Status Caller::stream(std::size_t in_flight, const Next& next,
                      const std::function<void(const Value&)>& take) {
  EMSTORE_CHECKED(may_take_turn());
  const Turn turn(*this);
  EMSTORE_CHECKED(ensure_connected());
  return exchange(in_flight, next, take);
}

// For a caller that has the turn. Afterwards each request has an answer.
void Caller::run(Round& round) {
  std::optional<Clock::time_point> deadline;  // Runs from the first failure.
  milliseconds pause = kFirstPause;
  while (!round.complete()) {
    round.postponed.reset();
    const Status done = ensure_connected().and_then([&] { return exchange(round); });
    if (!done && is_retryable(done.error().code)) round.give_up(done.error(), false);
    if (round.complete()) break;
    const Error cause = done ? *round.postponed : done.error();
    if (!is_retryable(cause.code) && round.requests.size() == 1) {
      round.answers.front() = failure(cause);
      return;
    }
    if (!deadline) deadline = deadline_in(options_.retry_for);
    if (!is_retryable(cause.code) || is_other_store_ || Clock::now() + pause > *deadline) {
      round.give_up(cause, true);
      break;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

Status Caller::ensure_connected() {
  if (connection_ && connection_->is_inherited()) connection_.reset();
  if (connection_) return {};
  EMSTORE_TRY(Connection made, Connection::open(socket_, {options_.timeout, options_.spin}));
  EMSTORE_CHECKED(greet(made));
  connection_ = std::move(made);
  return {};
}

// Says hello and looks who answers: repeating a request at another store would be no repetition.
Status Caller::greet(Connection& connection) {
  std::string bytes;
  const std::uint32_t id = next_id();
  protocol::encode_request(
      id,
      protocol::Hello{
          .protocol = protocol::kProtocolVersion, .client = options_.client_name, .want = {}},
      bytes);
  connection.queue(bytes);
  auto reply = connection.receive(on_push_);
  if (!reply) return failure(std::move(reply).error());
  if (reply->error) return failure(std::move(*reply->error));
  const Map* answer = reply->result.if_map();
  if (reply->id != id || !answer) {
    return failure(ErrorCode::unreachable, socket_.string() + " does not answer like emstored");
  }
  const Value* before = hello_.find("store_id");
  const Value* now = answer->find("store_id");
  is_other_store_ = before && now && !(*before == *now);
  if (is_other_store_) {
    return failure(ErrorCode::unreachable,
                   socket_.string() + " now serves another store than before", {}, "connect anew");
  }
  hello_ = *answer;
  if (const Value* limits = hello_.find("limits"); limits && limits->if_map()) {
    const Value* most = limits->if_map()->find("request");
    if (most && most->if_integer()) {
      request_bytes_max_ = static_cast<std::size_t>(*most->if_integer());
    }
  }
  return {};
}

Status Caller::too_large(const Outgoing& request) const {
  if (request_bytes_max_ == 0 || request.bytes.size() <= request_bytes_max_) return {};
  return failure(ErrorCode::message_too_large,
                 "the request has " + std::to_string(request.bytes.size()) +
                     " bytes, the daemon takes " + std::to_string(request_bytes_max_));
}

// Sends what has no answer yet and waits for all of it. An error: the connection was lost.
Status Caller::exchange(Round& round) {
  Exchange running(connection_);
  for (std::size_t i = 0; i < round.requests.size(); ++i) {
    if (round.answers[i]) continue;
    if (auto fits = too_large(round.requests[i]); !fits) {
      round.answers[i] = failure(std::move(fits).error());
      continue;
    }
    connection_->queue(round.requests[i].bytes, round.requests[i].descriptor);
    round.sent[i] = true;
  }
  auto open = round.open();
  while (!open.empty()) {
    auto reply = connection_->receive(on_push_);
    if (!reply) return failure(std::move(reply).error());
    const auto place = open.find(reply->id);
    if (place == open.end()) {
      return failure(ErrorCode::unreachable, "emstored answered a request that was not asked");
    }
    const std::size_t i = place->second;
    open.erase(place);
    if (!reply->error) {
      if (brings_descriptor(reply->result)) round.descriptor = connection_->take_descriptor();
      round.answers[i] = std::move(reply->result);
    } else if (asks_to_repeat(*reply->error, round.requests[i], round.requests.size() == 1)) {
      // Refused before anything happened, it counts as not sent.
      if (class_of(reply->error->code) == ErrorClass::unavailable) round.sent[i] = false;
      round.postponed = std::move(reply->error);
    } else {
      round.answers[i] = failure(std::move(*reply->error));
    }
  }
  running.finish();
  return {};
}

// The same for requests that come one by one. The error may also be that of a refused request.
Status Caller::exchange(std::size_t in_flight, const Next& next,
                        const std::function<void(const Value&)>& take) {
  Exchange running(connection_);
  std::unordered_set<std::uint32_t> open;
  Status refused;
  bool is_over = false;
  while (true) {
    while (!is_over && open.size() < in_flight) {
      Result<std::optional<Outgoing>> request = next(connection_->spent());
      if (!request) refused = failure(request.error());
      is_over = !request || !*request;
      if (is_over) break;
      open.insert((*request)->id);
      connection_->queue(std::move((*request)->bytes), (*request)->descriptor);
    }
    if (open.empty()) {
      running.finish();
      return refused;
    }
    auto reply = connection_->receive(on_push_);
    if (!reply) return failure(std::move(reply).error());
    if (open.erase(reply->id) == 0) {
      return failure(ErrorCode::unreachable, "emstored answered a request that was not asked");
    }
    if (!reply->error) {
      take(reply->result);
    } else if (refused) {
      refused = failure(*std::move(reply->error));
      is_over = true;
    }
  }
}

}  // namespace emstore
