// Collection: what nothing uses any more goes, first out of the store, then from the disk. The
// store decides and records, a slice at a time, between other commits; files go when that is
// durable, as the list in the store says, so that a crash only puts it off. What lay in rows takes
// room until the database writes its tables anew: where it is much, that is done at once.
//
// Threads: those of jobs and media; it asks the writer by way of the reactor.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>

#include "daemon/jobs.h"
#include "daemon/parts.h"

namespace emstore::daemon {

struct GcOptions {
  std::chrono::microseconds grace{};
  bool dry_run = false;
};

class Collection {
 public:
  // `parts` outlives it.
  explicit Collection(const Parts& parts) : parts_(parts) {}

  // Collects all that is unused by now: {sequence, media, blobs, bytes, leased, list: [{id, blob,
  // size, since}]}. Between slices it ends with `cancelled` when `progress` says so: what is done
  // stays done. Errors: busy, outcome_unknown.
  Result<Value> run(const Peer& peer, const GcOptions& options, const Jobs::Progress& progress);

  // Removes the files that the store says are to go.
  void remove_files();
  // Removes files that no record and no lease knows: a daemon that was killed leaves those that it
  // had not told anybody of.
  void remove_strays();
  // Those of these.
  void remove_strays(std::span<const Address> files);
  // Drops uploads that nobody goes on with, and what they came to where nothing names it.
  void drop_uploads();

 private:
  Result<store::CollectOutcome> ask(const store::Submission& slice, const Jobs::Progress& progress);
  Result<bool> remove_file(const Address& address);
  Result<bool> remove_stray(const Address& address);
  void give_back_rows(const Jobs::Progress& progress);
  Status compact_rows(const Jobs::Progress& progress);
  Status check_room(std::uint64_t bytes, std::uint64_t kept) const;

  const Parts& parts_;
  std::mutex removing_;  // One round at a time.
  // What was collected out of rows since their tables were written anew. Jobs only, of which one
  // runs at a time.
  std::uint64_t row_bytes_ = 0;
};

}  // namespace emstore::daemon
