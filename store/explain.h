// Explain: how a query will be carried out, as data for whoever wants to know why it takes as long
// as it does. docs/protocol.md lists the members.
#pragma once

#include "base/result.h"
#include "store/query.h"
#include "store/reader.h"

namespace emstore::store {

// Of keys that are counted to say how many records a plan leads to.
inline constexpr std::uint64_t kEstimateMax = 1000;

// Looks at no more than kEstimateMax keys. Errors: corrupt_index, io_failed.
Result<Map> explain(const Reader& reader, const Query& query, const Plan& plan);

// What is different as of an earlier commit: {sequence, deleted, text}. `deleted` says how many
// records of the entity are gone by now, at which a scan looks too; no more than kEstimateMax are
// counted. The reader is of the live store. Errors: as explain().
Result<Map> explain_past(const Reader& live, const Query& query, const Plan& plan,
                         Sequence sequence);

}  // namespace emstore::store
