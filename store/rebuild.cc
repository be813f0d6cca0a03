#include "store/rebuild.h"

#include <set>
#include <string>
#include <utility>

#include "store/disk_room.h"
#include "store/replay.h"

namespace emstore::store {
namespace {

constexpr Sequence kAskEvery = 256;  // Whether it is to go on.

}  // namespace

// Of the log a generation shows what is there now, which the views that are caught up with are part
// of.
Rebuild::Rebuild(std::unique_ptr<Generation> generation, const std::filesystem::path& folder,
                 const StoreLimits& limits)
    : generation_(std::move(generation)),
      refold_(
          *generation_, *generation_,
          [rows = generation_.get(), folder,
           kept = limits.free_bytes_min](const RowTable& changes) -> Status {
            // What a table takes on the disk is known when it is written; that it fits has to be
            // known before: a commit that finds the disk full stops the store.
            EMSTORE_CHECKED(
                check_disk_room(folder, changes.bytes(), kept, "the next rows of the rebuild",
                                "make room: a rebuild needs as much as the indexes take"));
            return rows->ingest(changes);
          },
          limits.rebuild_bytes_max, Refold::Writing::beside) {}

Status Rebuild::catch_up(const View& view, const Progress& progress) {
  const Status folded = fold(view, progress);
  // A write that failed meanwhile stops the store: that is what has to be known.
  EMSTORE_CHECKED(refold_.settle());
  EMSTORE_CHECKED(folded);
  if (refold_.last() == view.sequence && root() == view.root) return {};
  return failure(ErrorCode::corrupt_log,
                 "the log read up to commit " + std::to_string(refold_.last()) +
                     " is not the one that the store goes on from at commit " +
                     std::to_string(view.sequence));
}

Status Rebuild::fold(const View& view, const Progress& progress) {
  EMSTORE_CHECKED(
      replay(*view.reader, refold_.last() + 1, [&](const LoggedCommit& logged) -> Status {
        const Sequence sequence = logged.commit.info.sequence;
        if (sequence % kAskEvery == 0 && progress && !progress(sequence, view.sequence)) {
          return failure(ErrorCode::cancelled, "cancelled at commit " + std::to_string(sequence));
        }
        return refold_.add(logged);
      }));
  return refold_.finish([&](IndexId index) { return is_ready(*view.indexes, index); },
                        [&] { return !progress || progress(sequence(), view.sequence); });
}

bool Rebuild::has_indexes_of(const View& view) const {
  std::set<IndexId> ready;
  for (const Index& index : view.schema->indexes) {
    if (is_ready(*view.indexes, index.id)) ready.insert(index.id);
  }
  return refold_.kept() == ready;
}

Result<std::vector<FamilyCheck>> Rebuild::digests(const View& view, const GoesOn& goes_on) const {
  View own = view;
  own.reader = std::shared_ptr<const Reader>(generation_.get(), [](const Reader*) {});
  return family_digests(own, goes_on);
}

}  // namespace emstore::store
