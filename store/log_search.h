// Looking for commits: which ones a reader of the log wants, found without reading the others where
// that can be.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/event_bytes.h"
#include "store/feed.h"
#include "store/kept_chains.h"
#include "store/log.h"
#include "store/query.h"
#include "store/store.h"

namespace emstore::store {

// With names, as those of a feed. What is left out asks for nothing.
struct LogWords {
  Sequence from = 1;
  std::optional<Sequence> to;          // The last one; nothing: of all there are.
  Value since, until;                  // Times, both included; also as text.
  bool reverse = false;                // The latest first.
  std::string entity;                  // About its records.
  Value id;                            // About this record; needs an entity.
  std::string field;                   // That change it; needs an entity.
  std::vector<std::string> operators;  // "$set", "$detach", "$attach", "$create", "delete".
  Value media;                         // About this media, or its links.
  std::optional<std::uint32_t> uid;    // Asked for by this user.
};

// The same with ids. A commit is wanted when it lies between `first` and `last`, is of the uid, and
// one of its events is all that is asked of events.
struct LogSearch {
  Sequence first = 1, last = 0;  // Both included.
  bool reverse = false;
  FeedFilter filter;
  std::optional<RecordId> media;
  std::optional<std::uint32_t> uid;

  bool wants_every_event() const { return filter.wants_all() && !media; }
};
// Errors: those of resolve_filter(); wrong_type, with path.
Result<LogSearch> resolve_search(const View& view, NamesOfThen& names, const LogWords& words);

bool wants(const LogSearch& search, const Commit& commit);

struct LogBounds {
  std::uint64_t commits_max = 100;     // Found.
  std::uint64_t bytes_max = 1u << 20;  // Of what is found; one commit may take more.
  std::uint64_t looked_at_max = 100'000;
};
struct LogPage {
  std::vector<StoredCommit> commits;  // In the order of the search.
  Sequence next = 0;                  // The first that was not looked at; 0: all were.
};
// The commits of one record are found by its chain: a page costs what it looks at, the first of
// several also the way to it. `chains` are those of the store. Errors: corrupt_log.
Result<LogPage> search_log(const View& view, const LogSearch& search, const LogBounds& bounds,
                           KeptChains& chains);

}  // namespace emstore::store
