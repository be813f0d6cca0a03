#include "daemon/collection.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <system_error>
#include <utility>
#include <vector>

#include "daemon/asking.h"
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
  std::uint64_t row_bytes = 0;
  Sequence sequence = view->sequence;
  store::CollectCommand slice{grace, view->sequence};
  do {
    EMSTORE_TRY(store::CollectOutcome outcome, ask({peer, slice}, progress));
    add(outcome, all);
    row_bytes += outcome.row_bytes;
    sequence = outcome.sequence;
    remove_files();
    slice.from = std::move(outcome.next);
  } while (!slice.from.empty());
  view.reset();  // It would keep the rows that were there when it began.
  give_back_rows(row_bytes, progress);
  parts_.log.info("collected", {{"media", all.media}, {"blobs", all.blobs}, {"bytes", all.bytes}});
  return shown(sequence, all);
}

// As the database tidies up by itself when it has been written to enough, this is for where that
// may take long: on a full disk nothing is written.
void Collection::give_back_rows(std::uint64_t bytes, const Jobs::Progress& progress) {
  const store::Database& database = parts_.store.database();
  const std::uint64_t all_bytes = database.size(store::Family::bytes).bytes;
  if (bytes < std::max(kWorthwhileBytes, all_bytes / kWorthwhilePart)) return;
  std::error_code error;
  const auto disk = std::filesystem::space(parts_.config.data, error);
  const std::uint64_t left = all_bytes - std::min(bytes, all_bytes);
  if (error || disk.available < left + parts_.config.database.memtable_bytes) return;
  std::atomic<bool> is_cancelled = false;
  auto compaction = std::async(
      std::launch::async, [&] { return database.compact(store::Family::bytes, is_cancelled); });
  while (compaction.wait_for(kLookForCancelling) != std::future_status::ready) {
    if (!progress(0, 0)) is_cancelled = true;
  }
  const Status done = compaction.get();
  if (!done) parts_.log.warning("compaction_ended", {{"message", done.error().message}});
}

Result<store::CollectOutcome> Collection::ask(const store::Submission& slice,
                                              const Jobs::Progress& progress) {
  EMSTORE_TRY(auto outcome, ask_writer(parts_, slice, sizeof slice, progress));
  if (!progress(0, 0)) return failure(ErrorCode::cancelled, "the collection was cancelled");
  return std::get<store::CollectOutcome>(std::move(outcome));
}

// Whether nobody has to think of it again. A file that is pinned is on its way to a lease, and one
// that only a lease holds may still be of no use when that ends: both are looked at once more.
Result<bool> Collection::remove_file(const Address& address) {
  bool is_needed = false;
  EMSTORE_TRY(const bool removed, parts_.files.remove(address, [&]() -> Result<bool> {
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

void Collection::remove_strays() {
  std::size_t count = 0;
  Status failed;
  const Status walked = parts_.files.each([&](const Address& address) {
    const std::shared_ptr<const store::View> view = parts_.store.view();
    const Result<bool> stray = store::is_abandoned(*view->reader, address);
    if (stray && !*stray) return true;
    const Result<bool> removed = stray ? remove_file(address) : stray;
    if (!removed) failed = failure(removed.error());
    count += removed && *removed ? 1 : 0;
    return failed.has_value();
  });
  if (!walked) parts_.log.error("removal_failed", walked.error());
  if (!failed) parts_.log.error("removal_failed", failed.error());
  if (count > 0) parts_.log.info("strays_removed", {{"count", count}});
}

}  // namespace emstore::daemon
