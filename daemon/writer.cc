#include "daemon/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "store/pending_group.h"

namespace emstore::daemon {
namespace {

// A group of that many is written at once, though more wait: they are decided meanwhile.
constexpr std::size_t kWorthASync = 24;

bool stands_alone(const store::Submission& submission) {
  return std::holds_alternative<store::SchemaCommand>(submission.work);
}

}  // namespace

Writer::Writer(store::Store& store, Reactor& reactor, Log& log, const WriterOptions& options,
               Events events)
    : store_(store),
      reactor_(reactor),
      log_(log),
      options_(options),
      events_(std::move(events)),
      disk_("disk", 1, {.waiting = 1}) {
  expiry_due_ = Clock::now() + options_.expiry_interval;
  thread_ = std::thread([this] {
    name_this_thread("writer");
    serve();
  });
}

Writer::~Writer() { stop(); }

bool Writer::submit(store::Submission submission, std::size_t bytes, Answer answer) {
  // What is larger than the bound would never have room: it goes when nothing else waits.
  const bool has_room = waiting_ == 0 || waiting_bytes_ + bytes <= options_.waiting_bytes_max;
  if (waiting_ >= options_.waiting_max || !has_room) return false;
  ++waiting_;
  waiting_bytes_ += bytes;
  if (staged_.empty()) reactor_.defer([this] { hand_over(); });
  staged_.push_back(Entry{std::move(submission), bytes, std::move(answer)});
  return true;
}

// Once a wake-up of the reactor: one lock and one signal for all that its connections asked.
void Writer::hand_over() {
  {
    const std::lock_guard lock(mutex_);
    queue_.insert(queue_.end(), std::make_move_iterator(staged_.begin()),
                  std::make_move_iterator(staged_.end()));
  }
  staged_.clear();
  changed_.notify_one();
  state_changed_.notify_all();
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

Status Writer::between_groups(const std::function<Status()>& work) {
  Visit visit{work};
  std::unique_lock lock(mutex_);
  EMSTORE_CHECK(visit_ == nullptr);
  if (!stopping_) {
    visit_ = &visit;
    changed_.notify_one();
    state_changed_.wait(lock, [this] { return visit_ == nullptr; });
  }
  if (visit.outcome) return *std::move(visit.outcome);
  return failure(ErrorCode::shutting_down, "the daemon is stopping");
}

void Writer::pause() {
  std::unique_lock lock(mutex_);
  paused_ = true;
  changed_.notify_one();
  state_changed_.wait(lock, [this] { return !is_working_ && !is_writing_; });
}

void Writer::resume() {
  {
    const std::lock_guard lock(mutex_);
    paused_ = false;
    has_piled_up_ = true;
  }
  changed_.notify_one();
}

void Writer::wait_until_waiting(std::size_t count) {
  std::unique_lock lock(mutex_);
  state_changed_.wait(lock, [&] { return queue_.size() >= count; });
}

Writer::Figures Writer::figures() const {
  return {.waiting = waiting_,
          .groups = groups_,
          .submissions = submissions_,
          .largest_group = largest_group_};
}

void Writer::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wait_for_work(lock);
    if (stopping_ && queue_.empty()) break;
    const bool is_paused = paused_ && !stopping_;
    Entries entries = is_paused ? Entries() : take_waiting();
    const bool is_whole = !is_paused && std::exchange(has_piled_up_, false);
    Visit* visit = is_paused || stopping_ ? nullptr : visit_;
    is_working_ = true;
    lock.unlock();
    carry_out(std::move(entries), is_whole);
    if (visit != nullptr || (!is_paused && is_due())) {
      finish();
      if (visit != nullptr) carry_out(*visit);
      do_background_work();
    }
    lock.lock();
    if (visit != nullptr) visit_ = nullptr;
    if (open_.group && !is_writing_) pass_on(lock);
    is_working_ = open_.group != nullptr;
    state_changed_.notify_all();
  }
  lock.unlock();
  finish();
  lock.lock();
  is_working_ = false;
  visit_ = nullptr;  // Whoever waits for it is told.
  lock.unlock();
  state_changed_.notify_all();
}

void Writer::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto is_wanted = [this] {
    const bool can_pass_on = open_.group && !is_writing_;
    if (can_pass_on) return true;
    const bool can_take = !queue_.empty() && fits(queue_.front(), 0, 0);
    if (stopping_) return queue_.empty() || can_take;
    return !paused_ && (can_take || visit_ != nullptr);
  };
  if (paused_) {
    changed_.wait(lock, [&] { return is_wanted() || !paused_; });
  } else {
    changed_.wait_until(lock, next_due(), is_wanted);
  }
}

// Whether one more can be taken into the group that waits for the disk, beside `count` that take
// `bytes`.
bool Writer::fits(const Entry& entry, std::size_t count, std::size_t bytes) const {
  if (open_.group && open_.group->is_full()) return false;
  count += open_.entries.size();
  bytes += open_.bytes;
  return count == 0 ||
         (count < options_.group_commits_max && bytes + entry.bytes <= options_.group_bytes_max);
}

void Writer::carry_out(Visit& visit) {
  if (has_failed_) {
    visit.outcome =
        failure(ErrorCode::shutting_down, "the daemon is stopping after a failed write");
    return;
  }
  Status outcome = visit.work();
  has_background_work_ = true;
  if (!outcome && class_of(outcome.error().code) == ErrorClass::outcome_unknown) {
    fail(outcome.error());
  }
  visit.outcome = std::move(outcome);
}

Writer::Clock::time_point Writer::next_due() const {
  if (has_background_work_) return Clock::time_point::min();
  return head_is_behind_ ? std::min(head_due_, expiry_due_) : expiry_due_;
}

bool Writer::is_due() const { return has_background_work_ || Clock::now() >= next_due(); }

// What fits the group. A change of the schema is a group of its own, so that what follows is judged
// by the schema it made.
Writer::Entries Writer::take_waiting() {
  std::size_t count = 0, bytes = 0;
  for (const Entry& entry : queue_) {
    const bool is_schema = stands_alone(entry.submission);
    if ((is_schema && count > 0) || !fits(entry, count, bytes)) break;
    ++count;
    bytes += entry.bytes;
    if (is_schema) break;
  }
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  Entries taken(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return taken;
}

// While the disk is idle it need not wait for all of them; unless a test wants one group.
void Writer::carry_out(Entries entries, bool is_whole) {
  if (entries.empty()) return;
  if (has_failed_) return refuse(std::move(entries));
  if (stands_alone(entries.front().submission)) return apply_schema(std::move(entries.front()));
  for (Entry& entry : entries) {
    if (!is_whole && open_.entries.size() >= kWorthASync && !is_writing_) {
      std::unique_lock lock(mutex_);
      pass_on(lock);
    }
    decide(std::move(entry));
  }
}

// Before the rows of a group grow beyond all bounds it is written, whatever else was taken with it.
// After a write that failed nothing is decided any more: there are no rows to stand on.
void Writer::decide(Entry entry) {
  if (open_.group && open_.group->is_full()) finish();
  if (!open_.group) {
    if (has_failed_) return refuse(std::move(entry));
    open_.group = store_.begin_group();
  }
  open_.group->take(entry.submission);
  entry.submission = {};
  open_.bytes += entry.bytes;
  open_.entries.push_back(std::move(entry));
}

void Writer::apply_schema(Entry entry) {
  finish();
  if (has_failed_) return refuse(std::move(entry));
  Entries alone;
  alone.push_back(std::move(entry));
  std::vector<store::Outcome> outcomes = store_.commit(std::span(&alone.front().submission, 1));
  note_head_is_behind();
  has_background_work_ = true;
  answer_group(std::move(alone), std::move(outcomes));
}

// To the disk, which is free. To wake another thread costs more than it gains where nobody else
// waits: a commit that comes alone, as the one before it did, is written here and now.
void Writer::pass_on(std::unique_lock<std::mutex>& lock) {
  is_writing_ = true;
  lock.unlock();
  open_.group->end();
  if (open_.group->changes_indexes()) has_background_work_ = true;
  const bool is_alone = open_.entries.size() == 1 && passed_on_last_ == 1;
  passed_on_last_ = open_.entries.size();
  note_head_is_behind();
  auto work = [this, asked = std::exchange(open_, {})](std::size_t) mutable {
    write(std::move(asked));
    {
      const std::lock_guard guard(mutex_);
      is_writing_ = false;
    }
    changed_.notify_one();
    state_changed_.notify_all();
  };
  if (is_alone) {
    work(0);
  } else {
    EMSTORE_CHECK(disk_.submit(std::move(work)));
  }
  lock.lock();
}

// All that is decided is written.
void Writer::finish() {
  const auto wait_for_disk = [this](std::unique_lock<std::mutex>& lock) {
    state_changed_.wait(lock, [this] { return !is_writing_; });
  };
  std::unique_lock lock(mutex_);
  wait_for_disk(lock);
  if (!open_.group) return;
  pass_on(lock);
  wait_for_disk(lock);
}

// On whichever thread: one group at a time.
void Writer::write(Asked asked) {
  if (has_failed_) return refuse(std::move(asked.entries));
  std::vector<store::Outcome> outcomes = store_.write(*asked.group);
  answer_group(std::move(asked.entries), std::move(outcomes));
}

void Writer::answer_group(Entries group, std::vector<store::Outcome> outcomes) {
  EMSTORE_CHECK(outcomes.size() == group.size());
  ++groups_;
  submissions_ += group.size();
  largest_group_ = std::max<std::size_t>(largest_group_, group.size());
  const auto lost = std::ranges::find_if(outcomes, [](const store::Outcome& outcome) {
    return !outcome && class_of(outcome.error().code) == ErrorClass::outcome_unknown;
  });
  std::optional<Error> failure_of_group;
  if (lost != outcomes.end()) failure_of_group = lost->error();
  give_answers(std::move(group), std::move(outcomes));
  if (failure_of_group) fail(*failure_of_group);
}

void Writer::note_head_is_behind() {
  if (std::exchange(head_is_behind_, true)) return;
  head_due_ = Clock::now() + options_.head_interval;
}

void Writer::give_answers(Entries group, std::vector<store::Outcome> outcomes) {
  std::size_t bytes = 0;
  for (const Entry& entry : group) bytes += entry.bytes;
  waiting_ -= group.size();
  waiting_bytes_ -= bytes;
  reactor_.deliver([this, entries = std::move(group), answers = std::move(outcomes)]() mutable {
    for (std::size_t index = 0; index < entries.size(); ++index) {
      entries[index].answer(std::move(answers[index]));
    }
    events_.committed();
  });
}

void Writer::refuse(Entries entries) {
  std::vector<store::Outcome> outcomes;
  for (std::size_t index = 0; index < entries.size(); ++index) {
    outcomes.push_back(failure(ErrorCode::shutting_down,
                               "the daemon is stopping after a failed write; "
                               "this request was not carried out"));
  }
  give_answers(std::move(entries), std::move(outcomes));
}

void Writer::refuse(Entry entry) {
  Entries alone;
  alone.push_back(std::move(entry));
  refuse(std::move(alone));
}

void Writer::fail(const Error& error) {
  if (has_failed_.exchange(true)) return;
  log_.error("write_failed", error);
  reactor_.deliver([this, error] { events_.failed(error); });
}

void Writer::do_background_work() {
  if (has_failed_) {
    has_background_work_ = head_is_behind_ = false;
    expiry_due_ = Clock::time_point::max();
    return;
  }
  if (has_background_work_) {
    Result<bool> more = store_.work();
    if (!more) {
      log_.error("background_work_failed", more.error());
      if (class_of(more.error().code) == ErrorClass::outcome_unknown) fail(more.error());
    }
    has_background_work_ = more.value_or(false);
  }
  if (head_is_behind_ && Clock::now() >= head_due_) sync_head();
  if (Clock::now() >= expiry_due_) expire();
}

void Writer::sync_head() {
  head_is_behind_ = false;
  if (Status synced = store_.sync_head(); !synced) {
    log_.error("head_sync_failed", synced.error());
    fail(synced.error());
  }
}

// One slice of each kind at a time, so that nobody waits long.
void Writer::expire() {
  if (!keys_wait_ && !leases_from_) {
    keys_wait_ = true;
    leases_from_.emplace();
    has_background_work_ = true;  // Tables may have become many.
  }
  std::vector<store::Submission> slices;
  if (keys_wait_) {
    slices.push_back(
        {options_.self, store::ExpireCommand{options_.key_window.count(), options_.keys_max}});
  }
  if (leases_from_) {
    slices.push_back({options_.self, store::ExpireLeasesCommand{*leases_from_}});
  }
  keys_wait_ = false;
  leases_from_.reset();
  for (const store::Outcome& outcome : store_.commit(slices)) note_expiry(outcome);
  expiry_due_ = Clock::now();
  if (!keys_wait_ && !leases_from_) expiry_due_ += options_.expiry_interval;
  note_head_is_behind();
  reactor_.deliver([this] { events_.committed(); });
}

void Writer::note_expiry(const store::Outcome& outcome) {
  if (!outcome) {
    log_.error("expiry_failed", outcome.error());
    if (class_of(outcome.error().code) == ErrorClass::outcome_unknown) fail(outcome.error());
  } else if (const auto* keys = std::get_if<store::ExpireOutcome>(&*outcome)) {
    keys_wait_ = keys->more;
  } else if (const auto& leases = std::get<store::ExpireLeasesOutcome>(*outcome);
             !leases.next.empty()) {
    leases_from_ = leases.next;
  }
}

}  // namespace emstore::daemon
