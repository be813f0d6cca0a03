// The fold of whole commits: what a live commit, a verify and a rebuild share.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string_view>

#include "base/result.h"
#include "store/event_bytes.h"
#include "store/merkle.h"
#include "store/overlay.h"
#include "store/replay.h"
#include "store/row_cache.h"
#include "store/rows.h"
#include "store/schema.h"

namespace emstore::store {

// Folds one event into `rows`: facts through it, rows into it. Errors: corrupt_index.
Status fold(const Schema& schema, const Event& event, const FoldPlace& place, Overlay& rows);

// The schema after an event: its own for schema_applied, else the one before.
Result<std::shared_ptr<const Schema>> schema_after(const Event& event, Sequence sequence,
                                                   std::shared_ptr<const Schema> before);

// The keys of one index over the records of its entity (none for values too large), from `after` on
// (empty: from the first); false from `visit` ends. What the index holds is a function of the
// records alone.
Status each_index_key(
    const Reader& reader, const Schema& schema, const Index& index, std::string_view after,
    const std::function<bool(std::string_view record_key, std::optional<std::string> key)>& visit);

// Folds the log from its first commit into an empty set of index families.
class Refold {
 public:
  using Write = std::function<Status(std::span<const RowChange>)>;

  // `log` holds the primary families; `rows` shows what `write` wrote. All outlive the refold.
  Refold(const Reader& log, const Reader& rows, Write write);
  ~Refold();

  // The next commit; sequences follow each other. Errors: corrupt_log, corrupt_index.
  Status add(const LoggedCommit& logged);
  // Writes what is left: rows, tree, and the keys of the indexes that `is_ready` names.
  Status finish(const std::function<bool(IndexId)>& is_ready);

  std::uint64_t events() const { return events_; }
  const Tree& tree() const { return tree_; }
  const std::shared_ptr<const Schema>& schema() const { return schema_; }

 private:
  class Split;  // Primary families from the log's reader, indexes from the rows'.
  Status flush();

  std::unique_ptr<Split> base_;
  const Reader& rows_;
  Write write_;
  RowCache cache_;
  CachedReader cached_;
  Overlay pending_;
  Tree tree_;
  std::shared_ptr<const Schema> schema_;
  // The same without its indexes: their keys follow from the records that remain, in finish().
  std::shared_ptr<const Schema> folding_;
  Sequence last_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace emstore::store
