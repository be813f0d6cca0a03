// What a mutation says of one record: derived from its request and the events of its commit, and
// from nothing else, so that a retry of the same request gets the same answer after any time. Pure.
#pragma once

#include <span>

#include "store/commands.h"
#include "store/event_bytes.h"
#include "store/resolved.h"

namespace emstore::store {

// `events` are those about this record. `unchanged` is the version to answer when there are none.
RecordOutcome outcome_of(const Resolved& resolved, std::span<const Event> events,
                         const CommitInfo& commit, Version unchanged);

}  // namespace emstore::store
