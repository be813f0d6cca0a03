// The fold: from a fact to the rows that follow from it. Live commits, replay, verify and import
// call nothing else. A fact cannot be refused: when the rows do not fit it, the log or the rows are
// damaged.
#pragma once

#include "base/result.h"
#include "store/events.h"
#include "store/facts.h"
#include "store/reader.h"
#include "store/schema.h"

namespace emstore::store {

// Where in the log an event stands, and what its commit says of itself.
struct FoldPlace {
  EventPlace event;
  Time time;
  std::uint32_t uid = 0;
};

// Within the result all removals precede all puts. `schema` is the one in force before the event.
// Errors: corrupt_index.
Result<RowChanges> rows_of(const Schema& schema, const Facts& facts, const Event& event,
                           const FoldPlace& place);

}  // namespace emstore::store
