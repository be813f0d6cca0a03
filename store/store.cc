#include "store/store.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "store/damage.h"
#include "store/event_bytes.h"
#include "store/folder_lock.h"
#include "store/merkle.h"
#include "store/opening.h"
#include "store/pending_group.h"
#include "store/rebuild.h"
#include "store/row_cache.h"
#include "store/spill.h"

namespace emstore::store {

struct Store::State {
  StoreOptions options;
  Environment& environment;
  LogClock clock;
  FolderLock lock;
  std::unique_ptr<Database> database;
  Head head;
  StoreId id{};
  Tree tree;
  RowCache cache;
  std::shared_ptr<PendingGroup> last;  // The writer's: begun last, until it is known to be written.
  std::atomic<bool> stopped =
      false;  // A write failed, or the store was closed: nothing is written any more.
  bool stopped_in_order = true;  // Before this run.

  mutable std::mutex published_mutex;  // Guards the pointer alone, not what it points to.
  std::shared_ptr<const View> published;

  void publish(std::shared_ptr<const View> view) {
    const std::lock_guard lock_guard(published_mutex);
    published = std::move(view);
  }
};

namespace {

tl::unexpected<Error> unknown(const Error& cause) {
  return failure(ErrorCode::outcome_unknown, "the store could not be written: " + cause.message);
}

// What is here from now on may be told to anybody, so the head has to know of it: the end of a log
// that was written, but not recorded when its process was killed, and that there is a store at all,
// so that a missing head is never mistaken for a new store's.
Status begin_head(Head& head, const StoreId& id, const View& view) {
  const std::optional<HeadState>& known = head.recorded();
  const bool is_known =
      known && known->store == id && known->sequence == view.sequence && known->root == view.root;
  if (is_known) return {};  // A stop in order stays one for who only looks, as --dump does.
  EMSTORE_CHECKED(head.record({id, view.sequence, view.root, false}));
  return head.sync();
}

std::vector<Family> index_families() {
  std::vector<Family> families;
  for (const FamilyInfo& family : kFamilies) {
    if (is_index(family.family)) families.push_back(family.family);
  }
  return families;
}

}  // namespace

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}

Store::~Store() { state_->publish(nullptr); }

Result<std::unique_ptr<Store>> Store::open(const StoreOptions& options, Environment& environment) {
  EMSTORE_TRY(FolderLock lock, prepare_folder(options.directory, options.unsafe_file_system));
  clear_fold_folder(options.directory);
  EMSTORE_TRY(Head head, Head::open(options.directory / "head"));
  EMSTORE_CHECKED(refuse_unfinished(head, options.directory));
  EMSTORE_TRY(StoredRows rows, open_rows(options, head, environment));
  const bool stopped_in_order = !head.recorded() || head.recorded()->clean;
  EMSTORE_CHECKED(begin_head(head, rows.id, rows.opened.view));
  std::unique_ptr<State> state(
      new State{options,
                environment,
                LogClock(environment, options.clock_is_behind),
                std::move(lock),
                std::move(rows.database),
                std::move(head),
                rows.id,
                std::move(rows.opened.tree),
                RowCache(options.limits.writer_cache_bytes),
                nullptr,
                false,
                stopped_in_order,
                {},
                std::make_shared<const View>(std::move(rows.opened.view))});
  std::unique_ptr<Store> store(new Store(std::move(state)));
  if (options.clock_is_behind) static_cast<void>(store->now());  // Told at once.
  return store;
}

std::vector<Outcome> Store::commit(std::span<const Submission> group) {
  std::vector<Outcome> outcomes;
  while (!group.empty()) {
    // A schema is applied in a group of its own: what comes after it stands on its snapshot.
    const auto is_schema = [](const Submission& submission) {
      return std::holds_alternative<SchemaCommand>(submission.work);
    };
    const auto next = std::find_if(group.begin(), group.end(), is_schema);
    const auto before = static_cast<std::size_t>(next - group.begin());
    const std::size_t count = std::max<std::size_t>(before, 1);
    std::vector<Outcome> answered =
        before == 0 ? apply_schema(group.front()) : commit_group(group.subspan(0, count));
    group = group.subspan(answered.size());
    std::move(answered.begin(), answered.end(), std::back_inserter(outcomes));
  }
  return outcomes;
}

// What a schema drops is emptied first, a page a group; what waits, waits for all of it.
std::vector<Outcome> Store::apply_schema(const Submission& submission) {
  Submission page = submission;
  for (;;) {
    std::vector<Outcome> answered = commit_group(std::span(&page, 1));
    const auto* outcome =
        answered.front() ? std::get_if<SchemaOutcome>(&*answered.front()) : nullptr;
    if (outcome == nullptr || !outcome->emptied) return answered;
    std::get<SchemaCommand>(page.work).emptied = *outcome->emptied;
  }
}

std::vector<Outcome> Store::commit_group(std::span<const Submission> submissions) {
  const std::shared_ptr<PendingGroup> group = begin_group();
  for (const Submission& submission : submissions) {
    group->take(submission);
    if (group->is_full()) break;
  }
  group->end();
  return write(*group);
}

// What has been through write() belongs below what is not: the cache learns of it, and nobody reads
// through it any more.
void Store::settle() {
  std::shared_ptr<PendingGroup>& last = state_->last;
  if (!last) return;
  const auto take = [this](PendingGroup& group) {
    EMSTORE_CHECK(group.is_over_);
    state_->cache.take(group.group_.rows().take_changes());
  };
  if (last->before_) take(*last->before_);
  if (last->is_over_) {
    take(*last);
    last = nullptr;
  } else {
    last->stand_on(std::make_shared<Written>(view(), state_->cache));
  }
}

std::shared_ptr<PendingGroup> Store::begin_group() {
  settle();
  std::shared_ptr<PendingGroup>& last = state_->last;
  auto written = last ? nullptr : std::make_shared<Written>(view(), state_->cache);
  last = std::make_shared<PendingGroup>(
      PendingGroup::Surroundings{state_->environment, state_->clock, state_->options.limits,
                                 state_->tree},
      std::move(written), last);
  return last;
}

std::vector<Outcome> Store::write(PendingGroup& group) {
  std::vector<Outcome> outcomes = std::exchange(group.outcomes_, {});
  const Status written = write_rows(group);
  if (!written) {
    state_->stopped = true;
    std::fill(outcomes.begin(), outcomes.end(), Outcome(unknown(written.error())));
  }
  group.is_over_ = true;
  return outcomes;
}

// Rows and log in one batch, then the head, then the view that readers get: only then the answers.
Status Store::write_rows(PendingGroup& group) {
  if (state_->stopped) return failure(ErrorCode::internal, "it takes no further writes");
  const Overlay& rows = group.group_.rows();
  if (rows.change_count() == 0) return {};
  EMSTORE_CHECKED(state_->database->write(rows, state_->options.durability));
  if (state_->options.mended) {
    for (const Address& address : mended_by(rows)) state_->options.mended(address);
  }
  const LogState& end = group.end_;
  if (end.sequence != group.start_.sequence) {
    EMSTORE_CHECKED(state_->head.record({state_->id, end.sequence, end.root, false}));
    if (state_->options.sync_head_with_every_group) EMSTORE_CHECKED(state_->head.sync());
  }
  state_->publish(std::make_shared<const View>(View{end, state_->database->snapshot()}));
  return {};
}

Result<bool> Store::work() {
  settle();
  EMSTORE_CHECK(!state_->last);
  const std::shared_ptr<const View> before = view();
  if (state_->stopped) return false;
  Overlay rows(*before->reader);
  EMSTORE_TRY(std::optional<IndexStates> states,
              continue_indexes(*before->schema, *before->indexes, rows));
  if (!states) return state_->database->merge_small_tables();
  RowChanges changes = rows.take_changes();
  const Status written = state_->database->write(changes, state_->options.durability);
  if (!written) {
    state_->stopped = true;
    return unknown(written.error());
  }
  state_->cache.take(std::move(changes));
  View next = *before;
  next.indexes = std::make_shared<const IndexStates>(*std::move(states));
  next.reader = state_->database->snapshot();
  state_->publish(std::make_shared<const View>(std::move(next)));
  return true;
}

Result<std::unique_ptr<Rebuild>> Store::begin_rebuild() {
  if (state_->stopped) return unknown({ErrorCode::internal, "it takes no further writes"});
  EMSTORE_TRY(std::unique_ptr<Generation> generation, state_->database->begin_generation());
  return std::make_unique<Rebuild>(std::move(generation), state_->options.directory,
                                   state_->options.limits);
}

Status Store::adopt(std::unique_ptr<Rebuild> rebuild) {
  settle();
  EMSTORE_CHECK(!state_->last);
  const std::shared_ptr<const View> before = view();
  if (state_->stopped) return unknown({ErrorCode::internal, "it takes no further writes"});
  EMSTORE_CHECKED(rebuild->catch_up(*before, {}));
  IndexStates states = restarted_fills(*before->indexes);
  std::unique_ptr<Generation> generation = rebuild->take();
  rebuild.reset();
  const Status adopted =
      state_->database->adopt(std::move(generation), index_families(), state_rows(states));
  // What is kept of rows was read from those that are gone.
  state_->cache = RowCache(state_->options.limits.writer_cache_bytes);
  if (!adopted) {
    state_->stopped = true;
    return unknown(adopted.error());
  }
  View next = *before;
  next.reader = state_->database->snapshot();
  next.indexes = std::make_shared<const IndexStates>(std::move(states));
  state_->publish(std::make_shared<const View>(std::move(next)));
  return {};
}

Status Store::note(const MediaMark& mark) {
  const RowChange row = media_mark_row(mark);
  return state_->database->write(std::span(&row, 1), Durability::synced);
}

Status Store::sync_head() {
  if (state_->head.is_synced()) return {};
  Status synced = state_->head.sync();
  if (!synced) state_->stopped = true;
  return synced;
}

Status Store::close() {
  if (!takes_writes()) {
    return failure(ErrorCode::outcome_unknown, "the store could not be written");
  }
  state_->stopped = true;
  const std::shared_ptr<const View> last = view();
  EMSTORE_CHECKED(state_->head.record({state_->id, last->sequence, last->root, true}));
  return state_->head.sync();
}

std::shared_ptr<const View> Store::view() const {
  const std::lock_guard lock_guard(state_->published_mutex);
  return state_->published;
}

Time Store::now() const { return state_->clock.now(view()->time); }

const StoreId& Store::id() const { return state_->id; }

bool Store::stopped_in_order() const { return state_->stopped_in_order; }

bool Store::takes_writes() const { return !state_->stopped && state_->database->takes_writes(); }

const Database& Store::database() const { return *state_->database; }

}  // namespace emstore::store
