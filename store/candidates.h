// Candidates: the records that a plan leads to, whole rows, one after the other.
#pragma once

#include <functional>
#include <string_view>

#include "store/query.h"

namespace emstore::store {

// Looks at one record; the row is Family::records' and valid during the call. false ends the walk.
using VisitRecord = std::function<Result<bool>(const RecordId& id, std::string_view row)>;

// Walks through the candidates, by id in `direction` where the plan can. Each record comes once.
// Errors: those of `visit`, corrupt_index, io_failed.
Status for_each_candidate(const Reader& reader, EntityId entity, const Plan& plan,
                          Direction direction, const VisitRecord& visit);

}  // namespace emstore::store
