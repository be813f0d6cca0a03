#include "daemon/session.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;      // Of one recv.
constexpr std::size_t kTurnBytesMax = 256u << 10;  // Of one turn, so that others have theirs.
constexpr int kTurnMessagesMax = 128;
// A larger buffer is given back once it is sent. Several pieces of a file fit: memory that is new
// to the process costs more than to write it.
constexpr std::size_t kKeptOutBytes = 16u << 20;

}  // namespace

Session::Session(SessionId id, const Peer& peer, SessionSurroundings& surroundings)
    : id_(id),
      peer_(peer),
      surroundings_(surroundings),
      socket_(surroundings.reactor.context()),
      cutter_(surroundings.limits.wire.request_bytes_max, surroundings.limits.wire.depth_max) {}

bool Session::start(int descriptor) {
  boost::system::error_code error;
  socket_.assign(asio::local::stream_protocol(), descriptor, error);
  if (error) return false;
  wait_readable();
  return true;
}

// ---- Input
// ----------------------------------------------------------------------------------------

void Session::wait_readable() {
  if (waits_readable_ || is_closed_) return;
  waits_readable_ = true;
  socket_.async_wait(asio::socket_base::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waits_readable_ = false;
                       if (error || self->is_closed_) return;
                       self->read_some();
                       self->take_turn();
                     });
}

void Session::read_some() {
  std::size_t total = 0;
  while (!input_ended_ && !is_closed_ && total < kTurnBytesMax) {
    const std::span<char> space = cutter_.space(kReadBytes);
    const bool can_close = surroundings_.closer->has_room(peer_.uid);
    Received received = receive(socket_.native_handle(), space, can_close);
    const ssize_t count = received.count;
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) close("connection lost");
      return;
    }
    if (count == 0) {
      input_ended_ = true;  // What has arrived whole is still carried out and answered.
      return;
    }
    if (received.was_cut && !can_close) {
      return break_off(Error{ErrorCode::busy, "many descriptors of this user wait to be closed",
                             "descriptor", "connect again after a moment"});
    }
    if (!take_descriptors(received)) return;
    cutter_.filled(static_cast<std::size_t>(count));
    total += static_cast<std::size_t>(count);
    // What came with a descriptor is looked at before the next one is taken.
    if (!received.descriptors.empty()) return;
    if (static_cast<std::size_t>(count) < space.size()) return;  // There is no more for now.
  }
}

// False: too many at once, and the connection ends. A descriptor stays until the request is handed
// over that came with it or after it.
bool Session::take_descriptors(Received& received) {
  const SessionLimits& limits = surroundings_.limits;
  bool has_place = surroundings_.descriptors < limits.descriptors_max;
  std::vector<PassedFile> passed;
  for (blobs::File& file : received.descriptors) {
    has_place = has_place && file.descriptor() <= limits.last_descriptor;
    passed.emplace_back(std::move(file), peer_.uid, surroundings_.closer);
  }
  if (received.was_cut || arrived_.size() + passed.size() > kDescriptorsInMessage) {
    arrived_.clear();
    break_off(Error{ErrorCode::invalid_request,
                    "more than " + std::to_string(kDescriptorsInMessage) +
                        " descriptors came before a request that takes one",
                    "descriptor", "pass one with each blob.put_fd"});
    return false;
  }
  for (PassedFile& file : passed) {
    arrived_.push_back(has_place ? std::move(file) : PassedFile());
  }
  return true;
}

std::optional<PassedFile> Session::take_descriptor() {
  if (arrived_.empty()) return std::nullopt;
  PassedFile file = std::move(arrived_.front());
  arrived_.pop_front();
  return file;
}

// The one place where a session decides what to do next.
void Session::take_turn() {
  if (is_closed_) return;
  is_in_turn_ = true;
  process();
  is_in_turn_ = false;
  // No request is left that it could belong to.
  if (is_broken_ || (!is_paused_ && !cutter_.is_within_message())) arrived_.clear();
  send_some();
  if (is_closed_) return;
  account();
  watch_progress();
  tell_of_room();
  if (is_finished()) return close("finished");
  // Requests lie in the cutter: others have their turn first, and what was sent may have made room.
  if (is_paused_ && has_room()) return schedule_turn();
  is_held_back_ = !may_read_on();
  if (!is_paused_ && !is_held_back_ && !input_ended_) wait_readable();
}

bool Session::may_read_on() const {
  return !cutter_.is_within_message() ||
         surroundings_.all_bytes <= surroundings_.limits.all_bytes_max;
}

void Session::schedule_turn() {
  if (is_turn_scheduled_ || is_in_turn_ || is_closed_) return;
  is_turn_scheduled_ = true;
  surroundings_.reactor.defer([self = shared_from_this()] {
    self->is_turn_scheduled_ = false;
    self->take_turn();
  });
}

void Session::process() {
  is_paused_ = false;
  for (int count = 0; !is_closed_ && !is_broken_; ++count) {
    is_paused_ = count == kTurnMessagesMax || !has_room();
    if (is_paused_) return;
    Result<std::optional<std::string_view>> message = cutter_.next();
    if (!message) return break_off(message.error());
    if (!*message) return;
    ++messages_;
    was_at_rest_ = false;
    take_message(**message);
  }
}

void Session::take_message(std::string_view message) {
  tl::expected<protocol::Request, protocol::BadRequest> request =
      protocol::decode_request(message, surroundings_.limits.wire);
  if (!request) return refuse(request.error());
  const std::uint32_t id = request->id;
  if (is_draining_) {
    protocol::encode_error(
        id, Error{ErrorCode::shutting_down, "the daemon is stopping; the request was not begun"},
        out_);
    return;
  }
  if (find_in_flight(id) != in_flight_.end()) {
    protocol::encode_error(id,
                           Error{ErrorCode::invalid_request,
                                 "request id " + std::to_string(id) + " is in flight already", "",
                                 "give every request an id of its own until it is answered"},
                           out_);
    return;
  }
  // Taken apart, a value of one byte takes tens.
  const std::size_t bytes = message.size() + cutter_.values() * sizeof(Value);
  in_flight_.push_back(InFlight{id, bytes});
  held_bytes_ += bytes;
  surroundings_.handle(*this, *std::move(request), bytes);
}

// Whoever sent it is told: under its id; for a notification, which has none, by a push.
void Session::refuse(const protocol::BadRequest& bad) {
  if (bad.id) return protocol::encode_error(bad.id, bad.error, out_);
  if (!bad.notified) return break_off(bad.error);
  surroundings_.log.debug(
      "notification",
      {{"session", id_}, {"pid", peer_.pid}, {"uid", peer_.uid}, {"message", bad.error.message}});
  protocol::encode_refused(*bad.notified, bad.error, out_);
}

// Where one message ends and the next begins is lost: the peer is told why, then the connection
// ends.
void Session::break_off(const Error& error) {
  if (std::exchange(is_broken_, true)) return;
  input_ended_ = true;
  surroundings_.log.info("bad_input", {{"session", id_},
                                       {"pid", peer_.pid},
                                       {"uid", peer_.uid},
                                       {"code", name_of(error.code)},
                                       {"message", error.message}});
  protocol::encode_error(std::nullopt, error, out_);
}

bool Session::has_room() const {
  if (in_flight_.size() >= surroundings_.limits.in_flight_max) return false;
  const std::size_t held = held_bytes();
  if (held > surroundings_.limits.held_bytes_max) return false;
  return held == 0 || surroundings_.all_bytes <= surroundings_.limits.all_bytes_max;
}

void Session::resume() {
  if ((is_paused_ && has_room()) || (is_held_back_ && may_read_on())) schedule_turn();
}

// ---- Answers
// --------------------------------------------------------------------------------------

std::vector<Session::InFlight>::iterator Session::find_in_flight(std::uint32_t request) {
  return std::ranges::find(in_flight_, request, &InFlight::request);
}

void Session::answered(std::uint32_t request) {
  const auto found = find_in_flight(request);
  EMSTORE_CHECK(found != in_flight_.end());
  held_bytes_ -= found->bytes;
  *found = in_flight_.back();
  in_flight_.pop_back();
  schedule_turn();
}

void Session::reply_encoded(std::uint32_t request, std::string_view reply) {
  out_.append(reply);
  answered(request);
}

void Session::reply(std::uint32_t request, const Value& result) {
  protocol::encode_result(request, result, out_);
  answered(request);
}

void Session::reply_passing(std::uint32_t request, const Value& result, blobs::File file) {
  if (leaving_.size() >= kDescriptorsInMessage ||
      surroundings_.descriptors >= surroundings_.limits.descriptors_max) {
    return refuse(request, Error{ErrorCode::busy, "too many descriptors wait to be sent"});
  }
  leaving_.push_back({gone_ + out_.size(), std::move(file)});
  reply(request, result);
}

void Session::refuse(std::uint32_t request, const Error& error) {
  protocol::encode_error(request, error, out_);
  answered(request);
}

void Session::expect(std::uint32_t request, std::size_t bytes) {
  const auto found = find_in_flight(request);
  EMSTORE_CHECK(found != in_flight_.end());
  found->bytes += bytes;
  held_bytes_ += bytes;
}

void Session::push(const protocol::Push& push) {
  if (is_closed_) return;
  protocol::encode_push(push, out_);
  schedule_turn();
}

void Session::pushed() { schedule_turn(); }

void Session::tell_of_room() {
  if (!room_awaited_ || unsent() > *room_awaited_) return;
  room_awaited_.reset();
  surroundings_.has_room(*this);
}

// ---- Output
// ---------------------------------------------------------------------------------------

void Session::send_some() {
  while (sent_ < out_.size()) {
    // A descriptor begins a call of its own, and nothing is sent across the next one's place.
    const std::string_view rest = std::string_view(out_).substr(sent_);
    const bool is_passing = !leaving_.empty() && leaving_.front().place == gone_ + sent_;
    const std::size_t next = is_passing ? 1 : 0;
    const std::size_t length =
        leaving_.size() > next ? leaving_[next].place - (gone_ + sent_) : rest.size();
    const ssize_t count = send(socket_.native_handle(), rest.substr(0, length),
                               is_passing ? leaving_.front().file.descriptor() : -1);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return close("connection lost");
      if (!unsent_since_) unsent_since_ = Clock::now();
      compact_out();
      return wait_writable();
    }
    if (is_passing) leaving_.pop_front();
    sent_ += static_cast<std::size_t>(count);
    unsent_since_.reset();
  }
  compact_out();
}

void Session::compact_out() {
  if (sent_ == out_.size()) {
    gone_ += sent_;
    sent_ = 0;
    const bool is_scarce = surroundings_.all_bytes > surroundings_.limits.all_bytes_max / 4;
    if (out_.capacity() > (is_scarce ? kReadBytes : kKeptOutBytes)) {
      std::string().swap(out_);
    } else {
      out_.clear();
    }
  } else if (sent_ > out_.size() / 2) {
    out_.erase(0, sent_);
    gone_ += sent_;
    sent_ = 0;
  }
}

void Session::wait_writable() {
  if (waits_writable_ || is_closed_) return;
  waits_writable_ = true;
  socket_.async_wait(asio::socket_base::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->waits_writable_ = false;
                       if (error || self->is_closed_) return;
                       self->take_turn();
                     });
}

// ---- Life
// -----------------------------------------------------------------------------------------

void Session::account() {
  const std::size_t bytes = is_closed_ ? 0 : memory();
  const std::size_t bound = surroundings_.limits.all_bytes_max;
  const bool was_over = surroundings_.all_bytes > bound;
  surroundings_.all_bytes += bytes;
  surroundings_.all_bytes -= accounted_;
  surroundings_.most_bytes = std::max(surroundings_.most_bytes, surroundings_.all_bytes);
  accounted_ = bytes;
  surroundings_.descriptors -= accounted_descriptors_;
  accounted_descriptors_ = arrived_.size() + leaving_.size();
  surroundings_.descriptors += accounted_descriptors_;
  if (was_over && surroundings_.all_bytes <= bound) surroundings_.memory_released();
}

// Only a message that has begun and does not end has a deadline, and only while we read.
void Session::watch_progress() {
  const bool is_unfinished = !is_paused_ && !input_ended_ && cutter_.is_within_message();
  if (!is_unfinished || std::exchange(messages_, 0) > 0) unfinished_since_.reset();
  if (is_unfinished && !unfinished_since_) unfinished_since_ = Clock::now();
}

void Session::tick(Clock::time_point now) {
  if (is_closed_) return;
  if (unsent_since_ && now - *unsent_since_ >= surroundings_.limits.write_deadline) {
    return close("peer does not read");
  }
  if (unfinished_since_ && now - *unfinished_since_ >= surroundings_.limits.message_deadline) {
    unfinished_since_.reset();
    break_off(Error{ErrorCode::timed_out, "a message was begun and not finished in time"});
    schedule_turn();
  }
  release_buffers();
  resume();
}

// Of a session that nobody has spoken to since the last tick.
void Session::release_buffers() {
  const bool is_at_rest = in_flight_.empty() && out_.empty() && !cutter_.is_within_message();
  if (is_at_rest && was_at_rest_) {
    cutter_.release();
    std::string().swap(out_);
    account();
  }
  was_at_rest_ = is_at_rest;
}

void Session::drain() {
  if (is_closed_) return;
  is_draining_ = true;
  input_ended_ = true;
  schedule_turn();
}

bool Session::peer_is_gone() {
  if (is_closed_) return true;
  pollfd socket{socket_.native_handle(), 0, 0};
  return ::poll(&socket, 1, 0) == 1 && (socket.revents & (POLLHUP | POLLERR)) != 0;
}

bool Session::is_finished() const {
  return input_ended_ && !is_paused_ && in_flight_.empty() && sent_ == out_.size();
}

void Session::close(std::string_view reason) {
  if (std::exchange(is_closed_, true)) return;
  surroundings_.log.debug("closed", {{"session", id_}, {"reason", reason}});
  boost::system::error_code ignored;  // Nothing can be done about a close that fails.
  socket_.close(ignored);
  arrived_.clear();
  leaving_.clear();
  account();
  surroundings_.closed(*this);
}

}  // namespace emstore::daemon
