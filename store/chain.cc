#include "store/chain.h"

#include <string>
#include <utility>

#include "store/row_bytes.h"

namespace emstore::store {
namespace {

constexpr std::size_t kKeptCommitsMax = 64;
constexpr std::size_t kKeptBytesMax = 32u << 20;

}  // namespace

Result<Sequence> last_commit_of(const Reader& reader, const RecordRef& record) {
  EMSTORE_TRY(const auto row, reader.get(Family::records, record_key(record)));
  if (row) {
    EMSTORE_TRY(const RecordView now, view_of_owner(*row));
    return now.version;
  }
  EMSTORE_TRY(const auto gone, reader.get(Family::deleted, record_key(record)));
  if (!gone) return 0;
  EMSTORE_TRY(const DeletedRow deleted, decode_deleted(*gone));
  return deleted.sequence;
}

Chain::Chain(const Reader& log, const QueryLimits& limits) : log_(log), limits_(limits) {}

Status Chain::look() {
  if (limits_.is_cancelled != nullptr && limits_.is_cancelled->load(std::memory_order_relaxed)) {
    return failure(ErrorCode::cancelled, "the query was called off");
  }
  if (++looks_ <= limits_.examined_max) return {};
  return failure(ErrorCode::result_too_large,
                 "the query looked at " + std::to_string(limits_.examined_max) +
                     " commits and records of the past, which is the limit, and had not ended",
                 "as_of", "ask for fewer records, by their ids or with limit and cursor");
}

Result<std::shared_ptr<const CommitParts>> Chain::commit(Sequence sequence) {
  EMSTORE_CHECKED(look());
  if (const auto kept = kept_.find(sequence); kept != kept_.end()) return kept->second;
  EMSTORE_TRY(auto bytes, log_.get(Family::log, log_key(sequence)));
  if (!bytes) {
    return failure(ErrorCode::corrupt_log, "commit " + std::to_string(sequence) + " is missing");
  }
  EMSTORE_TRY(CommitParts parts, CommitParts::of(*std::move(bytes)));
  auto commit = std::make_shared<const CommitParts>(std::move(parts));
  if (kept_.size() >= kKeptCommitsMax || kept_bytes_ + commit->bytes().size() > kKeptBytesMax) {
    kept_.clear();
    kept_bytes_ = 0;
  }
  kept_bytes_ += commit->bytes().size();
  kept_.emplace(sequence, commit);
  return commit;
}

Status Chain::walk_back(const RecordRef& record, Sequence last, const Visit& visit) {
  for (Sequence sequence = last; sequence != 0;) {
    EMSTORE_TRY(const auto parts, commit(sequence));
    const std::vector<std::uint32_t> events = parts->about(record);
    const Sequence previous = events.empty() ? sequence : parts->previous(events.front());
    if (previous >= sequence) {
      return failure(ErrorCode::corrupt_log, "commit " + std::to_string(sequence) +
                                                 " is no link of the chain of record " +
                                                 to_string(record.id));
    }
    EMSTORE_TRY(const bool goes_on, visit(*parts));
    if (!goes_on) break;
    sequence = previous;
  }
  return {};
}

}  // namespace emstore::store
