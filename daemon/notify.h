// Tells the service manager how the daemon is: sd_notify(3), without its library.
#pragma once

#include <string>
#include <string_view>

namespace emstore::daemon {

// Sends `state` ("READY=1") to the socket that $NOTIFY_SOCKET named, in the file system or, after
// an @, in the abstract namespace. Does nothing without one: nobody asked.
void notify(const std::string& notify_socket, std::string_view state);

}  // namespace emstore::daemon
