#include "store/replay.h"

#include <future>
#include <utility>
#include <vector>

#include "store/log.h"
#include "store/merkle.h"

namespace emstore::store {
namespace {

// At most two slices are in memory: the one that is folded, and the next.
constexpr std::uint64_t kSliceCommits = 1024;
constexpr std::uint64_t kSliceBytes = 4u << 20;

Result<std::vector<LoggedCommit>> read_slice(const Reader& log, Sequence from) {
  EMSTORE_TRY(const std::vector<StoredCommit> stored,
              read_log(log, from, kSliceCommits, kSliceBytes));
  std::vector<LoggedCommit> commits;
  commits.reserve(stored.size());
  for (const StoredCommit& row : stored) {
    EMSTORE_TRY(LoggedCommit commit, decode_logged(row.sequence, row.bytes));
    commits.push_back(std::move(commit));
  }
  return commits;
}

}  // namespace

Result<LoggedCommit> decode_logged(Sequence sequence, std::string_view commit_bytes) {
  EMSTORE_TRY(Commit commit, decode(commit_bytes));
  if (commit.info.sequence != sequence) {
    return failure(ErrorCode::corrupt_log, "commit " + std::to_string(sequence) + " calls itself " +
                                               std::to_string(commit.info.sequence));
  }
  const Sha256 leaf = leaf_hash(header_bytes(commit_bytes, commit.events.size()));
  return LoggedCommit{std::move(commit), leaf};
}

Status replay(const Reader& log, Sequence from,
              const std::function<Status(const LoggedCommit&)>& take) {
  // Where no thread can be had, the slice is read when it is asked for.
  const auto read_ahead = [&log](Sequence next) {
    return std::async(std::launch::async | std::launch::deferred,
                      [&log, next] { return read_slice(log, next); });
  };
  auto ahead = read_ahead(from);
  while (true) {
    EMSTORE_TRY(const std::vector<LoggedCommit> commits, ahead.get());
    if (commits.empty()) return {};
    ahead = read_ahead(commits.back().commit.info.sequence + 1);
    for (const LoggedCommit& commit : commits) EMSTORE_CHECKED(take(commit));
  }
}

}  // namespace emstore::store
