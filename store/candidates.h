// Candidates: the records that a plan leads to, whole rows, one after the other.
#pragma once

#include <functional>
#include <string_view>

#include "store/budget.h"
#include "store/query.h"

namespace emstore::store {

// Looks at one record; the row is Family::records' and valid during the call. false ends the walk.
using VisitRecord = std::function<Result<bool>(const RecordId& id, std::string_view row)>;

// Walks through the candidates in the plan's direction. Each record comes once. `wanted` is how
// many the caller expects to need, so that no more rows are read at once. Errors: those of `visit`,
// result_too_large, corrupt_index, io_failed.
Status for_each_candidate(const Reader& reader, EntityId entity, const Plan& plan, Budget& budget,
                          const VisitRecord& visit, std::size_t wanted = 64);

}  // namespace emstore::store
