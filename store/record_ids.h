// Ids of new records where they are uuids. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/types.h"

namespace emstore::store {

// A uuid of version 7 (RFC 9562): milliseconds, their fraction to a microsecond's third or so, and
// chance. Always above `greatest`: where the clock says otherwise, it is the next one.
RecordId next_uuid(Time now, const std::optional<RecordId>& greatest,
                   const std::array<std::uint8_t, 8>& chance);

}  // namespace emstore::store
