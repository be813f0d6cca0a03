#include "wire.h"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <chrono>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace emstore::testing {
namespace {

constexpr int kPatienceMillis = 20'000;

int new_socket() { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

const Value& value_at(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  if (value == nullptr) {
    throw std::runtime_error("no " + std::string(name) + " in " + to_string(Value(map)));
  }
  return *value;
}

template <typename T>
const T& checked(const T* found, const Map& map, std::string_view name) {
  if (found == nullptr) {
    throw std::runtime_error(std::string(name) + " is of another kind in " + to_string(Value(map)));
  }
  return *found;
}

}  // namespace

// ---- Wire
// -------------------------------------------------------------------------------------------

Wire::Wire(int descriptor) : descriptor_(descriptor) {}
Wire::Wire(const std::filesystem::path& socket) : Wire(new_socket()) { connect(socket); }
Wire::Wire(Wire&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      last_id_(other.last_id_),
      cutter_(std::move(other.cutter_)),
      kept_(std::move(other.kept_)) {}
Wire::~Wire() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Wire::connect(const std::filesystem::path& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(socket.string(), address.sun_path);
  if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("cannot connect to " + socket.string());
  }
}

std::string request_bytes(std::uint32_t id, std::string_view method, List params) {
  std::string bytes;
  protocol::encode_request(id, method, params, bytes);
  return bytes;
}

std::uint32_t Wire::send(std::string_view method, List params) {
  send_bytes(request_bytes(++last_id_, method, std::move(params)));
  return last_id_;
}

std::uint32_t Wire::send_with(int descriptor, std::string_view method) {
  std::string bytes = request_bytes(++last_id_, method);
  iovec piece{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptor)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  if (::sendmsg(descriptor_, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the descriptor does not go out");
  }
  return last_id_;
}

std::size_t Wire::send_what_fits(std::string_view bytes) {
  const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN) return 0;
  throw std::runtime_error("the daemon has closed the connection");
}

void Wire::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t sent = send_what_fits(bytes);
    if (sent == 0) wait_for(POLLOUT);
    bytes.remove_prefix(sent);
  }
}

void Wire::end_sending() { ::shutdown(descriptor_, SHUT_WR); }

void Wire::wait_for(short events) {
  pollfd waiting{descriptor_, events, 0};
  if (::poll(&waiting, 1, kPatienceMillis) == 0) throw std::runtime_error("nothing happens");
}

bool Wire::is_hung_up() {
  pollfd waiting{descriptor_, 0, 0};
  return ::poll(&waiting, 1, kPatienceMillis) == 1 && (waiting.revents & POLLHUP) != 0;
}

std::optional<Result<protocol::Incoming>> Wire::receive_any() {
  const protocol::Limits limits{.reply_bytes_max = 64u << 20, .depth_max = 100};
  while (true) {
    const auto message = cutter_.next();
    if (!message) throw std::runtime_error(to_string(message.error()));
    if (*message) return protocol::decode_incoming(**message, limits);
    wait_for(POLLIN);
    const std::span<char> space = cutter_.space(1u << 16);
    const ssize_t count = ::recv(descriptor_, space.data(), space.size(), 0);
    if (count == 0 || (count < 0 && errno == ECONNRESET)) return std::nullopt;
    if (count < 0) throw std::runtime_error("cannot receive");
    cutter_.filled(static_cast<std::size_t>(count));
  }
}

std::optional<protocol::Incoming> Wire::receive() {
  std::optional<Result<protocol::Incoming>> incoming = receive_any();
  if (!incoming) return std::nullopt;
  if (!*incoming) throw std::runtime_error(to_string(incoming->error()));
  return **std::move(incoming);
}

Error Wire::last_words() {
  const std::optional<Result<protocol::Incoming>> incoming = receive_any();
  if (!incoming) throw std::runtime_error("closed without a word");
  if (*incoming) throw std::runtime_error("a message like any other");
  return incoming->error();
}

protocol::Reply Wire::reply_to(std::uint32_t id) {
  const auto kept = std::ranges::find(kept_, id, &protocol::Reply::id);
  if (kept != kept_.end()) {
    protocol::Reply reply = std::move(*kept);
    kept_.erase(kept);
    return reply;
  }
  while (true) {
    std::optional<protocol::Incoming> incoming = receive();
    if (!incoming) throw std::runtime_error("closed before the reply to " + std::to_string(id));
    auto* reply = std::get_if<protocol::Reply>(&*incoming);
    if (reply == nullptr) continue;
    if (reply->id == id) return std::move(*reply);
    kept_.push_back(std::move(*reply));
  }
}

std::vector<std::uint32_t> Wire::order_of_replies(std::size_t count) {
  std::vector<std::uint32_t> ids;
  while (ids.size() < count) {
    const std::optional<protocol::Incoming> incoming = receive();
    if (!incoming)
      throw std::runtime_error("closed after " + std::to_string(ids.size()) + " replies");
    ids.push_back(std::get<protocol::Reply>(*incoming).id);
  }
  return ids;
}

protocol::Reply Wire::call(std::string_view method, List params) {
  return reply_to(send(method, std::move(params)));
}

Map Wire::result(std::string_view method, List params) {
  const protocol::Reply reply = call(method, std::move(params));
  if (reply.error) {
    ADD_FAILURE() << method << ": " << to_string(*reply.error);
    return {};
  }
  return *reply.result.if_map();
}

ErrorCode Wire::refusal(std::string_view method, List params) {
  const protocol::Reply reply = call(method, std::move(params));
  if (reply.error) return reply.error->code;
  throw std::runtime_error(std::string(method) + " was not refused: " + to_string(reply.result));
}

// ---- RunningDaemon
// --------------------------------------------------------------------------------

daemon::Config small_config(const std::filesystem::path& folder) {
  daemon::Config config;
  config.data = folder / "data";
  config.socket.path = folder / "sock";
  config.database.cache_bytes = 8u << 20;
  config.database.memtable_bytes = 4u << 20;
  config.log_level = daemon::LogLevel::off;
  config.allow_memory = true;
  return config;
}

RunningDaemon::RunningDaemon(const std::function<void(daemon::Config&)>& adjust, MakeSystem system)
    : system_(std::move(system)), config_(small_config(folder_.path())) {
  if (adjust) adjust(config_);
  start();
}

RunningDaemon::~RunningDaemon() {
  if (!served_.valid()) return;
  app_->writer().resume();
  app_->stop();
  const Status served = served_.get();
  EXPECT_TRUE(served) << to_string(served.error());
}

void RunningDaemon::start() {
  auto opened = daemon::App::open(config_, system_());
  if (!opened) throw std::runtime_error(to_string(opened.error()));
  app_ = *std::move(opened);
  served_ = std::async(std::launch::async, [app = app_.get()] { return app->run(); });
}

Status RunningDaemon::wait() { return served_.get(); }

void RunningDaemon::restart() {
  if (served_.valid()) {
    stop();
    const Status served = wait();
    ASSERT_TRUE(served) << to_string(served.error());
  }
  app_.reset();
  start();
}

// ---- What tests say often
// ---------------------------------------------------------------------------

Map shop() {
  const auto field = [](const char* type, Map config = {}) {
    return Map{{"type", type}, {"config", std::move(config)}};
  };
  const auto poly = [](const char* name, int targets) {
    Map config{{"mappedBy", name}};
    if (targets == 1) config.set("targetCardinality", 1);
    return Map{{"type", "poly"}, {"source", "products"}, {"target", "media"}, {"config", config}};
  };
  const Map fields{{"name", field("text", Map{{"required", true}})},
                   {"sku", field("text")},
                   {"color", field("text")},
                   {"thumbnail", field("medium")},
                   {"gallery", field("media", Map{{"max_items", 10}})}};
  return Map{
      {"entities", Map{{"products", Map{{"fields", fields}}}}},
      {"relations", Map{{"a", poly("thumbnail", 1)}, {"b", poly("gallery", 0)}}},
      {"indices", Map{{"idx_unique_products_sku",
                       Map{{"entity", "products"}, {"fields", List{"sku"}}, {"unique", true}}}}}};
}

Wire connect_to_shop(RunningDaemon& running) {
  Wire wire = running.connect();
  wire.result("schema.apply", {shop()});
  return wire;
}

void expect_verified(Wire& wire) {
  const std::string id = text_at(wire.result("verify"), "job");
  Map job;
  do {
    job = wire.result("job.get", {id});
  } while (!job.contains("result") && !job.contains("error"));
  ASSERT_TRUE(job.contains("result")) << to_string(Value(job));
  EXPECT_TRUE(truth_at(map_at(job, "result"), "equal")) << to_string(Value(job));
}

void await_status(Wire& wire, const std::function<bool(const Map&)>& holds) {
  // By the clock: a quick machine asks so often that a number of questions is over too soon.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (holds(wire.result("status"))) return;
  }
  throw std::runtime_error("the status never came to be as expected");
}

const Map& map_at(const Map& map, std::string_view name) {
  return checked(value_at(map, name).if_map(), map, name);
}
const List& list_at(const Map& map, std::string_view name) {
  return checked(value_at(map, name).if_list(), map, name);
}
std::int64_t integer_at(const Map& map, std::string_view name) {
  return checked(value_at(map, name).if_integer(), map, name);
}
std::string text_at(const Map& map, std::string_view name) {
  return checked(value_at(map, name).if_text(), map, name);
}
bool truth_at(const Map& map, std::string_view name) {
  return checked(value_at(map, name).if_boolean(), map, name);
}

}  // namespace emstore::testing
