// Undo: the mutations that take back what one commit did. What they come to is a commit of its own;
// the log keeps both.
#pragma once

#include <optional>

#include "base/result.h"
#include "store/commands.h"
#include "store/query.h"
#include "store/store.h"

namespace emstore::store {

// Records that the commit made are deleted, those that it changed get back the fields and links
// that it changed; media that were there before stay.
// The mutations expect the versions that were looked at, and the command the schema, so that a
// commit which comes meanwhile is noticed, too.
//
// `carried_out` is the commit of this very undo, when it is asked again: later commits are not
// looked at, and the mutations are the same as then, in the terms of the schema of then.
//
// Reads as much history as `limits` allow. Errors: out_of_range (no such commit), version_mismatch
// with a violation for each record on which later commits stand, naming them; unsupported for what
// cannot be taken back (a deleted record: its id is never given again; a schema; collected bytes);
// invalid_request when nothing was changed; corrupt_log, corrupt_index.
Result<Command> undo_of(const View& view, Sequence sequence, std::optional<Sequence> carried_out,
                        const QueryLimits& limits);

}  // namespace emstore::store
