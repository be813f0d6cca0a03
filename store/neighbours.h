// Neighbours: the links around the places that a request names. All I/O.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "store/known.h"
#include "store/reader.h"
#include "store/resolved.h"

namespace emstore::store {

// How many links get new keys when a place has no room for another one. Where these have no room
// either, twice as many do, and so on.
inline constexpr std::size_t kSpreadLinks = 64;

struct Neighbours {
  std::vector<Link> links;  // Some of them perhaps more than once.
  std::vector<KeySpan> spans;
};

// What an arrangement must know of the field besides the links that the request names, which are in
// `known`: from each place on, in both directions, every link up to the first that stays where it
// is. Errors: corrupt_index, io_failed.
Result<Neighbours> read_neighbours(const Reader& reader, const RecordRef& owner,
                                   const LinkRequest& request, const KnownLinks& known);

// The link of one field to `target`, if there is one. Errors: corrupt_index, io_failed.
Result<std::optional<Link>> read_link_to(const Reader& reader, const RecordRef& owner,
                                         FieldId field, const RecordRef& target);

}  // namespace emstore::store
