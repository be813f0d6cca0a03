// The figures that a person wants to see about a running daemon.
// Threads: the reactor's.
#pragma once

#include "daemon/parts.h"

namespace emstore::daemon {

Value status_of(const Parts& parts);

}  // namespace emstore::daemon
