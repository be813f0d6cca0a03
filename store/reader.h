// Reader: the only thing that queries, decisions and folds see of stored rows. It stands over a
// snapshot of the database, over one with pending rows on top (overlay.h), or over rows in memory
// (scratch.h); who reads cannot tell which.
//
// Threads: const members from any thread at any time, unless the implementation says less.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/family.h"

namespace emstore::store {

// Keys from `from` up to but not including `until`; an empty `until` means to the end of the
// family.
struct KeyRange {
  std::string from;
  std::string until;
};

// All keys that begin with `prefix`.
KeyRange range_of_prefix(std::string_view prefix);

enum class Direction : bool { forward, backward };

class Reader {
 public:
  // The views are valid during the call only. false ends the scan.
  using Visit = std::function<bool(std::string_view key, std::string_view value)>;

  virtual ~Reader() = default;

  // Nothing when there is no such row. Errors: corruption and I/O, never "not found".
  virtual Result<std::optional<std::string>> get(Family family, std::string_view key) const = 0;
  // One answer a key, in the order of the keys.
  virtual Result<std::vector<std::optional<std::string>>> get_many(
      Family family, std::span<const std::string> keys) const;
  virtual Status scan(Family family, const KeyRange& range, Direction direction,
                      const Visit& visit) const = 0;

  Status scan(Family family, const KeyRange& range, const Visit& visit) const {
    return scan(family, range, Direction::forward, visit);
  }

  // A scan whose visit can fail: its error ends the scan and is the answer.
  using Attempt = std::function<Result<bool>(std::string_view key, std::string_view value)>;
  Status try_scan(Family family, const KeyRange& range, Direction direction,
                  const Attempt& attempt) const;
  Status try_scan(Family family, const KeyRange& range, const Attempt& attempt) const {
    return try_scan(family, range, Direction::forward, attempt);
  }
};

// One row to be written; no value: to be removed.
struct RowChange {
  Family family;
  std::string key;
  std::optional<std::string> value;
  bool operator==(const RowChange&) const = default;
};
using RowChanges = std::vector<RowChange>;

}  // namespace emstore::store
