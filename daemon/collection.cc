#include "daemon/collection.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/asking.h"
#include "store/disk_room.h"
#include "store/facts.h"
#include "store/garbage.h"

namespace emstore::daemon {
namespace {

constexpr std::size_t kListedMediaMax = 1000;
// Tables are written anew when so much in them is of no use any more, and this part of them.
constexpr std::uint64_t kWorthwhileBytes = 16u << 20;
constexpr std::uint64_t kWorthwhilePart = 4;
constexpr std::chrono::milliseconds kLookForCancelling{20};

Value shown(const store::UnusedMedia& media) {
  return Map{{"id", to_value(media.id)},
             {"blob", to_string(media.address)},
             {"size", media.size},
             {"since", media.since}};
}

Value shown(Sequence sequence, const store::Garbage& garbage) {
  List list;
  for (const store::UnusedMedia& media : garbage.list) list.push_back(shown(media));
  return Map{{"sequence", sequence},   {"media", garbage.media},   {"blobs", garbage.blobs},
             {"bytes", garbage.bytes}, {"leased", garbage.leased}, {"list", std::move(list)}};
}

void add(const store::CollectOutcome& slice, store::Garbage& all) {
  all.media += slice.media.size();
  all.blobs += slice.blobs;
  all.bytes += slice.bytes;
  all.leased += slice.leased;
  for (const store::UnusedMedia& media : slice.media) {
    if (all.list.size() == kListedMediaMax) break;
    all.list.push_back(media);
  }
}

}  // namespace

Result<Value> Collection::run(const Peer& peer, const GcOptions& options,
                              const Jobs::Progress& progress) {
  std::shared_ptr<const store::View> view = parts_.store.view();
  const std::int64_t grace = options.grace.count();
  if (options.dry_run) {
    EMSTORE_TRY(const store::Garbage garbage,
                store::find_garbage(*view->reader, view->sequence, parts_.store.now(),
                                    {grace, kListedMediaMax}));
    return shown(view->sequence, garbage);
  }
  store::Garbage all;
  Sequence sequence = view->sequence;
  store::CollectCommand slice{grace, view->sequence};
  do {
    EMSTORE_TRY(store::CollectOutcome outcome, ask({peer, slice}, progress));
    add(outcome, all);
    sequence = outcome.sequence;
    remove_files();
    slice.from = std::move(outcome.next);
  } while (!slice.from.empty());
  view.reset();  // It would keep the rows that were there when it began.
  give_back_rows(progress);
  parts_.log.info("collected", {{"media", all.media}, {"blobs", all.blobs}, {"bytes", all.bytes}});
  return shown(sequence, all);
}

// As the database tidies up by itself when it has been written to enough, this is for where that
// may take long: on a full disk nothing is written.
void Collection::give_back_rows(const Jobs::Progress& progress) {
  const std::uint64_t tables = parts_.store.database().table_bytes(store::Family::bytes);
  if (row_bytes_ < std::max(kWorthwhileBytes, tables / kWorthwhilePart)) return;
  const Status done = compact_rows(progress);
  if (done) {
    row_bytes_ = 0;
  } else {
    parts_.log.warning("compaction_ended", {{"message", done.error().message}});
  }
}

// A write that fails in the background stops the daemon. So the tables are taken for as large as
// they are, and as estimates are estimates, the disk is watched.
Status Collection::compact_rows(const Jobs::Progress& progress) {
  const store::Database& database = parts_.store.database();
  const std::uint64_t memtable = parts_.config.database.memtable_bytes;
  EMSTORE_CHECKED(check_room(memtable, 0));
  EMSTORE_CHECKED(database.write_out());
  const std::uint64_t tables = database.table_bytes(store::Family::bytes);
  const std::uint64_t left = tables - std::min(row_bytes_, tables);
  // Others go on writing meanwhile. What is soon written may use what they keep free: a disk that
  // is full would stay so otherwise.
  const std::uint64_t kept =
      left <= memtable ? memtable : std::max<std::uint64_t>(memtable, parts_.config.free_bytes_min);
  EMSTORE_CHECKED(check_room(left, kept));
  std::atomic<bool> is_cancelled = false;
  std::future<Status> compaction;
  try {
    compaction = std::async(std::launch::async, [&] {
      return database.compact(store::Family::bytes, left, is_cancelled);
    });
  } catch (const std::system_error& error) {
    return failure(ErrorCode::busy, std::string("no thread to write tables: ") + error.what());
  }
  while (compaction.wait_for(kLookForCancelling) != std::future_status::ready) {
    if (!progress(0, 0) || !check_room(memtable, 0)) is_cancelled = true;
  }
  return compaction.get();
}

Status Collection::check_room(std::uint64_t bytes, std::uint64_t kept) const {
  return store::check_disk_room(parts_.config.data, bytes, kept, "tables of small contents",
                                "make room: they are written anew beside those that are there");
}

Result<store::CollectOutcome> Collection::ask(const store::Submission& slice,
                                              const Jobs::Progress& progress) {
  EMSTORE_TRY(auto outcome, ask_writer(parts_, slice, sizeof slice, progress));
  auto& collected = std::get<store::CollectOutcome>(outcome);
  row_bytes_ += collected.row_bytes;
  if (!progress(0, 0)) return failure(ErrorCode::cancelled, "the collection was cancelled");
  return std::move(collected);
}

// Whether nobody has to think of it again. A file that is pinned is on its way to a lease, and one
// that only a lease holds may still be of no use when that ends: both are looked at once more.
// After a write that failed nobody knows what the log will say of a lease: a later run finds out.
// An upload keeps its pin until its write has ended, so that is asked when there is none.
Result<bool> Collection::remove_file(const Address& address) {
  bool is_needed = false;
  EMSTORE_TRY(const bool removed, parts_.files.remove(address, [&]() -> Result<bool> {
    if (!parts_.store.takes_writes()) return false;
    const std::shared_ptr<const store::View> now = parts_.store.view();
    EMSTORE_TRY(const bool abandoned, store::is_abandoned(*now->reader, address));
    EMSTORE_TRY(const auto blob, store::read_blob(*now->reader, address));
    is_needed = blob && (blob->media != 0 || blob->collected_at == 0);
    return abandoned;
  }));
  return removed || is_needed;
}

void Collection::remove_files() {
  const std::lock_guard round(removing_);
  const std::shared_ptr<const store::View> view = parts_.store.view();
  const Result<std::vector<store::FileRemoval>> waiting = store::files_to_remove(*view->reader);
  if (!waiting) return parts_.log.error("removal_failed", waiting.error());
  store::RemovedCommand removed;
  for (const store::FileRemoval& file : *waiting) {
    const Result<bool> done = remove_file(file.address);
    if (!done) parts_.log.error("removal_failed", done.error());
    if (done && *done) removed.files.push_back(file);
  }
  if (removed.files.empty()) return;
  // When the writer has no room, the next round finds them gone.
  parts_.reactor.deliver([&writer = parts_.writer, done = std::move(removed)]() mutable {
    const std::size_t bytes = done.files.size() * sizeof(store::FileRemoval);
    writer.submit(store::Submission{{}, std::move(done)}, bytes, [](const store::Outcome&) {});
  });
}

Result<bool> Collection::remove_stray(const Address& address) {
  const std::shared_ptr<const store::View> view = parts_.store.view();
  EMSTORE_TRY(const bool is_stray, store::is_abandoned(*view->reader, address));
  if (!is_stray) return false;
  return remove_file(address);
}

void Collection::remove_strays() {
  std::size_t count = 0;
  Status failed;
  const Status walked = parts_.files.each([&](const Address& address) {
    const Result<bool> removed = remove_stray(address);
    if (!removed) failed = failure(removed.error());
    count += removed && *removed ? 1 : 0;
    return failed.has_value();
  });
  if (!walked) parts_.log.error("removal_failed", walked.error());
  if (!failed) parts_.log.error("removal_failed", failed.error());
  if (count > 0) parts_.log.info("strays_removed", {{"count", count}});
}

void Collection::remove_strays(std::span<const Address> files) {
  for (const Address& address : files) {
    const Result<bool> removed = remove_stray(address);
    if (!removed) parts_.log.error("removal_failed", removed.error());
  }
}

void Collection::drop_uploads() {
  const blobs::Uploads::Expired expired = parts_.uploads.expire();
  if (expired.uploads > 0) parts_.log.info("uploads_expired", {{"count", expired.uploads}});
  remove_strays(expired.stored);
}

}  // namespace emstore::daemon
