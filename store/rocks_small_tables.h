// Small tables, and how they are kept few. Each start writes what the log of the one before held to
// a table a family, and so does a full memory table. Where keys ascend, RocksDB moves these down
// its levels as they are and never looks at them again, however small: some thousand starts later
// the descriptors are used up.
//
// For rocks*.cc only. Threads: as the engine.
#pragma once

#include "store/rocks_engine.h"

namespace emstore::store {

// Small ones in a row of one level, at least this many, become one table.
inline constexpr std::size_t kSmallTablesMin = 8;
inline constexpr std::size_t kSmallTablesMax = 64;           // At a time, so that it is soon done.
inline constexpr std::uint64_t kSmallTableBytes = 1u << 20;  // At most.

// Merges one such row. False: there is none, RocksDB has other work with it, or the disk no room.
bool merge_small_tables(Engine& engine);

}  // namespace emstore::store
