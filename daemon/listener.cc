#include "daemon/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "daemon/descriptors.h"
#include "protocol/codec.h"

namespace emstore::daemon {
namespace {

constexpr int kAcceptsATurn = 64;  // Then those who are connected have their turn.
constexpr std::chrono::milliseconds kRest{100};

int open_reserve() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

Listener::Listener(Reactor& reactor, Log& log, SocketFile socket, std::function<void(int)> accepted)
    : log_(log),
      socket_(std::move(socket)),
      accepted_(std::move(accepted)),
      acceptor_(reactor.context()),
      rest_(reactor.context()),
      reserve_(open_reserve()) {}

Listener::~Listener() { close(); }

Status Listener::start() {
  boost::system::error_code error;
  // Asio closes what it is given; the file's own descriptor stays with the file.
  const int descriptor = ::fcntl(socket_.descriptor(), F_DUPFD_CLOEXEC, 0);
  if (descriptor >= 0) acceptor_.assign(asio::local::stream_protocol(), descriptor, error);
  if (descriptor < 0 || error) {
    if (descriptor >= 0) ::close(descriptor);
    return failure(ErrorCode::io_failed, "cannot watch the socket " + socket_.path().string());
  }
  last_ = last_descriptor_of_peers();
  wait();
  return {};
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  rest_.cancel();
  socket_.close();
  if (reserve_ >= 0) ::close(std::exchange(reserve_, -1));
}

void Listener::wait() {
  acceptor_.async_wait(asio::socket_base::wait_read,
                       [this](const boost::system::error_code& error) {
                         if (!error && acceptor_.is_open()) accept_some();
                       });
}

void Listener::accept_some() {
  for (int count = 0; count < kAcceptsATurn; ++count) {
    const int descriptor =
        ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor > last_) {
      turn_away(descriptor);
      return rest();
    }
    if (descriptor >= 0) {
      accepted_(descriptor);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE) {
      turn_one_away();
      return rest();
    }
    if (errno == ENOMEM || errno == ENOBUFS) return rest();
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    // Anything else concerns the one connection that was given up meanwhile.
  }
  wait();
}

// With the reserved descriptor.
void Listener::turn_one_away() {
  if (reserve_ >= 0) ::close(std::exchange(reserve_, -1));
  turn_away(::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  reserve_ = open_reserve();
}

void Listener::turn_away(int descriptor) {
  log_.warning("out_of_descriptors",
               {{"next", "raise the limit of open files (LimitNOFILE, ulimit -n)"}});
  if (descriptor < 0) return;
  std::string reply;
  protocol::encode_error(std::nullopt,
                         Error{ErrorCode::too_many_connections,
                               "the daemon has no file descriptor left for a connection"},
                         reply);
  [[maybe_unused]] const ssize_t sent =
      ::send(descriptor, reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::close(descriptor);
}

void Listener::rest() {
  rest_.expires_after(kRest);
  rest_.async_wait([this](const boost::system::error_code& error) {
    if (!error && acceptor_.is_open()) wait();
  });
}

}  // namespace emstore::daemon
