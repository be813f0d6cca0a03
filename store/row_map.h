// The part of an ordered map that a key range covers: what scans over rows in memory share.
#pragma once

#include <string>
#include <utility>

#include "store/reader.h"

namespace emstore::store {

// [first, second): empty when the range ends before it begins.
template <typename Map>
std::pair<typename Map::const_iterator, typename Map::const_iterator> rows_in(
    const Map& map, const KeyRange& range) {
  if (!range.until.empty() && range.until <= range.from) return {map.end(), map.end()};
  return {map.lower_bound(range.from),
          range.until.empty() ? map.end() : map.lower_bound(range.until)};
}

}  // namespace emstore::store
