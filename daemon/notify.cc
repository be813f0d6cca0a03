#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace emstore::daemon {

void notify(const std::string& notify_socket, std::string_view state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (notify_socket.empty() || notify_socket.size() >= sizeof address.sun_path) return;
  std::ranges::copy(notify_socket, address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_socket.size());
  // A manager that does not listen is its own problem; the daemon serves all the same.
  [[maybe_unused]] const ssize_t sent =
      ::sendto(descriptor, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), size);
  ::close(descriptor);
}

}  // namespace emstore::daemon
