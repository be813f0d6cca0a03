// Scrub: re-hashes the bytes of all media that records have, slowly, from one address to the next.
// Damaged bytes are set aside, so that nobody is given them any more; the same bytes, when they are
// uploaded again, mend it. How far it is stands in the store (store/scrub_state.h).
//
// Threads: those of jobs, one run at a time; it asks the writer by way of the reactor.
#pragma once

#include <atomic>
#include <string>

#include "daemon/jobs.h"
#include "daemon/parts.h"
#include "store/scrub_state.h"

namespace emstore::daemon {

class Scrub {
 public:
  // `parts` outlives it.
  explicit Scrub(const Parts& parts) : parts_(parts) {}

  // Goes on with the scrub that has not come to its end, or begins one: {contents, bytes, damaged,
  // resumed, started, waiting: [{blob, found}]}, where `waiting` lists what is damaged and has not
  // been brought again. Waits while the writer is full. Errors: cancelled, outcome_unknown, those
  // of reading.
  Result<Value> run(const Jobs::Progress& progress);

  // Starts it as a job, or finds the one that runs: its id. The reactor's thread. Errors: busy.
  Result<std::string> start();

  // Whether it should start by itself: the last one began long enough ago, failed on its way, or,
  // at the first look after a start of the daemon, was left half way. The reactor's thread.
  bool is_due(bool is_first) const;

 private:
  const Parts& parts_;
  std::atomic<bool> has_failed_ = false;  // The last run of this daemon, without being cancelled.
};

// For `status`: {started, finished, contents, bytes, damaged, share}; null when there never was
// one.
Value shown_scrub(const store::View& view);
// {waiting, mended}: what is damaged and not brought again yet, and what was.
Value shown_damage(const store::View& view);

}  // namespace emstore::daemon
