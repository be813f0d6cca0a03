#include "tests/unit/client-lib/fake_daemon.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "protocol/codec.h"

namespace emstore::testing {

Link::Link(int descriptor)
    : descriptor_(descriptor),
      cutter_(protocol::Limits().request_bytes_max, protocol::Limits().depth_max) {}
Link::~Link() { ::shutdown(descriptor_, SHUT_RDWR); }

std::optional<protocol::Request> Link::next() {
  while (true) {
    const auto message = cutter_.next();
    EMSTORE_CHECK(message.has_value());
    if (*message) {
      auto request = protocol::decode_request(**message, {});
      EMSTORE_CHECK(request.has_value());
      return std::move(*request);
    }
    const std::span<char> space = cutter_.space(64 * 1024);
    const ssize_t count = ::recv(descriptor_, space.data(), space.size(), 0);
    if (count <= 0) return std::nullopt;
    cutter_.filled(static_cast<std::size_t>(count));
  }
}

std::optional<protocol::Request> Link::next_after_hello(const std::string& store_id) {
  auto request = next();
  while (request && std::holds_alternative<protocol::Hello>(request->call)) {
    answer(request->id,
           Map{{"server", "fake"}, {"store_id", store_id}, {"limits", Map{{"request", 8 << 20}}}});
    request = next();
  }
  return request;
}

void Link::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // The client has gone.
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Link::answer(std::uint32_t id, const Value& result) { send(reply_bytes(id, result)); }

void Link::refuse(std::uint32_t id, ErrorCode code, const std::string& message) {
  std::string bytes;
  protocol::encode_error(id, Error{code, message, "", "", {}}, bytes);
  send(bytes);
}

std::string reply_bytes(std::uint32_t id, const Value& result) {
  std::string bytes;
  protocol::encode_result(id, result, bytes);
  return bytes;
}

std::string push_bytes(const std::string& method) {
  std::string bytes;
  protocol::encode_push({method, List{1, "two"}}, bytes);
  return bytes;
}

FakeDaemon::FakeDaemon(std::vector<Script> scripts)
    : scripts_(std::move(scripts)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = socket().string();
  EMSTORE_CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.data(), path.size());
  EMSTORE_CHECK(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
  EMSTORE_CHECK(::listen(listener_, 16) == 0);
  acceptor_ = std::thread([this] { accept_connections(); });
}

FakeDaemon::~FakeDaemon() {
  stop_listening();
  {
    const std::lock_guard turn(turn_);
    for (const int descriptor : open_) ::shutdown(descriptor, SHUT_RDWR);
  }
  for (std::thread& link : links_) link.join();
  for (const int descriptor : open_) ::close(descriptor);
  ::close(listener_);
}

void FakeDaemon::stop_listening() {
  std::filesystem::remove(socket());
  ::shutdown(listener_, SHUT_RDWR);
  if (acceptor_.joinable()) acceptor_.join();
}

void FakeDaemon::accept_connections() {
  for (std::size_t number = 0;; ++number) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    const Script& script = scripts_[std::min(number, scripts_.size() - 1)];
    const std::lock_guard turn(turn_);
    open_.push_back(descriptor);
    links_.emplace_back([descriptor, &script] {
      Link link(descriptor);
      script(link);
    });
  }
}

Options FakeDaemon::options() const {
  Options options;
  options.socket = socket();
  options.timeout = std::chrono::milliseconds(5'000);
  options.retry_for = std::chrono::milliseconds(5'000);
  return options;
}

FakeDaemon::Script answering(std::function<Value(const protocol::Request& request)> reply) {
  return [reply = std::move(reply)](Link& link) {
    while (const auto request = link.next_after_hello()) link.answer(request->id, reply(*request));
  };
}

Value mutation_reply(std::int64_t id, bool replayed) {
  return Map{{"id", id},      {"version", 7},     {"sequence", 7},
             {"data", Map()}, {"changes", Map()}, {"replayed", replayed}};
}

}  // namespace emstore::testing
