// Opening the database: from the files of a folder to an engine whose families are all there. For
// rocks*.cc only.
#pragma once

#include <memory>
#include <vector>

#include "store/rocks_engine.h"

namespace emstore::store {

// The disk as a database writes to it.
std::unique_ptr<rocksdb::Env> env_of(const DatabaseOptions& options);

// Opens the database at engine.path, creating it where it is absent. Gives the index families that
// have to be made again. Errors: as Database::open().
Result<std::vector<Family>> open_database(Engine& engine, const DatabaseOptions& options);

}  // namespace emstore::store
