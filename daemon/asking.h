// Asking the writer from a thread of its own, and waiting for the answer.
#pragma once

#include <cstddef>

#include "daemon/jobs.h"
#include "daemon/parts.h"
#include "store/commands.h"

namespace emstore::daemon {

// Not for the reactor's thread. The answer never comes when the daemon stops; then, and when
// `progress` says so, it is `cancelled`: what was asked may be carried out all the same. `bytes`
// is what the submission roughly takes. Errors: busy, cancelled, those of the submission.
store::Outcome ask_writer(const Parts& parts, store::Submission submission, std::size_t bytes,
                          const Jobs::Progress& progress);

}  // namespace emstore::daemon
