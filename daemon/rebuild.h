// A rebuild of the indexes while requests go on: filled on the thread of a job, put in place by the
// writer. Threads: the jobs'.
#pragma once

#include "base/result.h"
#include "daemon/jobs.h"
#include "daemon/writer.h"
#include "store/store.h"

namespace emstore::daemon {

// {sequence, events, state_digest, mended, paused, families: [{family, rows, mended}]}. Errors:
// cancelled, shutting_down, those of Rebuild::catch_up() and Store::adopt().
Result<Value> rebuild(store::Store& store, Writer& writer, const Jobs::Progress& progress);

}  // namespace emstore::daemon
