// The rules: from what is asked and what is known to the facts that follow, or to everything that
// stands against it. No I/O, no clock, no chance. Rules over the commit's net result (unique
// values) are checked by the group, once all mutations are folded.
#pragma once

#include <vector>

#include "store/events.h"
#include "store/known.h"
#include "store/resolved.h"

namespace emstore::store {

// The events of one mutation, in the order in which they are folded. `sequence` is that of the
// commit that is being decided. Empty: nothing would change. Adds to `violations` whatever is
// refused; the events then mean nothing.
std::vector<Event> decide(const Schema& schema, const Resolved& resolved, const Known& known,
                          Sequence sequence, Violations& violations);

}  // namespace emstore::store
