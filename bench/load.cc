#include "bench/load.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/pack.h"
#include "protocol/codec.h"
#include "protocol/frame.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;

constexpr std::size_t kDepthMax =
    128;  // Ids of one byte: they stand at a known place of every reply.
constexpr std::size_t kRead = 256u << 10;  // Of one call.

void begin_request(pack::Writer& out, std::uint32_t id, std::string_view method,
                   std::size_t params) {
  out.begin_list(4);
  out.integer(0);
  out.unsigned_integer(id);
  out.text(method);
  out.begin_list(params);
}

// The id of a reply [1, id, nil, result]; ends the program on an error.
std::uint32_t id_of(std::string_view reply) {
  const bool is_result =
      reply.size() > 4 && reply[0] == '\x94' && reply[1] == '\x01' && reply[3] == '\xc0';
  if (!is_result) give_up("not a result: " + to_string(must(pack::read(reply))));
  return static_cast<unsigned char>(reply[2]);
}

}  // namespace

Request attach_requests(AttachStream& attaches) {
  return [&attaches](std::uint32_t id, std::string& bytes) {
    const Attach attach = attaches.next();
    pack::Writer out(bytes);
    begin_request(out, id, "updateOne", 3);
    out.text("products");
    out.unsigned_integer(attach.product);
    out.begin_map(1);
    out.text("gallery");
    out.begin_map(1);
    out.text("$attach");
    out.begin_list(1);
    out.unsigned_integer(attach.medium);
  };
}

Request find_one_requests(std::uint64_t products) {
  return [ids = Ids(products)](std::uint32_t id, std::string& bytes) mutable {
    pack::Writer out(bytes);
    begin_request(out, id, "findOne", 2);
    out.text("products");
    out.value(find_one_query(ids.next()));
  };
}

Request read_requests(std::string address, std::uint64_t size, std::uint64_t piece) {
  return [address = std::move(address), size, piece, offset = std::uint64_t{0}](
             std::uint32_t id, std::string& bytes) mutable {
    pack::Writer out(bytes);
    begin_request(out, id, "blob.read", 3);
    out.text(address);
    out.unsigned_integer(offset);
    out.unsigned_integer(std::min(piece, size - offset));
    offset = offset + piece < size ? offset + piece : 0;
  };
}

class Load::Connection {
 public:
  explicit Connection(const std::filesystem::path& path) : socket_(connect_to(path)) {
    if (socket_ < 0) give_up(path.string() + ": " + std::strerror(errno));
    ::fcntl(socket_, F_SETFL, O_NONBLOCK);
  }
  ~Connection() { ::close(socket_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int socket() const { return socket_; }
  std::size_t on_their_way() const { return on_their_way_; }

  void queue(std::uint32_t id, const Request& request) {
    request(id, out_);
    ++on_their_way_;
    sent_at_[id] = Clock::now();
  }
  // All of it: what the daemon's side of the socket does not take now, it takes as soon as it has
  // read.
  void send() {
    for (std::size_t sent = 0; sent < out_.size();) {
      const ssize_t count = ::send(socket_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno != EAGAIN) give_up(std::string("send: ") + std::strerror(errno));
      if (count > 0) sent += static_cast<std::size_t>(count);
    }
    out_.clear();
  }
  void receive() {
    const std::span<char> space = cutter_.space(kRead);
    const ssize_t count = ::recv(socket_, space.data(), space.size(), 0);
    if (count == 0) give_up("the daemon has hung up");
    if (count < 0 && errno != EAGAIN) give_up(std::string("recv: ") + std::strerror(errno));
    if (count > 0) cutter_.filled(static_cast<std::size_t>(count));
  }
  // The id of the next reply that has come whole, and how long it took.
  std::optional<std::pair<std::uint32_t, Clock::duration>> next_reply() {
    const std::optional<std::string_view> reply = must(cutter_.next());
    if (!reply) return std::nullopt;
    const std::uint32_t id = id_of(*reply);
    --on_their_way_;
    return std::pair(id, Clock::now() - sent_at_[id]);
  }

 private:
  int socket_;
  protocol::Cutter cutter_{protocol::Limits().reply_bytes_max, protocol::Limits().depth_max};
  std::string out_;
  std::array<Clock::time_point, kDepthMax> sent_at_{};
  std::size_t on_their_way_ = 0;
};

Load::Load(const std::filesystem::path& socket, std::size_t connections, std::size_t depth,
           Request request)
    : request_(std::move(request)), depth_(depth), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (depth_ > kDepthMax || epoll_ < 0) give_up("no such load");
  for (std::size_t i = 0; i < connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(socket));
    epoll_event event{.events = EPOLLIN, .data = {.ptr = connections_.back().get()}};
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back()->socket(), &event) != 0)
      give_up("epoll_ctl");
  }
}

Load::~Load() { ::close(epoll_); }

// Whether replies are still to come.
bool Load::take_replies(Connection& connection, bool goes_on, Result& result) {
  connection.receive();
  while (const auto reply = connection.next_reply()) {
    ++result.answers;
    result.latencies.add(reply->second);
    if (goes_on) connection.queue(reply->first, request_);
  }
  connection.send();
  return connection.on_their_way() > 0;
}

Load::Result Load::run(const std::function<bool()>& goes_on) {
  Result result;
  const Clock::time_point start = Clock::now();
  for (const auto& connection : connections_) {
    for (std::uint32_t id = 0; id < depth_; ++id) connection->queue(id, request_);
    connection->send();
  }
  std::array<epoll_event, 64> events{};
  for (std::size_t busy = connections_.size(); busy > 0;) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    const bool more = goes_on();
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!take_replies(connection, more, result)) --busy;
    }
  }
  result.took = Clock::now() - start;
  return result;
}

Load::Result Load::run_for(std::chrono::milliseconds window) {
  const Clock::time_point end = Clock::now() + window;
  return run([end] { return Clock::now() < end; });
}

}  // namespace emstore::bench
