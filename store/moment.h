// Moment: a point in the log, which a read of the past asks for: which commit, when it was made,
// and what the schema was then.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/schema.h"
#include "store/store.h"

namespace emstore::store {

struct Moment {
  Sequence sequence = 0;
  Time time;  // Of that commit.
  std::shared_ptr<const Schema> schema;
};

// The one that a view stands for.
Moment moment_of(const View& view);
// The one that is asked for: a sequence, or a time (also as text) for the last commit that is not
// later. Errors, with the path `as_of`: wrong_type; out_of_range for a commit that has not been
// made and for a time before the first one; corrupt_log.
Result<Moment> moment_at(const View& view, const Value& as_of);

// The last commit that is not later than `time`; 0: all are. Looks at as many commits as the log
// can be halved. Errors: corrupt_log.
Result<Sequence> sequence_at(const View& view, Time time);

}  // namespace emstore::store
