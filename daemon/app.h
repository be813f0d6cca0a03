// The daemon as one object: everything it is made of, in the order in which it is begun and ended.
// main.cc runs one; tests run as many as they like, each in a folder of its own.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "blobs/system.h"
#include "daemon/config.h"
#include "daemon/writer.h"
#include "store/store.h"

namespace emstore::daemon {

class App {
 public:
  // Locks and opens the store, and listens: from now on clients can connect, and are served by
  // run(). Errors: invalid_request, locked, unsupported, disk_full, io_failed, busy (no
  // more threads), and those of Store::open.
  // `system`: what blob files are reached through.
  static Result<std::unique_ptr<App>> open(
      const Config& config,
      std::unique_ptr<blobs::System> system = std::make_unique<blobs::System>());
  ~App();

  // Serves until it is told to stop, answers what is in flight, and closes the store. The calling
  // thread is the reactor's. An error is what made the daemon stop by itself.
  Status run();
  // Any thread; a second call does not wait for what is in flight.
  void stop();
  // stop() on SIGTERM and SIGINT.
  void stop_on_signals();

  Sequence sequence() const;

  // For tests: to pile up groups, to look at the rows, to send what nobody asked for.
  Writer& writer();
  store::Store& store();
  void push_to_all(const protocol::Push& push);  // Any thread.

 private:
  struct State;
  explicit App(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace emstore::daemon
