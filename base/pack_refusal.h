// How bytes that are no MessagePack are refused. Internal to pack_cursor.cc and pack_value.cc.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"

namespace emstore::pack {

inline tl::unexpected<Error> malformed(std::string message) {
  return failure(ErrorCode::malformed_message, std::move(message));
}

inline std::string at_byte(std::size_t offset) { return " at byte " + std::to_string(offset); }

}  // namespace emstore::pack
