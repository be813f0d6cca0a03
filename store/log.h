// Reading the log: stored bytes as they are, and what they say.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sink.h"
#include "store/event_bytes.h"
#include "store/reader.h"
#include "store/schema.h"

namespace emstore::store {

// As messages name it.
inline std::string commit_text(Sequence sequence) { return "commit " + std::to_string(sequence); }

struct StoredCommit {
  Sequence sequence = 0;
  std::string bytes;  // As in the database.
};

// Commits from `from` on: at most `limit`, at most `bytes_max` bytes (but at least one, if there is
// one). Errors: corrupt_log (a gap, a key that is none).
Result<std::vector<StoredCommit>> read_log(const Reader& reader, Sequence from, std::uint64_t limit,
                                           std::uint64_t bytes_max);

// The schema that was in force before a commit. Errors: corrupt_log.
Result<Schema> schema_before(const Reader& reader, const CommitInfo& info);
// The schema that a commit applied; of commit 0 the initial one. Errors: corrupt_log.
Result<Schema> schema_applied_at(const Reader& reader, Sequence version);

struct OperatorName {
  Operators bit;
  std::string_view name;
};
inline constexpr std::array kOperatorNames{
    OperatorName{kOperatorSet, "$set"}, OperatorName{kOperatorDetach, "$detach"},
    OperatorName{kOperatorAttach, "$attach"}, OperatorName{kOperatorCreate, "$create"},
    OperatorName{kOperatorDelete, "delete"}};

// What a commit says, with names: {sequence, time, schema, peer: {uid, gid, pid}, events: [{kind,
// …}]}. Ids of entities and fields that the schema no longer knows are shown as numbers ("field
// 7").
void show(const Commit& commit, const Schema& schema, Sink& sink);
// The same of one that would be too large: `bytes`, as it is stored, in the place of its events.
void show_bare(const StoredCommit& stored, const CommitInfo& info, Sink& sink);

}  // namespace emstore::store
