#include "store/rocks_tables.h"

#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/metadata.h>

#include <memory>
#include <string>
#include <utility>

#include "store/rocks_engine.h"
#include "store/rocks_options.h"

namespace emstore::store {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;

rocksdb::Status feed_checksum(rocksdb::Env& env, const std::string& path,
                              rocksdb::FileChecksumGenerator& checksum) {
  std::unique_ptr<rocksdb::SequentialFile> file;
  rocksdb::Status status = env.NewSequentialFile(path, &file, rocksdb::EnvOptions());
  std::string buffer(kPieceBytes, '\0');
  rocksdb::Slice piece(buffer);
  while (status.ok() && !piece.empty()) {
    status = file->Read(buffer.size(), &piece, buffer.data());
    if (status.ok()) checksum.Update(piece.data(), piece.size());
  }
  return status;
}

// Every table has a checksum of this kind since it was written: see database_options().
Status check_table(rocksdb::Env& env, const std::string& path, Family family,
                   const rocksdb::LiveFileMetaData& written) {
  const std::unique_ptr<rocksdb::FileChecksumGenerator> checksum =
      rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator({});
  const std::string table = "a table of the family " + std::string(name_of(family));
  const rocksdb::Status read = feed_checksum(env, path, *checksum);
  if (!read.ok()) return failure(to_error(read, "reading " + table, corruption_of(family)));
  checksum->Finalize();
  if (checksum->Name() == written.file_checksum_func_name &&
      checksum->GetChecksum() == written.file_checksum) {
    return {};
  }
  return failure(corruption_of(family), table + " has other bytes than were written");
}

}  // namespace

std::vector<DamagedTable> damaged_tables(rocksdb::DB& db) {
  std::vector<rocksdb::LiveFileMetaData> tables;
  db.GetLiveFilesMetaData(&tables);
  std::vector<DamagedTable> damaged;
  for (const rocksdb::LiveFileMetaData& table : tables) {
    // Nothing is written to the default family; what is not ours is no index.
    const auto name = family_name_of(table.column_family_name);
    const Family family = name ? name->family : Family::log;
    const std::string path = table.db_path + table.name;  // The name begins with a slash.
    Status checked = check_table(*db.GetEnv(), path, family, table);
    if (!checked) damaged.push_back({path, family, std::move(checked).error()});
  }
  return damaged;
}

}  // namespace emstore::store
