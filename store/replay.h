// Replay: the log from its first commit, decoded and checked a little ahead on a thread of its own,
// so that decoding takes no time from folding. Threads: any; `log` is read from two.
#pragma once

#include <functional>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "store/event_bytes.h"
#include "store/reader.h"

namespace emstore::store {

// Asked on the way through long work whether it is wanted still; empty: it is.
using GoesOn = std::function<bool()>;

struct LoggedCommit {
  Commit commit;
  Sha256 leaf{};  // Of the log's tree.
};

// A row of the log. Errors: corrupt_log when the bytes call themselves another commit, and those of
// decode().
Result<LoggedCommit> decode_logged(Sequence sequence, std::string_view commit_bytes);

// Hands over every commit of the log from `from` on, in order and without gaps; an error of `take`
// ends it. Errors: corrupt_log, those of the reader and of `take`.
Status replay(const Reader& log, Sequence from,
              const std::function<Status(const LoggedCommit&)>& take);

}  // namespace emstore::store
