// Order: what an orderBy looks at in a record, and which of two records comes first. Pure.
#pragma once

#include <vector>

#include "base/result.h"
#include "store/cells.h"
#include "store/query.h"

namespace emstore::store {

// The values of the columns of `order`, one a term; null for the id, which stands beside them. They
// look into `cells`. Errors: corrupt_index.
Result<std::vector<Scalar>> order_keys(const std::vector<OrderTerm>& order, const Cells& cells);

// Where a record stands: one key a term of the order, and its id.
struct Standing {
  const Scalar* keys;
  RecordId id;
};
bool precedes(const std::vector<OrderTerm>& order, const Standing& a, const Standing& b);

// Whether the record comes behind the page that ended at `last`. Errors: corrupt_index.
Result<bool> comes_behind(const Position& last, const std::vector<OrderTerm>& order,
                          const RecordId& id, const Cells& cells);

}  // namespace emstore::store
