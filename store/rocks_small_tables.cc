#include "store/rocks_small_tables.h"

#include <rocksdb/metadata.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace emstore::store {
namespace {

struct SmallTables {
  std::vector<std::string> names;
  std::uint64_t bytes = 0;
};

// The first row of small tables that is long enough; empty where there is none.
SmallTables small_tables(const rocksdb::LevelMetaData& level) {
  SmallTables row;
  for (const rocksdb::SstFileMetaData& file : level.files) {  // By their keys.
    if (file.size > kSmallTableBytes || file.being_compacted) {
      if (row.names.size() >= kSmallTablesMin) break;
      row = {};
      continue;
    }
    row.names.push_back(file.name);
    row.bytes += file.size;
    if (row.names.size() == kSmallTablesMax) break;
  }
  if (row.names.size() < kSmallTablesMin) row = {};
  return row;
}

}  // namespace

bool merge_small_tables(Engine& engine) {
  if (engine.headroom->is_granted()) return false;
  rocksdb::CompactionOptions options;
  options.compression = rocksdb::kDisableCompressionOption;  // That of the family.
  for (const FamilyInfo& info : kFamilies) {
    const ColumnFamily rows = engine.live_family(info.family);
    rocksdb::ColumnFamilyMetaData tables;
    engine.db->GetColumnFamilyMetaData(rows.get(), &tables);
    for (const rocksdb::LevelMetaData& level : tables.levels) {
      if (level.level == 0) continue;  // RocksDB keeps those few itself.
      const SmallTables row = small_tables(level);
      if (row.names.empty()) continue;
      const Headroom::Promise promise(*engine.headroom, row.bytes);
      if (engine.db->CompactFiles(options, rows.get(), row.names, level.level).ok()) return true;
    }
  }
  return false;
}

}  // namespace emstore::store
