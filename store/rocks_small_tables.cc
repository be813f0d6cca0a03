#include "store/rocks_small_tables.h"

#include <rocksdb/metadata.h>

#include <algorithm>
#include <string>
#include <vector>

namespace emstore::store {
namespace {

using Names = std::vector<std::string>;

// The first row of small tables that is long enough; empty where there is none.
Names small_tables(const rocksdb::LevelMetaData& level) {
  Names names;
  for (const rocksdb::SstFileMetaData& file : level.files) {  // By their keys.
    if (file.size > kSmallTableBytes || file.being_compacted) {
      if (names.size() >= kSmallTablesMin) break;
      names.clear();
      continue;
    }
    names.push_back(file.name);
    if (names.size() == kSmallTablesMax) break;
  }
  if (names.size() < kSmallTablesMin) names.clear();
  return names;
}

}  // namespace

bool merge_small_tables(Engine& engine) {
  rocksdb::CompactionOptions options;
  options.compression = rocksdb::kDisableCompressionOption;  // That of the family.
  for (const FamilyInfo& info : kFamilies) {
    const ColumnFamily rows = engine.live_family(info.family);
    rocksdb::ColumnFamilyMetaData tables;
    engine.db->GetColumnFamilyMetaData(rows.get(), &tables);
    for (const rocksdb::LevelMetaData& level : tables.levels) {
      if (level.level == 0) continue;  // RocksDB keeps those few itself.
      const Names names = small_tables(level);
      if (names.empty()) continue;
      return engine.db->CompactFiles(options, rows.get(), names, level.level).ok();
    }
  }
  return false;
}

}  // namespace emstore::store
