#include "store/rebuild.h"

#include <string>
#include <utility>

#include "store/replay.h"

namespace emstore::store {
namespace {

constexpr Sequence kAskEvery = 256;  // Whether it is to go on.

}  // namespace

// Of the log a generation shows what is there now, which the views that are caught up with are part
// of.
Rebuild::Rebuild(std::unique_ptr<Generation> generation, std::size_t bytes_max)
    : generation_(std::move(generation)),
      refold_(
          *generation_, *generation_,
          [rows = generation_.get()](const RowTable& changes) { return rows->ingest(changes); },
          bytes_max) {}

Status Rebuild::catch_up(const View& view, const Progress& progress) {
  EMSTORE_CHECKED(
      replay(*view.reader, refold_.last() + 1, [&](const LoggedCommit& logged) -> Status {
        const Sequence sequence = logged.commit.info.sequence;
        if (sequence % kAskEvery == 0 && progress && !progress(sequence, view.sequence)) {
          return failure(ErrorCode::cancelled, "cancelled at commit " + std::to_string(sequence));
        }
        return refold_.add(logged);
      }));
  EMSTORE_CHECKED(refold_.finish([&](IndexId index) { return is_ready(*view.indexes, index); }));
  if (refold_.last() == view.sequence && root() == view.root) return {};
  return failure(ErrorCode::corrupt_log,
                 "the log read up to commit " + std::to_string(refold_.last()) +
                     " is not the one that the store goes on from at commit " +
                     std::to_string(view.sequence));
}

Result<std::vector<FamilyCheck>> Rebuild::digests(const View& view) const {
  View own = view;
  own.reader = std::shared_ptr<const Reader>(generation_.get(), [](const Reader*) {});
  return family_digests(own);
}

}  // namespace emstore::store
