// Collecting of a group: the events of each slice are ordinary deletions of media and one
// blobs_collected.
#include <algorithm>
#include <utility>

#include "store/contents.h"
#include "store/damage.h"
#include "store/facts.h"
#include "store/garbage.h"
#include "store/group.h"
#include "store/scrub_state.h"
#include "store/undertaking.h"

namespace emstore::store {
namespace {

constexpr std::size_t kSliceItems = 1000;
constexpr std::size_t kSliceChanges = 10'000;  // Room is left for one media with many fields.

struct Slice {
  std::vector<Unused> items;
  std::string next;
};

Result<Slice> read_slice(const Reader& rows, const CollectCommand& command) {
  Slice slice;
  EMSTORE_CHECKED(
      each_unused(rows, command.from, command.through, [&](Unused unused) -> Result<bool> {
        if (slice.items.size() == kSliceItems) {
          slice.next = std::move(unused.key);
          return false;
        }
        slice.items.push_back(std::move(unused));
        return true;
      }));
  return slice;
}

}  // namespace

Outcome Group::carry_out(const CollectCommand& command, const Peer& peer) {
  EMSTORE_TRY(Slice slice, read_slice(rows_, command));
  const CommitInfo info = next_commit(peer);
  CollectOutcome outcome{.sequence = sequence_, .next = std::move(slice.next)};
  Overlay rows = Overlay::above(rows_);
  std::vector<Event> events;
  BlobsCollected collected;
  const auto collect = [&](const Address& address) -> Status {
    EMSTORE_TRY(const auto blob, read_blob(rows, address));
    if (!blob || blob->media != 0 || blob->collected_at != 0) return {};
    EMSTORE_TRY(const bool leased, is_leased(rows, address, info.time));
    if (leased) {
      ++outcome.leased;
      return {};
    }
    ++outcome.blobs;
    outcome.bytes += blob->size;
    if (!address.is_file()) outcome.row_bytes += blob->size;
    collected.addresses.push_back(address);
    return drop_bytes(rows, address, info.sequence);
  };
  for (Unused& item : slice.items) {
    if (rows.change_count() > kSliceChanges) {
      outcome.next = std::move(item.key);
      break;
    }
    if (const auto* address = std::get_if<Address>(&item.what.what)) {
      EMSTORE_CHECKED(collect(*address));
      continue;
    }
    if (info.time.micros - item.since.micros < command.grace_micros) continue;
    const RecordRef& ref = std::get<RecordRef>(item.what.what);
    EMSTORE_TRY(const UnusedMedia media, unused_media(rows, ref, item.what.since));
    Resolved removal{.verb = Verb::remove, .entity = schema_->entity(ref.entity), .id = ref.id};
    EMSTORE_CHECKED(undertake(*schema_, std::move(removal), info, rows, events));
    EMSTORE_CHECKED(collect(media.address));
    outcome.media.push_back(media);
  }
  if (!collected.addresses.empty()) {
    const Event event = std::move(collected);
    EMSTORE_CHECKED(
        fold_events({&event, 1}, info, static_cast<std::uint32_t>(events.size()), rows));
    events.push_back(event);
  }
  if (events.empty()) return outcome;
  EMSTORE_CHECKED(accept(info, std::move(events), rows));
  outcome.sequence = info.sequence;
  return outcome;
}

Outcome Group::carry_out(const SetAsideCommand& command, const Peer&) {
  const Time now = this->now();
  EMSTORE_TRY(const bool is_damaged, set_aside(rows_, command.address, command.mended, now));
  return SetAsideOutcome{is_damaged};
}

Outcome Group::carry_out(const FoundWholeCommand& command, const Peer&) {
  EMSTORE_TRY(const auto damage, read_damage(rows_, command.address));
  const bool is_the_same = damage && damage->found == command.found;
  const Time now = this->now();
  if (is_the_same) EMSTORE_CHECKED(close_damage(rows_, command.address, now));
  return FoundWholeOutcome{};
}

Outcome Group::carry_out(const ScrubCommand& command, const Peer&) {
  rows_.apply({Family::meta, scrub_key(), encode(command.state)});
  return ScrubOutcome{};
}

Outcome Group::carry_out(const RemovedCommand& command, const Peer&) {
  for (const FileRemoval& file : command.files) EMSTORE_CHECKED(forget_removal(rows_, file));
  return RemovedOutcome{};
}

}  // namespace emstore::store
