// What the system says of a call on a file → an Error. Any thread.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace emstore {

// The failure of a call: "cannot <action> <path>: No space left on device". A full disk or quota is
// disk_full, exhausted descriptors or memory are busy, all else is io_failed.
tl::unexpected<Error> io_failure(int error_number, std::string_view action,
                                 const std::filesystem::path& path);
// The failure of a sync. Never busy: what was written may be lost, so the same call must not be
// retried.
tl::unexpected<Error> sync_failure(int error_number, const std::filesystem::path& path);

}  // namespace emstore
