#include "daemon/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace emstore::daemon {

int last_descriptor_of_peers() {
  constexpr rlim_t kKeptMin = 128;  // Each family of the database has some tables at any time.
  constexpr rlim_t kMost = std::numeric_limits<int>::max();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return static_cast<int>(kMost);
  const rlim_t all = std::min(limit.rlim_cur, kMost);
  const rlim_t kept = std::min(std::max(all / 4, kKeptMin), all / 2);
  return static_cast<int>(all - kept) - 1;
}

}  // namespace emstore::daemon
