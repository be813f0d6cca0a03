#include "client-lib/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <thread>
#include <utility>

#include "client-lib/descriptor.h"
namespace emstore {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr milliseconds kFullQueuePause{2};
// Of what was sent and not read yet: a piece of an upload, so that it takes one change of process
// rather than five. The kernel gives what it allows.
constexpr int kSendBufferBytes = 1 << 20;

std::string hint_for(int error_number, const std::filesystem::path& path) {
  if (error_number == ENOENT || error_number == ECONNREFUSED) {
    return "no daemon is running there; start one: emstored --data DIR --socket " + path.string();
  }
  if (error_number == EACCES) {
    return "the socket is another user's; `mode` and `group` in the daemon's configuration let "
           "others in";
  }
  return {};
}

tl::unexpected<Error> unreachable(const std::filesystem::path& path, int error_number) {
  return failure(ErrorCode::unreachable,
                 "cannot reach emstored at " + path.string() + ": " + errno_text(error_number), {},
                 hint_for(error_number, path));
}

tl::unexpected<Error> lost(std::string_view how) {
  return failure(ErrorCode::unreachable, "lost the connection to emstored: " + std::string(how));
}

// A message to send, with a descriptor beside it or without. It stays where it is.
struct Outbound {
  Outbound(std::string_view bytes, int descriptor)
      : place{const_cast<char*>(bytes.data()), bytes.size()} {  // Which sendmsg() only reads.
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    if (descriptor < 0) return;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  }
  Outbound(const Outbound&) = delete;

  iovec place;
  msghdr message{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
};

// The room for a message that may bring descriptors. It stays where it is.
struct Inbound {
  explicit Inbound(std::span<char> into) : place{into.data(), into.size()} {
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
  }
  Inbound(const Inbound&) = delete;

  std::vector<Descriptor> descriptors() {
    std::vector<Descriptor> found;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t size = part->cmsg_len - CMSG_LEN(0);
      for (std::size_t offset = 0; offset + sizeof(int) <= size; offset += sizeof(int)) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(part) + offset, sizeof number);
        found.emplace_back(number);
      }
    }
    return found;
  }

  static constexpr std::size_t kMost = 16;
  iovec place;
  msghdr message{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMost)];
};

int milliseconds_until(Clock::time_point deadline) {
  const auto rest = duration_cast<milliseconds>(deadline - Clock::now()).count() + 1;
  return static_cast<int>(std::clamp<std::int64_t>(rest, 0, std::numeric_limits<int>::max()));
}

}  // namespace

Result<Socket> Socket::connect(const std::filesystem::path& path, Clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.empty() || name.size() >= sizeof address.sun_path) {
    return failure(ErrorCode::unreachable,
                   "the path of a socket has 1 to " + std::to_string(sizeof address.sun_path - 1) +
                       " bytes, this one " + std::to_string(name.size()) + ": " + name,
                   {}, "use a shorter path, or a relative one");
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  Socket made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.descriptor_ < 0) return unreachable(path, errno);
  ::setsockopt(made.descriptor_, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  while (::connect(made.descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
         0) {
    // A Unix socket says EAGAIN while its queue is full, and cannot be waited for.
    if (errno != EAGAIN && errno != EINTR) return unreachable(path, errno);
    if (Clock::now() >= deadline) return unreachable(path, ETIMEDOUT);
    if (errno == EAGAIN) std::this_thread::sleep_for(kFullQueuePause);
  }
  return made;
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> Socket::send_some(std::string_view bytes, int descriptor) {
  Outbound outbound(bytes, descriptor);
  while (true) {
    const ssize_t sent = ::sendmsg(descriptor_, &outbound.message, MSG_NOSIGNAL);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return lost(errno_text(errno));
  }
}

Result<Socket::Received> Socket::receive_some(std::span<char> into) {
  while (true) {
    Inbound inbound(into);
    const ssize_t received = ::recvmsg(descriptor_, &inbound.message, MSG_CMSG_CLOEXEC);
    if (received > 0) return Received{static_cast<std::size_t>(received), inbound.descriptors()};
    if (received == 0) return lost("the daemon closed it");
    if (errno == EAGAIN) return Received{};
    if (errno != EINTR) return lost(errno_text(errno));
  }
}

Status Socket::wait(bool to_send, Clock::time_point deadline) {
  pollfd place{descriptor_, static_cast<short>(to_send ? POLLIN | POLLOUT : POLLIN), 0};
  while (true) {
    const int ready = ::poll(&place, 1, milliseconds_until(deadline));
    if (ready > 0) return {};
    if (ready == 0 && Clock::now() >= deadline) {
      return failure(ErrorCode::timed_out, "emstored did not answer in time");
    }
    if (ready < 0 && errno != EINTR) return lost(errno_text(errno));
  }
}

}  // namespace emstore
