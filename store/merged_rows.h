// Merged rows: several stretches of rows walked side by side, in the order of their keys.
//
// Threads: one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/reader.h"

namespace emstore::store {

// The rows of a family whose keys begin with `prefix`; they are compared by what follows it.
struct Stretch {
  Family family;
  std::string prefix;
};

class MergedRows {
 public:
  // `range` is of what follows the prefixes. `reader` outlives it.
  MergedRows(const Reader& reader, const std::vector<Stretch>& stretches, const KeyRange& range,
             Direction direction);

  // The next key in the direction, without the prefix, and what each stretch has there; nothing at
  // the end.
  struct Step {
    std::string key;
    std::vector<std::optional<std::string>> rows;
  };
  Result<std::optional<Step>> next();

 private:
  struct Row {
    std::string key, value;
  };
  // Read in slices, so that nothing is held open between them.
  struct Source {
    Stretch stretch;
    KeyRange rest;  // What has not been read, with the prefix.
    std::vector<Row> slice;
    std::size_t taken = 0;
    std::size_t size;
    bool ended = false;
  };

  Status fill(Source& source) const;
  bool precedes(const std::string& a, const std::string& b) const;

  const Reader& reader_;
  Direction direction_;
  std::vector<Source> sources_;
};

}  // namespace emstore::store
