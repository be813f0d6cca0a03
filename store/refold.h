// The fold of whole commits: what a live commit, a verify and a rebuild share.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string_view>

#include "base/result.h"
#include "store/event_bytes.h"
#include "store/merkle.h"
#include "store/overlay.h"
#include "store/replay.h"
#include "store/row_cache.h"
#include "store/row_table.h"
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

// Folds the log from its first commit into an empty set of index families. What it makes it holds
// in a table, which is written out when it is full and at the end: a log whose rows fit the table
// is folded without a row read back. A write that fails is its end: it answers that from then on.
class Refold {
 public:
  // Puts the rows of the table where `rows` shows them; the fold may read the table meanwhile.
  using Write = std::function<Status(const RowTable& changes)>;
  // Whether the fold goes on while a full table is written: `write` is then called on a thread of
  // its own, and `rows` is read meanwhile.
  enum class Writing { in_turn, beside };
  static constexpr std::size_t kBytesMax = std::size_t{256} << 20;

  // `log` holds the primary families; `rows` shows what `write` wrote. All outlive the refold.
  // `bytes_max`: of the table, and of the one that is written beside it; one commit more may be in
  // each.
  Refold(const Reader& log, const Reader& rows, Write write, std::size_t bytes_max = kBytesMax,
         Writing writing = Writing::in_turn);
  ~Refold();

  // The next commit; sequences follow each other. Errors: corrupt_log, corrupt_index, as `write` of
  // the rows before.
  Status add(const LoggedCommit& logged);
  // Makes the keys of the indexes that `is_ready` names, from the records as they are now; from
  // here on every commit changes them. Those of indexes that no schema names any more go.
  // `goes_on` is asked now and then; false cancels. Errors: cancelled, corrupt_index, as `write`.
  Status keep_indexes(const std::function<bool(IndexId)>& is_ready, const GoesOn& goes_on = {});
  // Writes what is left, and gives the memory back.
  Status flush();
  // Waits for the table that is being written; from then on, until the next commit, `rows` shows
  // all that the fold has come to, what is not written included. Errors: as `write`.
  Status settle();
  const Reader& rows() const { return *pending_; }
  // Both.
  Status finish(const std::function<bool(IndexId)>& is_ready, const GoesOn& goes_on = {});

  // The indexes of which it has the keys.
  const std::set<IndexId>& kept() const { return kept_; }
  Sequence last() const { return last_; }
  std::uint64_t events() const { return events_; }
  const Tree& tree() const { return tree_; }
  const std::shared_ptr<const Schema>& schema() const { return schema_; }

 private:
  class Split;  // Primary families from the log's reader, indexes from the rows that are written.
  Status flush_if_full();
  Status write_out();
  Status take_written(RowTable& table);
  Status make_keys(const Index& index, const GoesOn& goes_on);
  Status drop_keys(IndexId index, const GoesOn& goes_on);

  RowCache cache_;
  CachedReader cached_;
  std::unique_ptr<Split> base_;
  const Write write_;
  const Writing writing_;
  const std::size_t table_bytes_max_;
  // The table that is filled stands on the one that is written beside it, as long as that is.
  std::unique_ptr<RowTable> pending_, written_;
  Status last_write_;
  Tree tree_;
  std::shared_ptr<const Schema> schema_;
  // The same with the indexes that are kept alone: the keys of the others follow from the records
  // that remain.
  std::shared_ptr<const Schema> folding_;
  std::set<IndexId> kept_;
  Sequence last_ = 0;
  std::uint64_t events_ = 0;
  std::future<Status> write_under_way_;  // Goes first: it reads what is written.
};

}  // namespace emstore::store
