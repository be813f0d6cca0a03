// The writer: the one thread that decides what changes in the store. It takes all that waits as one
// group, and gives the answers of the whole group back in one piece; there is no timer that waits
// for more. While a group is written, by a thread of its own, the writer decides the next one,
// which takes what comes until the disk is free again. Between groups it does the store's
// background work: new indexes, the head, old request keys and leases.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/log.h"
#include "daemon/pool.h"
#include "daemon/reactor.h"
#include "daemon/task.h"
#include "store/store.h"

namespace emstore::daemon {

struct WriterOptions {
  std::size_t waiting_max = 16'384;
  std::size_t waiting_bytes_max = 64u << 20;
  std::size_t group_commits_max = 256;
  std::size_t group_bytes_max = 16u << 20;
  std::chrono::microseconds head_interval{50'000};
  std::chrono::microseconds key_window{};  // Request keys older than this are forgotten …
  std::uint64_t keys_max = 0;              // … and the oldest, when there are more.
  std::chrono::microseconds expiry_interval{60'000'000};
  Peer self;  // In whose name the daemon itself commits.
};

class Writer {
 public:
  // Called on the reactor's thread.
  using Answer = Task<store::Outcome>;
  struct Events {
    Task<> committed;    // After the answers of each group: the store's view may be a newer one.
    Task<Error> failed;  // Once. A write failed: nothing more is written, the daemon must stop.
  };

  // `store`, `reactor` and `log` outlive the writer.
  Writer(store::Store& store, Reactor& reactor, Log& log, const WriterOptions& options,
         Events events);
  ~Writer();  // As stop().
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // The reactor's thread only. Submissions are carried out in this order. False, and nothing is
  // kept, when too much waits: the caller answers `busy`. `bytes`: what the submission roughly
  // takes in memory.
  bool submit(store::Submission submission, std::size_t bytes, Answer answer);

  // Carries out what waits, then ends the thread. Answers go to the reactor, whether it still runs
  // or not.
  void stop();

  // Work that only the writer's thread may do, when no group is being carried out; returns when it
  // is done. Background work of the store is looked for afterwards. Not from the writer's thread or
  // the reactor's, nor from two at a time. Errors: that of the work; shutting_down, when it was not
  // done.
  Status between_groups(const std::function<Status()>& work);

  // For tests, so that a group can be piled up. pause() returns when no group is on its way; what
  // waits at resume() is one group.
  void pause();
  void resume();
  // Returns when `count` submissions wait in a paused writer.
  void wait_until_waiting(std::size_t count);

  struct Figures {
    std::size_t waiting = 0;
    std::uint64_t groups = 0;
    std::uint64_t submissions = 0;
    std::size_t largest_group = 0;
  };
  Figures figures() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Entry {
    store::Submission submission;
    std::size_t bytes = 0;
    Answer answer;
  };
  using Entries = std::vector<Entry>;

  struct Visit {
    const std::function<Status()>& work;
    std::optional<Status> outcome = {};
  };
  // A group, and who asked for what is in it.
  struct Asked {
    std::shared_ptr<store::PendingGroup> group;
    Entries entries;
    std::size_t bytes = 0;
  };
  void hand_over();
  void serve();
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  bool fits(const Entry& entry, std::size_t count, std::size_t bytes) const;
  Entries take_waiting();
  void carry_out(Entries entries, bool is_whole);
  void decide(Entry entry);
  void apply_schema(Entry entry);
  void pass_on(std::unique_lock<std::mutex>& lock);
  void finish();
  void write(Asked asked);
  void answer_group(Entries group, std::vector<store::Outcome> outcomes);
  void give_answers(Entries group, std::vector<store::Outcome> outcomes);
  void refuse(Entries entries);
  void refuse(Entry entry);
  void fail(const Error& error);
  Clock::time_point next_due() const;
  bool is_due() const;
  void note_head_is_behind();
  void do_background_work();
  void carry_out(Visit& visit);
  void expire();
  void note_expiry(const store::Outcome& outcome);
  void sync_head();

  store::Store& store_;
  Reactor& reactor_;
  Log& log_;
  const WriterOptions options_;
  Events events_;

  Entries staged_;  // The reactor's: what one wake-up brought.
  std::atomic<std::size_t> waiting_ = 0;
  std::atomic<std::size_t> waiting_bytes_ = 0;
  std::atomic<std::uint64_t> groups_ = 0;
  std::atomic<std::uint64_t> submissions_ = 0;
  std::atomic<std::size_t> largest_group_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;        // For the writer: something to do.
  std::condition_variable state_changed_;  // For who waits: paused, more waits, a visit is over.
  std::vector<Entry> queue_;
  Visit* visit_ = nullptr;
  bool paused_ = false;
  bool has_piled_up_ = false;
  bool is_working_ = false;  // The writer's thread; a group that it has decided counts.
  std::atomic<bool> is_writing_ = false;  // A group is on its way.
  bool stopping_ = false;
  std::atomic<bool> has_failed_ = false;

  // The writer's thread only.
  Asked open_;  // Decided, and waits for the disk; or nothing.
  std::size_t passed_on_last_ = 0;
  bool has_background_work_ = true;
  bool head_is_behind_ = false;
  Clock::time_point head_due_{};
  Clock::time_point expiry_due_{};
  // What is left of a round that forgets old request keys and leases: where its next slice begins.
  bool keys_wait_ = false;
  std::optional<std::string> leases_from_;

  Pool disk_;
  std::thread thread_;
};

}  // namespace emstore::daemon
