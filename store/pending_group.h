// A group on its way to the disk: decided by the writer on top of what is written and of the group
// before it, which may still be on its way, and written by Store::write().
//
// Threads: the writer's until it has ended. From then on another may write it, while the writer
// reads its rows to decide the next one and changes what it stands on: who writes looks at the
// changes alone, at where it began and ended, and at the outcomes.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "store/group.h"
#include "store/row_cache.h"
#include "store/store.h"

namespace emstore::store {

// What is on disk, as those read it who decide what comes next.
struct Written {
  Written(std::shared_ptr<const View> seen, RowCache& cache)
      : view(std::move(seen)), rows(*view->reader, cache) {}

  std::shared_ptr<const View> view;
  CachedReader rows;
};

class PendingGroup {
 public:
  // What all groups share. All of it outlives them.
  struct Surroundings {
    Environment& environment;
    LogClock& clock;
    const StoreLimits& limits;
    Tree& tree;
  };

  // On top of `before`, which has ended, or of what is written where there is none.
  PendingGroup(const Surroundings& surroundings, std::shared_ptr<const Written> written,
               std::shared_ptr<PendingGroup> before);

  // Carries out one more. Its answer is given once the group is written.
  void take(const Submission& submission);
  // Nothing more should be taken.
  bool is_full() const { return group_.bytes() >= limits_.group_bytes_max; }
  // Nothing is taken any more.
  void end();
  // Whether it leaves work on indexes, once it has ended.
  bool changes_indexes() const { return end_.indexes != start_.indexes; }

 private:
  friend class Store;

  // Instead of the group before it, of which what is written shows the rows by now.
  void stand_on(std::shared_ptr<const Written> written);

  const StoreLimits& limits_;
  std::shared_ptr<const Written> written_;  // What it stands on: either this …
  std::shared_ptr<PendingGroup> before_;    // … or that.
  const LogState start_;
  Group group_;
  std::vector<Outcome> outcomes_;
  LogState end_;                       // Once it has ended.
  std::atomic<bool> is_over_ = false;  // Written, or it failed: nobody else uses the rows any more.
};

}  // namespace emstore::store
