// Chain: the commits that a record came through. Each event about a record says which version the
// record had before it, and a version is a sequence: so they are found without looking at others,
// and a history costs what the record has been through, however long the log is.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/result.h"
#include "store/budget.h"
#include "store/event_bytes.h"
#include "store/reader.h"

namespace emstore::store {

// The last commit with events about the record, its deletion included; 0: it never was there.
// Errors: corrupt_index, those of the reader.
Result<Sequence> last_commit_of(const Reader& reader, const RecordRef& record);

class Chain {
 public:
  // What is looked at is bounded by `limits`; both outlive the chain.
  Chain(const Reader& log, const QueryLimits& limits);

  // Errors: corrupt_log (there is no such commit), those of look().
  Result<std::shared_ptr<const CommitParts>> commit(Sequence sequence);

  // The commits with events about `record`, from `last`, which is one of them, back to the one that
  // made it. false from `visit` ends. Errors: corrupt_log; those of commit() and of `visit`.
  using Visit = std::function<Result<bool>(const CommitParts& commit)>;
  Status walk_back(const RecordRef& record, Sequence last, const Visit& visit);

  // Something was looked at. Errors: result_too_large, cancelled.
  Status look();

 private:
  const Reader& log_;
  const QueryLimits& limits_;
  std::uint64_t looks_ = 0;
  std::map<Sequence, std::shared_ptr<const CommitParts>> kept_;  // Many records share a commit.
  std::size_t kept_bytes_ = 0;
};

}  // namespace emstore::store
