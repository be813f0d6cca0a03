// The parts of a running daemon by which requests are carried out, and who asked for what.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "blobs/file_store.h"
#include "blobs/mime.h"
#include "blobs/uploads.h"
#include "daemon/config.h"
#include "daemon/jobs.h"
#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/quota.h"
#include "daemon/reactor.h"
#include "daemon/session.h"
#include "daemon/sessions.h"
#include "daemon/space.h"
#include "daemon/writer.h"
#include "store/store.h"

namespace emstore::daemon {

// All of them outlive every request.
struct Parts {
  const Config& config;
  Log& log;
  Reactor& reactor;
  store::Store& store;
  blobs::FileStore& files;
  blobs::Uploads& uploads;
  const std::vector<blobs::Sniffer>& sniffers;  // One for each thread of `media`.
  Pool& media;
  Pool& large_files;  // What nobody else shall wait for: reading that takes long.
  Pool& scans;
  Pool& feeds;
  Jobs& jobs;
  Writer& writer;
  Sessions& sessions;
  Space& space;
  Quota& quota;
  std::chrono::steady_clock::time_point started;
};

// A request that is answered later. Its session may have ended by then.
struct Caller {
  SessionId session = 0;
  std::uint32_t request = 0;
};

inline Error too_much_waits(std::string_view what) {
  return Error{ErrorCode::busy, "too many " + std::string(what) + " wait for their turn"};
}

}  // namespace emstore::daemon
