#include "daemon/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "daemon/pool.h"

namespace emstore::daemon {
namespace {

bool stands_alone(const store::Submission& submission) {
  return std::holds_alternative<store::SchemaCommand>(submission.work);
}

}  // namespace

Writer::Writer(store::Store& store, Reactor& reactor, Log& log, const WriterOptions& options,
               Events events)
    : store_(store), reactor_(reactor), log_(log), options_(options), events_(std::move(events)) {
  expiry_due_ = Clock::now() + options_.expiry_interval;
  thread_ = std::thread([this] {
    name_this_thread("writer");
    serve();
  });
}

Writer::~Writer() { stop(); }

bool Writer::submit(store::Submission submission, std::size_t bytes, Answer answer) {
  if (waiting_ >= options_.waiting_max || waiting_bytes_ + bytes > options_.waiting_bytes_max) {
    return false;
  }
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
  state_changed_.wait(lock, [this] { return !is_working_; });
}

void Writer::resume() {
  {
    const std::lock_guard lock(mutex_);
    paused_ = false;
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
    const auto is_wanted = [this] {
      return stopping_ || (!paused_ && (!queue_.empty() || visit_ != nullptr));
    };
    if (paused_) {
      changed_.wait(lock, [this] { return stopping_ || !paused_; });
    } else if (has_background_work_ || head_is_behind_) {
      changed_.wait_until(lock, next_due(), is_wanted);
    } else {
      changed_.wait_until(lock, expiry_due_, is_wanted);
    }
    if (paused_ && !stopping_) continue;
    if (stopping_ && queue_.empty()) break;
    Entries group = take_group();
    Visit* visit = stopping_ ? nullptr : visit_;
    is_working_ = true;
    lock.unlock();
    if (!group.empty()) carry_out(std::move(group));
    if (visit != nullptr) carry_out(*visit);
    do_background_work();
    lock.lock();
    if (visit != nullptr) visit_ = nullptr;
    is_working_ = false;
    state_changed_.notify_all();
  }
  visit_ = nullptr;  // Whoever waits for it is told.
  lock.unlock();
  state_changed_.notify_all();
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
  return std::min(head_due_, expiry_due_);
}

// A change of the schema is a group of its own, so that what follows is judged by the schema it
// made.
Writer::Entries Writer::take_group() {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (const Entry& entry : queue_) {
    const bool is_full = count >= options_.group_commits_max ||
                         (count > 0 && bytes + entry.bytes > options_.group_bytes_max);
    const bool is_schema = stands_alone(entry.submission);
    if (is_full || (is_schema && count > 0)) break;
    ++count;
    bytes += entry.bytes;
    if (is_schema) break;
  }
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  Entries group(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return group;
}

void Writer::carry_out(Entries group) {
  if (has_failed_) {
    refuse(std::move(group), Error{ErrorCode::shutting_down,
                                   "the daemon is stopping after a failed write; "
                                   "this request was not carried out"});
    return;
  }
  std::vector<store::Submission> submissions;
  submissions.reserve(group.size());
  for (Entry& entry : group) submissions.push_back(std::move(entry.submission));
  std::vector<store::Outcome> outcomes = store_.commit(submissions);
  EMSTORE_CHECK(outcomes.size() == group.size());

  ++groups_;
  submissions_ += group.size();
  largest_group_ = std::max<std::size_t>(largest_group_, group.size());
  has_background_work_ = has_background_work_ || stands_alone(submissions.front());
  if (!head_is_behind_) {
    head_is_behind_ = true;
    head_due_ = Clock::now() + options_.head_interval;
  }
  const auto lost = std::ranges::find_if(outcomes, [](const store::Outcome& outcome) {
    return !outcome && class_of(outcome.error().code) == ErrorClass::outcome_unknown;
  });
  std::optional<Error> failure_of_group;
  if (lost != outcomes.end()) failure_of_group = lost->error();
  give_answers(std::move(group), std::move(outcomes));
  if (failure_of_group) fail(*failure_of_group);
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

void Writer::refuse(Entries entries, const Error& error) {
  std::vector<store::Outcome> outcomes;
  for (std::size_t index = 0; index < entries.size(); ++index) outcomes.push_back(failure(error));
  give_answers(std::move(entries), std::move(outcomes));
}

void Writer::fail(const Error& error) {
  if (has_failed_) return;
  has_failed_ = true;
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
  if (!head_is_behind_) {
    head_is_behind_ = true;
    head_due_ = Clock::now() + options_.head_interval;
  }
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
