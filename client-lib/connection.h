// One connection: requests go out, replies come in, in any order; notifications may come between.
// Sending never waits while there is something to receive, so a long pipeline cannot block both
// sides. Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "client-lib/socket.h"
#include "protocol/codec.h"
#include "protocol/frame.h"
#include "protocol/message.h"

namespace emstore {

struct Patience {
  std::chrono::milliseconds timeout{};  // Without a byte for so long, the connection is lost.
  std::chrono::microseconds spin{};     // Before sleeping for a reply.
};

class Connection {
 public:
  using PushHandler = std::function<void(std::string_view method, const List& params)>;

  static Result<Connection> open(const std::filesystem::path& path, const Patience& patience);

  // Whether it was made before this process was forked: then it is the parent's, and its replies
  // too.
  bool is_inherited() const;

  // Takes a request for sending; receive() sends it. A descriptor of 0 or more goes with it, and
  // stays open until then.
  void queue(std::string request, int descriptor = -1);
  // The memory of a large request that was sent, to make another one in; empty, when there is none.
  std::string spent() { return std::exchange(spent_, {}); }
  // The descriptor that came with the reply which receive() gave last, if it says that one did.
  Descriptor take_descriptor();
  // The next reply. An error means that the connection is of no more use, not that a request was
  // refused: unreachable or timed_out, or what the daemon said before it hung up.
  Result<protocol::Reply> receive(const PushHandler& on_push);
  // What comes next, reply or notification; nothing when none has come by `deadline`. Errors as
  // above.
  Result<std::optional<protocol::Incoming>> receive_any(Clock::time_point deadline);

 private:
  Connection(Socket socket, const Patience& patience);
  Result<std::optional<protocol::Incoming>> take();
  Status move_bytes(Clock::time_point deadline);
  Result<bool> send_pending();
  Result<bool> receive_arrived();

  Socket socket_;
  Patience patience_;
  pid_t process_;
  protocol::Cutter cutter_;
  // Requests that leave together; a descriptor goes with the first byte.
  struct Parcel {
    std::string bytes;
    int descriptor = -1;
  };
  std::deque<Parcel> outgoing_;
  std::size_t sent_ = 0;  // Of the front.
  std::string spent_;
  std::deque<Descriptor> arrived_;
  bool is_send_over_ = false;  // The daemon takes no more.
};

}  // namespace emstore
