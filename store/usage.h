// Usage: how many bytes of media are stored, counted from the rows that say so. Costs what there
// is: for now and then.
#pragma once

#include <cstdint>
#include <map>

#include "base/result.h"
#include "store/reader.h"

namespace emstore::store {

struct Usage {
  std::uint64_t stored = 0;  // That media have, or had and are not collected, or a lease holds.
  // By user: what a lease of theirs holds and no media has.
  std::map<std::uint32_t, std::uint64_t> unlinked;
};
// Errors: corrupt_index, io_failed.
Result<Usage> count_usage(const Reader& reader);

}  // namespace emstore::store
