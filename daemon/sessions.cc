#include "daemon/sessions.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/descriptors.h"
#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

using std::chrono::microseconds;

// Who connected, as the kernel noted it then. Authority belongs to the connection, which may have
// been handed on since.
Peer peer_of(int descriptor) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    constexpr std::uint32_t kNobody = 65'534;
    return Peer{kNobody, kNobody, 0};
  }
  return Peer{credentials.uid, credentials.gid, static_cast<std::uint32_t>(credentials.pid)};
}

// Often enough that a deadline is kept to within an eighth of it.
microseconds tick_interval_for(const SessionLimits& limits) {
  constexpr microseconds kLongest{1'000'000};
  constexpr microseconds kShortest{1'000};
  const microseconds deadline = std::min(limits.message_deadline, limits.write_deadline);
  return std::clamp(deadline / 8, kShortest, kLongest);
}

}  // namespace

Sessions::Sessions(Reactor& reactor, Log& log, const SessionLimits& limits,
                   const ConnectionLimits& connections, Events events)
    : connections_(connections),
      closed_(std::move(events.closed)),
      quiet_(std::move(events.quiet)),
      surroundings_{.reactor = reactor,
                    .log = log,
                    .limits = limits,
                    .handle = std::move(events.request),
                    .closed = [this](Session& session) { forget(session); },
                    .has_room = std::move(events.has_room),
                    .memory_released = [this] { resume_all(); }},
      tick_interval_(tick_interval_for(limits)),
      ticker_(reactor.context()) {
  surroundings_.limits.last_descriptor = last_descriptor_of_peers();
  wait_for_tick();
}

void Sessions::add(int descriptor) {
  const Peer peer = peer_of(descriptor);
  if (Status admitted = admit(peer); !admitted) {
    return turn_away(descriptor, peer, admitted.error());
  }
  const SessionId id = next_id_++;
  auto session = std::make_shared<Session>(id, peer, surroundings_);
  if (!session->start(descriptor)) {
    return turn_away(descriptor, peer,
                     Error{ErrorCode::busy, "the system lacks memory for one more connection"});
  }
  surroundings_.log.debug(
      "connected", {{"session", id}, {"uid", peer.uid}, {"gid", peer.gid}, {"pid", peer.pid}});
  sessions_.emplace(id, std::move(session));
  ++count_by_uid_[peer.uid];
}

Status Sessions::admit(const Peer& peer) const {
  if (drained_) return failure(ErrorCode::shutting_down, "the daemon is stopping");
  if (sessions_.size() >= connections_.all_max) {
    return failure(ErrorCode::too_many_connections,
                   "all " + std::to_string(connections_.all_max) + " connections are taken", "",
                   "close some, or raise limits.connections");
  }
  const auto found = count_by_uid_.find(peer.uid);
  if (found != count_by_uid_.end() && found->second >= connections_.per_uid_max) {
    return failure(ErrorCode::too_many_connections,
                   "user " + std::to_string(peer.uid) + " has " +
                       std::to_string(connections_.per_uid_max) + " connections already",
                   "", "close some, or raise limits.connections_per_uid");
  }
  return {};
}

void Sessions::turn_away(int descriptor, const Peer& peer, const Error& error) {
  surroundings_.log.warning("turned_away", {{"uid", peer.uid},
                                            {"pid", peer.pid},
                                            {"code", name_of(error.code)},
                                            {"message", error.message}});
  std::string reply;
  protocol::encode_error(std::nullopt, error, reply);
  // A new connection has room for one short reply; a peer that is gone misses nothing.
  [[maybe_unused]] const ssize_t sent =
      ::send(descriptor, reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::close(descriptor);
}

Session* Sessions::find(SessionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Sessions::forget(Session& session) {
  const auto count = count_by_uid_.find(session.peer().uid);
  if (--count->second == 0) count_by_uid_.erase(count);
  const SessionId id = session.id();
  sessions_.erase(id);
  closed_(id);
  if (drained_ && sessions_.empty()) surroundings_.reactor.defer(std::move(drained_));
}

void Sessions::drain(Task<> done) {
  ticker_.cancel();
  if (sessions_.empty()) return done();
  drained_ = std::move(done);
  for (const auto& [id, session] : sessions_) session->drain();
}

std::size_t Sessions::in_flight() const {
  std::size_t count = 0;
  for (const auto& [id, session] : sessions_) count += session->in_flight();
  return count;
}

void Sessions::push_to_all(const protocol::Push& push) {
  for (const auto& [id, session] : sessions_) session->push(push);
}

void Sessions::resume_all() {
  for (const auto& [id, session] : sessions_) session->resume();
}

void Sessions::notice_quiet() {
  constexpr std::size_t kLittle = 8u << 20;
  constexpr std::size_t kMuch = 32u << 20;
  const bool holds_little = surroundings_.all_bytes <= kLittle;
  if (holds_little && held_little_ && surroundings_.most_bytes > kMuch) {
    surroundings_.most_bytes = surroundings_.all_bytes;
    quiet_();
  }
  held_little_ = holds_little;
}

void Sessions::wait_for_tick() {
  ticker_.expires_after(tick_interval_);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto now = std::chrono::steady_clock::now();
    // A session that is closed leaves the table while we go through it.
    std::vector<std::shared_ptr<Session>> sessions;
    sessions.reserve(sessions_.size());
    for (const auto& [id, session] : sessions_) sessions.push_back(session);
    for (const std::shared_ptr<Session>& session : sessions) session->tick(now);
    notice_quiet();
    wait_for_tick();
  });
}

}  // namespace emstore::daemon
