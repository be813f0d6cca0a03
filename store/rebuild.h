// A rebuild of every index family beside the live ones, while the store serves:
//
//   Store::begin_rebuild()   the writer's   an empty generation
//   catch_up()               another's      folds the log up to a view, again and again while
//   commits
//                                           go on
//   digests()                another's      what it has come to, for a comparison with that view
//   Store::adopt()           the writer's   the last commits, then one row puts it in place
//
// What the live families hold is not looked at: a rebuild mends whatever is wrong with them. One
// that is destroyed before it is adopted leaves nothing, and neither does one whose process ends.
//
// Threads: one at a time, beside the writer. Destroy it before the store.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "base/result.h"
#include "store/refold.h"
#include "store/store.h"
#include "store/verify.h"

namespace emstore::store {

class Rebuild {
 public:
  // `folder`: of the database, on whose disk the rows have to have room.
  Rebuild(std::unique_ptr<Generation> generation, const std::filesystem::path& folder,
          const StoreLimits& limits);

  // Folds the commits of the view that it does not hold yet, and makes the keys of the indexes that
  // are ready there. `progress` is told commits folded and in all; false cancels. Errors:
  // cancelled, corrupt_log, disk_full (before the disk is full), io_failed, outcome_unknown.
  Status catch_up(const View& view, const Progress& progress);

  // Whether it has the keys of the indexes that are ready there, so that commits are all that is
  // left to fold.
  bool has_indexes_of(const View& view) const;

  // How far it is, and the tree there.
  Sequence sequence() const { return refold_.last(); }
  std::uint64_t events() const { return refold_.events(); }
  Sha256 root() const { return refold_.tree().root(); }

  // Of its own rows. `view` is the one that it caught up with last: what is ready is counted.
  // Errors: cancelled, when `goes_on` says so; corrupt_index.
  Result<std::vector<FamilyCheck>> digests(const View& view, const GoesOn& goes_on = {}) const;

  // For Store::adopt(): the rows, which are a generation of the store's database.
  std::unique_ptr<Generation> take() { return std::move(generation_); }

 private:
  Status fold(const View& view, const Progress& progress);

  std::unique_ptr<Generation> generation_;
  Refold refold_;
};

}  // namespace emstore::store
