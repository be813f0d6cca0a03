// Budget: what one query has used up of its limits.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/sink.h"
#include "store/query.h"

namespace emstore::store {

class Budget {
 public:
  // `sink` takes the result, if there is one; what it holds already is not counted.
  explicit Budget(const QueryLimits& limits, const Sink* sink = nullptr)
      : limits_(limits), sink_(sink), bytes_before_(sink == nullptr ? 0 : sink->bytes_written()) {}

  const QueryLimits& limits() const { return limits_; }

  // A row was looked at. Errors: result_too_large, as for all; cancelled.
  Status examine() {
    if (limits_.is_cancelled != nullptr && limits_.is_cancelled->load(std::memory_order_relaxed)) {
      return failure(ErrorCode::cancelled, "the query was called off");
    }
    if (++examined_ <= limits_.examined_max) return {};
    return failure(ErrorCode::result_too_large,
                   "the query looked at " + std::to_string(limits_.examined_max) +
                       " rows, which is the limit, and had not ended",
                   "where", "ask for ids or for values of an indexed field");
  }

  // A record was written.
  Status add_item() {
    if (++items_ > limits_.items_max) return too_many_items();
    if (sink_->bytes_written() - bytes_before_ <= limits_.result_bytes_max) return {};
    return failure(
        ErrorCode::result_too_large,
        "the result takes more than " + std::to_string(limits_.result_bytes_max) + " bytes",
        "limit", "page with limit and cursor, or select fewer fields");
  }

  tl::unexpected<Error> too_many_items() const {
    return failure(ErrorCode::result_too_large,
                   "the result has more than " + std::to_string(limits_.items_max) +
                       " records, `with` included",
                   "limit", "page with limit and cursor; within `with`, limit and offset");
  }

 private:
  const QueryLimits& limits_;
  const Sink* sink_;
  std::size_t bytes_before_;
  std::uint64_t examined_ = 0;
  std::uint64_t items_ = 0;
};

}  // namespace emstore::store
