// A bare client of the wire, and a daemon in this process to talk to: what a test needs to say
// things that no client library would say.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/app.h"
#include "protocol/codec.h"
#include "protocol/frame.h"
#include "tests/support/temporary_folder.h"

namespace emstore::testing {

// One connection. Waits at most 20 s for anything, then throws std::runtime_error.
class Wire {
 public:
  explicit Wire(const std::filesystem::path& socket);
  // Takes a socket that is not connected yet.
  explicit Wire(int descriptor);
  Wire(Wire&& other) noexcept;
  ~Wire();

  void connect(const std::filesystem::path& socket);
  int descriptor() const { return descriptor_; }

  // Sends a request and returns its id: 1, 2, 3 and so on.
  std::uint32_t send(std::string_view method, List params = {});
  void send_bytes(std::string_view bytes);
  // Sends a request with a descriptor beside it.
  std::uint32_t send_with(int descriptor, std::string_view method);
  // Sends what the socket takes without waiting; returns how much that was.
  std::size_t send_what_fits(std::string_view bytes);
  void end_sending();

  // The next message, or nothing when the daemon has closed the connection.
  std::optional<protocol::Incoming> receive();
  // The next message, which is the error of no request: the connection cannot go on.
  Error last_words();
  // The reply to a request; replies to others are kept for their turn.
  protocol::Reply reply_to(std::uint32_t id);
  // The ids of the next `count` replies, in the order in which they come.
  std::vector<std::uint32_t> order_of_replies(std::size_t count);
  // Waits until the daemon has closed the connection, without reading anything.
  bool is_hung_up();

  protocol::Reply call(std::string_view method, List params = {});
  // Fails the test when the answer is an error; the code when it is not.
  Map result(std::string_view method, List params = {});
  ErrorCode refusal(std::string_view method, List params = {});

 private:
  void wait_for(short events);
  std::optional<Result<protocol::Incoming>> receive_any();

  int descriptor_ = -1;
  std::uint32_t last_id_ = 0;
  protocol::Cutter cutter_{64u << 20, 100};
  std::deque<protocol::Reply> kept_;
};

// The bytes of a request as Wire sends it.
std::string request_bytes(std::uint32_t id, std::string_view method, List params = {});

// A daemon in a folder of its own, serving on a thread of its own.
class RunningDaemon {
 public:
  using MakeSystem = std::function<std::unique_ptr<blobs::System>()>;

  // `system`: what its blob files are reached through.
  explicit RunningDaemon(const std::function<void(daemon::Config&)>& adjust = {},
                         MakeSystem system = std::make_unique<blobs::System>);
  ~RunningDaemon();

  Wire connect() const { return Wire(config_.socket.path); }
  daemon::App& app() { return *app_; }
  const daemon::Config& config() const { return config_; }
  const std::filesystem::path& folder() const { return folder_.path(); }

  // Asks it to stop; wait() returns what run() returned.
  void stop() { app_->stop(); }
  Status wait();
  // Stops in order, unless it was waited for, and opens the same store again.
  void restart();

 private:
  void start();

  TemporaryFolder folder_;
  MakeSystem system_;
  daemon::Config config_;
  std::unique_ptr<daemon::App> app_;
  std::future<Status> served_;
};

// A configuration for a folder, small and quiet.
daemon::Config small_config(const std::filesystem::path& folder);

// Products with a name, a unique sku, a thumbnail and a gallery of at most ten.
Map shop();
// A connection to a daemon whose schema is shop().
Wire connect_to_shop(RunningDaemon& running);
// Calls `status` until it satisfies `holds`: for what happens soon, but not as an answer to
// anybody.
void await_status(Wire& wire, const std::function<bool(const Map&)>& holds);
// Refolds the log, and expects the indexes to equal what comes of it.
void expect_verified(Wire& wire);

// Members of maps, as a test expects them to be there.
const Map& map_at(const Map& map, std::string_view name);
const List& list_at(const Map& map, std::string_view name);
std::int64_t integer_at(const Map& map, std::string_view name);
std::string text_at(const Map& map, std::string_view name);
bool truth_at(const Map& map, std::string_view name);

}  // namespace emstore::testing
