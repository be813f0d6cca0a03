// Files that read as though they ended earlier: what RocksDB would take a database for without the
// torn ends of its files, before anything is cut off.
//
// For rocks*.cc only. Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>
#include <vector>

#include "store/rocks.h"

namespace emstore::store {

// `files`, in which those that `ends` name end where these begin. To be read only.
std::shared_ptr<rocksdb::FileSystem> shortened(const std::shared_ptr<rocksdb::FileSystem>& files,
                                               std::vector<TornEnd> ends);

}  // namespace emstore::store
