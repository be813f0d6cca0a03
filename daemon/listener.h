// The listener: accepts connections and hands them on. It never spins: when the process is out of
// descriptors, a reserved one is spent to turn the newcomer away, and accepting rests for a moment.
// That is so when few are left: the database cannot go on without those for its next files.
// Threads: the reactor's.
#pragma once

#include <functional>

#include "daemon/asio.h"
#include "daemon/log.h"
#include "daemon/reactor.h"
#include "daemon/socket_file.h"

namespace emstore::daemon {

class Listener {
 public:
  // `accepted` is given each connected, non-blocking descriptor, to keep. `reactor` and `log`
  // outlive it.
  Listener(Reactor& reactor, Log& log, SocketFile socket, std::function<void(int)> accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Accepts from now on. Errors: io_failed.
  Status start();
  // Accepts no more and removes the socket's file.
  void close();

 private:
  void wait();
  void accept_some();
  void turn_one_away();
  void turn_away(int descriptor);
  void rest();

  Log& log_;
  SocketFile socket_;
  std::function<void(int)> accepted_;
  asio::local::stream_protocol::acceptor acceptor_;
  asio::steady_timer rest_;
  int reserve_ = -1;
  int last_ = 0;  // The highest descriptor that a connection may have.
};

}  // namespace emstore::daemon
