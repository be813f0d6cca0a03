// Undo: the mutations that take back what one commit did. What they come to is a commit of its own;
// the log keeps both.
#pragma once

#include "base/result.h"
#include "store/commands.h"
#include "store/query.h"
#include "store/store.h"

namespace emstore::store {

// Whether later commits stand on what is taken back: whether its records are as it left them. The
// mutations expect the versions that were looked at, so that a commit which comes meanwhile is
// noticed, too.
enum class LaterCommits : bool { checked, known };

// Records that the commit made are deleted, those that it changed get back the fields and links
// that it changed; media that were there before stay.
// `later` is `known` for the retry of an undo that was carried out. Reads as much history as
// `limits` allow. Errors: out_of_range (no such commit), version_mismatch with a violation for each
// record on which later commits stand, naming them; unsupported for what cannot be taken back (a
// deleted record: its id is never given again; a schema; collected bytes); invalid_request when
// nothing was changed; corrupt_log, corrupt_index.
Result<Command> undo_of(const View& view, Sequence sequence, LaterCommits later,
                        const QueryLimits& limits);

}  // namespace emstore::store
