#include "client-lib/connection.h"

#include <unistd.h>

#include <utility>

#include "protocol/codec.h"
#include "protocol/limits.h"

namespace emstore {
namespace {

constexpr std::size_t kReceiveBytes = 64u << 10;
constexpr std::size_t kParcelBytes = 256u << 10;  // Small requests share a call.

// More than any reply of a daemon of today; a later one may have larger limits.
constexpr protocol::Limits kLimits{.request_bytes_max = 64u << 20, .reply_bytes_max = 64u << 20};

// [1, nil, …: an error that answers no request. The daemon says it before it hangs up.
constexpr std::string_view kLastWordStart = "\x94\x01\xc0";

tl::unexpected<Error> not_our_language(const Error& error) {
  return failure(ErrorCode::unreachable,
                 "what answers does not speak like emstored: " + error.message);
}

}  // namespace

Result<Connection> Connection::open(const std::filesystem::path& path, const Patience& patience) {
  EMSTORE_TRY(Socket socket, Socket::connect(path, deadline_in(patience.timeout)));
  return Connection(std::move(socket), patience);
}

Connection::Connection(Socket socket, const Patience& patience)
    : socket_(std::move(socket)),
      patience_(patience),
      process_(::getpid()),
      cutter_(kLimits.reply_bytes_max, kLimits.depth_max) {}

void Connection::queue(std::string request, int descriptor) {
  const bool has_room = !outgoing_.empty() && descriptor < 0 &&
                        outgoing_.back().bytes.size() + request.size() <= kParcelBytes;
  if (has_room) {
    outgoing_.back().bytes += request;
  } else {
    outgoing_.push_back({std::move(request), descriptor});
  }
}

bool Connection::is_inherited() const { return process_ != ::getpid(); }

Descriptor Connection::take_descriptor() {
  if (arrived_.empty()) return {};
  Descriptor taken = std::move(arrived_.front());
  arrived_.pop_front();
  return taken;
}

Result<protocol::Reply> Connection::receive(const PushHandler& on_push) {
  while (true) {
    EMSTORE_TRY(std::optional<protocol::Incoming> incoming, take());
    if (!incoming) {
      EMSTORE_CHECKED(move_bytes(deadline_in(patience_.timeout)));
      continue;
    }
    if (auto* reply = std::get_if<protocol::Reply>(&*incoming)) return std::move(*reply);
    const auto& push = std::get<protocol::Push>(*incoming);
    if (on_push) on_push(push.method, push.params);
  }
}

Result<std::optional<protocol::Incoming>> Connection::receive_any(Clock::time_point deadline) {
  while (true) {
    EMSTORE_TRY(std::optional<protocol::Incoming> incoming, take());
    if (incoming) return incoming;
    const Status moved = move_bytes(deadline);
    if (!moved && moved.error().code == ErrorCode::timed_out) return std::nullopt;
    if (!moved) return failure(moved.error());
  }
}

// A message that has arrived whole, if there is one.
Result<std::optional<protocol::Incoming>> Connection::take() {
  const auto message = cutter_.next();
  if (!message) return not_our_language(message.error());
  if (!*message) return std::nullopt;
  auto incoming = protocol::decode_incoming(**message, kLimits);
  if (incoming) return std::move(*incoming);
  const bool is_last_word = message->value().starts_with(kLastWordStart);
  return is_last_word ? failure(incoming.error()) : not_our_language(incoming.error());
}

// Sends and receives something, or waits until that is possible.
Status Connection::move_bytes(Clock::time_point deadline) {
  const Clock::time_point spin_until = deadline_in(patience_.spin);
  while (true) {
    EMSTORE_TRY(const bool sent, send_pending());
    EMSTORE_TRY(const bool received, receive_arrived());
    if (sent || received) return {};
    if (Clock::now() < spin_until) continue;
    EMSTORE_CHECKED(socket_.wait(!outgoing_.empty(), deadline));
  }
}

Result<bool> Connection::send_pending() {
  if (outgoing_.empty() || is_send_over_) return false;
  const Parcel& parcel = outgoing_.front();
  const auto sent = socket_.send_some(std::string_view(parcel.bytes).substr(sent_),
                                      sent_ == 0 ? parcel.descriptor : -1);
  if (!sent) {
    // The daemon hung up. What it said before may say why: read on until the end.
    is_send_over_ = true;
    outgoing_.clear();
    return false;
  }
  sent_ += *sent;
  if (sent_ == parcel.bytes.size()) {
    if (parcel.bytes.size() > kParcelBytes) spent_ = std::move(outgoing_.front().bytes);
    outgoing_.pop_front();
    sent_ = 0;
  }
  return *sent > 0;
}

Result<bool> Connection::receive_arrived() {
  const std::span<char> space = cutter_.space(kReceiveBytes);
  EMSTORE_TRY(Socket::Received received, socket_.receive_some(space));
  cutter_.filled(received.count);
  for (Descriptor& one : received.descriptors) arrived_.push_back(std::move(one));
  return received.count > 0;
}

}  // namespace emstore
