// A session: one connection. It cuts what arrives into requests, hands each to its handler, and
// sends the replies, all of one wake-up in one call. It knows how a connection lives and dies, not
// what requests mean.
//
// Back pressure: what a session holds (requests arriving and being carried out, replies not sent)
// is bounded. At the bound it reads no further until its peer has taken replies, and a peer that
// takes none is dropped. When all sessions together hold too much, none goes on with a request that
// has not arrived whole until some of it is given back. A session at rest holds no buffers.
//
// Threads: the reactor's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "blobs/file.h"
#include "daemon/asio.h"
#include "daemon/log.h"
#include "daemon/passing.h"
#include "daemon/reactor.h"
#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/message.h"

namespace emstore::daemon {

using SessionId = std::uint64_t;

struct SessionLimits {
  protocol::Limits wire;
  std::size_t in_flight_max = 256;
  // What one session may hold, requests in flight and replies not sent; and all of them together.
  std::size_t held_bytes_max = 40u << 20;
  std::size_t all_bytes_max = 1u << 30;
  // From a message's first byte to its last.
  std::chrono::microseconds message_deadline{10'000'000};
  // Without the peer taking a byte.
  std::chrono::microseconds write_deadline{30'000'000};
  // Of files that peers have passed, or are passed, in all sessions together.
  std::size_t descriptors_max = 256;
  // The highest that a passed file may have (descriptors.h).
  int last_descriptor = std::numeric_limits<int>::max();
};

class Session;

// What the sessions of one daemon share; outlives them.
struct SessionSurroundings {
  Reactor& reactor;
  Log& log;
  SessionLimits limits;
  // Takes over one request, which takes about so many bytes. Answers it now or later, through the
  // session.
  std::function<void(Session&, protocol::Request, std::size_t bytes)> handle;
  std::function<void(Session&)> closed;    // Told once.
  std::function<void(Session&)> has_room;  // What await_room() asked for.
  std::function<void()> memory_released;   // What all hold fell below the bound.
  std::size_t all_bytes = 0;
  std::size_t most_bytes = 0;  // Since memory was given back to the system.
  std::size_t descriptors = 0;
  std::shared_ptr<Closer> closer = std::make_shared<Closer>();  // Of what peers passed.
};

// Asio's handlers own it together: it must not go while one of them is outstanding.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(SessionId id, const Peer& peer, SessionSurroundings& surroundings);

  // Begins to serve the connected, non-blocking `descriptor`, which it then owns. False: the system
  // refused, and the descriptor is still the caller's.
  bool start(int descriptor);

  SessionId id() const { return id_; }
  const Peer& peer() const { return peer_; }
  const SessionLimits& limits() const { return surroundings_.limits; }

  // ---- Answers. Exactly one for each request that was handed over.
  // Where a reply is encoded to; answered() follows at once.
  std::string& out() { return out_; }
  void answered(std::uint32_t request);
  void reply(std::uint32_t request, const Value& result);
  void reply_encoded(std::uint32_t request, std::string_view reply);
  void refuse(std::uint32_t request, const Error& error);
  // The same, with a descriptor beside it. Refused with `busy` when too many wait to be sent.
  void reply_passing(std::uint32_t request, const Value& result, blobs::File file);
  // The descriptor that came with the request which is being handed over, if one did; empty when it
  // was closed because all sessions together hold too many.
  std::optional<PassedFile> take_descriptor();
  // Counts `bytes` more against the bound until the request is answered: what its reply may take.
  void expect(std::uint32_t request, std::size_t bytes);

  // Sends a message nobody asked for.
  void push(const protocol::Push& push);
  // After a push was encoded to out().
  void pushed();
  // Bytes that the peer has not taken.
  std::size_t unsent() const { return out_.size() - sent_; }
  // Calls the surroundings' has_room once, when no more than `bytes` are unsent.
  void await_room(std::size_t bytes) { room_awaited_ = bytes; }

  // Takes no new request; refuses those that have arrived but not begun, answers those in flight,
  // closes.
  void drain();
  // Closes at once.
  void close(std::string_view reason);
  bool is_closed() const { return is_closed_; }
  // Whether no reply can reach the peer any more; asks the system. A peer that has only ended its
  // requests is still there.
  bool peer_is_gone();

  // Looks at the deadlines; the caller's clock ticks now and then.
  void tick(std::chrono::steady_clock::time_point now);
  // Reads on, if what held it back is gone.
  void resume();

  std::size_t in_flight() const { return in_flight_.size(); }
  std::size_t held_bytes() const { return held_bytes_ + (out_.size() - sent_); }
  // The same, and the buffers for what comes and goes.
  std::size_t memory() const { return held_bytes_ + out_.capacity() + cutter_.held_bytes(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct InFlight {
    std::uint32_t request = 0;
    std::size_t bytes = 0;
  };

  void take_turn();
  void schedule_turn();
  void read_some();
  void process();
  void take_message(std::string_view message);
  bool take_descriptors(Received& received);
  void refuse(const protocol::BadRequest& bad);
  void break_off(const Error& error);
  void watch_progress();
  void tell_of_room();
  bool has_room() const;
  bool may_read_on() const;
  void release_buffers();
  void send_some();
  void compact_out();
  void wait_readable();
  void wait_writable();
  void account();
  bool is_finished() const;
  std::vector<InFlight>::iterator find_in_flight(std::uint32_t request);

  const SessionId id_;
  const Peer peer_;
  SessionSurroundings& surroundings_;
  asio::local::stream_protocol::socket socket_;
  protocol::Cutter cutter_;

  std::vector<InFlight> in_flight_;
  std::size_t held_bytes_ = 0;  // Of in_flight_.
  std::string out_;             // The first sent_ bytes are sent.
  std::size_t sent_ = 0;
  std::uint64_t gone_ = 0;  // Bytes that were sent and are not in out_ any more.
  std::optional<std::size_t> room_awaited_;
  std::size_t accounted_ = 0;  // What surroundings_.all_bytes has of us.

  // A descriptor leaves with the byte at `place`, counted from the first that was ever sent.
  struct Leaving {
    std::uint64_t place = 0;
    blobs::File file;
  };
  std::deque<PassedFile> arrived_;  // For the requests that follow them.
  std::deque<Leaving> leaving_;
  std::size_t accounted_descriptors_ = 0;

  bool waits_readable_ = false;
  bool waits_writable_ = false;
  bool is_turn_scheduled_ = false;
  bool is_in_turn_ = false;
  bool is_paused_ = false;     // Whole requests may lie in the cutter.
  bool is_held_back_ = false;  // All hold too much: the rest of a request is not read yet.
  bool input_ended_ = false;   // Nothing more is read from the socket.
  bool is_broken_ = false;     // Nor taken from the cutter.
  bool is_draining_ = false;
  bool is_closed_ = false;
  bool was_at_rest_ = false;  // At the last tick.
  std::uint64_t messages_ = 0;
  std::optional<Clock::time_point> unfinished_since_;
  std::optional<Clock::time_point> unsent_since_;
};

}  // namespace emstore::daemon
