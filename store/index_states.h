// How far each index is: rows of Family::meta, beside the log, because a fill is work on what is
// there and no fact about it. An index on a filled entity is built in slices while writes go on:
// every commit keeps its keys from the start, each slice adds those of some older records.
//
//   meta   "index/" | index u32   → [state, cursor]     state 0 ready, 1 filling, 2 not unique,
//                                                  3 dropping, 4 too large
//
// An index that cannot hold every record (two share a unique value, or one has a value too large
// for a key) stays out of use, with the reason. It has the keys of all others: what is written is
// held to them, and the fill is tried again once the values change that a record stands against it
// with, or the schema is applied again.
//
// Threads: the writer's; the states in a View are immutable.
#pragma once

#include <map>
#include <string>

#include "store/overlay.h"
#include "store/schema.h"

namespace emstore::store {

struct IndexState {
  enum class Kind : std::uint8_t {
    ready,
    filling,
    not_unique,
    dropping,
    too_large
  } kind = Kind::ready;
  // not_unique, too_large: which records stand against it, the first that were found. filling: the
  // last key done and, once there is one, the state that it will end in.
  std::string detail;
  bool operator==(const IndexState&) const = default;
};
using IndexStates = std::map<IndexId, IndexState>;

// The states as stored. Errors: corrupt_index.
Result<IndexStates> load_index_states(const Reader& reader);

bool is_ready(const IndexStates& states, IndexId index);

// A state as it is stored: for a store that is made of a log.
RowChange state_row(IndexId index, const IndexState& state);
RowChanges state_rows(const IndexStates& states);

// The states after a schema change, put into `rows`: a new index on an empty entity is ready, on a
// filled one it is to be filled; one that was not unique is tried again; one that is gone is to be
// dropped.
Result<IndexStates> change_index_states(const Schema& next, const IndexStates& before,
                                        Overlay& rows);

// The states after a commit, whose changes `rows` holds: an index is to be filled again when they
// touch what it holds of a record that stands against it. Nothing when they stay as they are.
std::optional<IndexStates> retry_refused(const Schema& schema, const IndexStates& before,
                                         Overlay& rows);

// After the keys of ready indexes alone were made anew: every other index starts from its first
// record.
IndexStates restarted_fills(IndexStates states);

// One slice of work on the first index that needs it; nothing when none does. The changes go into
// `rows`.
Result<std::optional<IndexStates>> continue_indexes(const Schema& schema, const IndexStates& before,
                                                    Overlay& rows);

}  // namespace emstore::store
