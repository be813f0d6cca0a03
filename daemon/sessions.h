// All sessions of the daemon: who is connected, how many may be, what they hold together.
// Threads: the reactor's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/result.h"
#include "daemon/session.h"

namespace emstore::daemon {

struct ConnectionLimits {
  std::size_t all_max = 1'024;
  std::size_t per_uid_max = 256;
};

class Sessions {
 public:
  struct Events {
    std::function<void(Session&, protocol::Request, std::size_t bytes)> request;
    std::function<void(SessionId)> closed;   // It is not found any more.
    std::function<void(Session&)> has_room;  // See Session::await_room().
    std::function<void()> quiet;  // After they held much, they have held little for long.
  };

  // `reactor` and `log` outlive it.
  Sessions(Reactor& reactor, Log& log, const SessionLimits& limits,
           const ConnectionLimits& connections, Events events);
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // Takes an accepted connection. One too many gets one error reply and is closed.
  void add(int descriptor);
  // Null when it has ended: its answers are then of no use to anybody.
  Session* find(SessionId id);

  // Ends every session in order (Session::drain) and calls `done` when none is left.
  void drain(Task<> done);

  void push_to_all(const protocol::Push& push);

  std::size_t count() const { return sessions_.size(); }
  std::uint64_t accepted() const { return next_id_ - 1; }
  std::size_t held_bytes() const { return surroundings_.all_bytes; }
  std::size_t in_flight() const;

 private:
  Status admit(const Peer& peer) const;
  void turn_away(int descriptor, const Peer& peer, const Error& error);
  void forget(Session& session);
  void resume_all();
  void wait_for_tick();
  void notice_quiet();

  ConnectionLimits connections_;
  std::function<void(SessionId)> closed_;
  std::function<void()> quiet_;
  bool held_little_ = false;  // At the last tick.
  SessionSurroundings surroundings_;
  std::unordered_map<SessionId, std::shared_ptr<Session>> sessions_;
  std::map<std::uint32_t, std::size_t> count_by_uid_;
  SessionId next_id_ = 1;
  Task<> drained_;
  std::chrono::microseconds tick_interval_;
  asio::steady_timer ticker_;
};

}  // namespace emstore::daemon
