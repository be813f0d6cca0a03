// A daemon that does what a test tells it to, however rude: for how the client behaves when things
// go wrong. It listens on a real socket, in a thread of its own.
#pragma once

#include <emstore/client.hpp>

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "protocol/frame.h"
#include "protocol/message.h"
#include "tests/support/temporary_folder.h"

namespace emstore::testing {

// One accepted connection, as the daemon sees it.
class Link {
 public:
  explicit Link(int descriptor);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The next request; nothing once the client has gone.
  std::optional<protocol::Request> next();
  // The next request that is not hello, which is answered on the way.
  std::optional<protocol::Request> next_after_hello(const std::string& store_id = "a store");
  void send(std::string_view bytes);
  void answer(std::uint32_t id, const Value& result);
  void refuse(std::uint32_t id, ErrorCode code, const std::string& message = "refused");

 private:
  int descriptor_;
  protocol::Cutter cutter_;
};

std::string reply_bytes(std::uint32_t id, const Value& result);
std::string push_bytes(const std::string& method);

class FakeDaemon {
 public:
  // What to do with the first connection, the second, …; the last one is for all that follow. When
  // it returns, the connection is closed.
  using Script = std::function<void(Link& link)>;
  explicit FakeDaemon(std::vector<Script> scripts);
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  // Options that reach it, with little patience.
  Options options() const;
  std::filesystem::path socket() const { return folder_.path() / "sock"; }
  // Hangs up on nobody, but takes no more connections.
  void stop_listening();

 private:
  void accept_connections();

  TemporaryFolder folder_;
  std::vector<Script> scripts_;
  int listener_;
  std::mutex turn_;  // Guards what is below.
  std::vector<std::thread> links_;
  std::vector<int> open_;
  std::thread acceptor_;
};

// What a script saw, for the test to look at: they are in different threads.
template <typename T>
class Seen {
 public:
  void add(T item) {
    const std::lock_guard turn(turn_);
    items_.push_back(std::move(item));
  }
  std::vector<T> all() const {
    const std::lock_guard turn(turn_);
    return items_;
  }

 private:
  mutable std::mutex turn_;
  std::vector<T> items_;
};

// Answers hello, then every request with the map that `reply` makes of it.
FakeDaemon::Script answering(std::function<Value(const protocol::Request& request)> reply);
// The answer to a mutation.
Value mutation_reply(std::int64_t id = 1, bool replayed = false);

}  // namespace emstore::testing
