// What the log can make again, given up where it is damaged. For rocks.cc only.
#pragma once

#include <filesystem>

#include "store/rocks.h"

namespace emstore::store {

// What Database::drop_damaged_indexes() does.
Result<Database::Mending> drop_damaged_families(const std::filesystem::path& path,
                                                const DatabaseOptions& options);

}  // namespace emstore::store
