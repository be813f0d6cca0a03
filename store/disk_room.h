// Room on a disk for what is about to be written there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace emstore::store {

// Whether the disk of `folder` has `bytes` and `kept` beside them. `what` begins the message, as in
// "the next rows of the rebuild". Errors: disk_full, with `hint`; io_failed.
Status check_disk_room(const std::filesystem::path& folder, std::uint64_t bytes, std::uint64_t kept,
                       std::string_view what, std::string_view hint);

}  // namespace emstore::store
