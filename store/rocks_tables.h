// The table files of an open database against the checksums that they were written with. For
// rocks*.cc only. Threads: any.
#pragma once

#include <rocksdb/db.h>

#include <vector>

#include "store/rocks.h"

namespace emstore::store {

// As long as it lives, a table that a compaction has replaced stays where it is.
class KeptTables {
 public:
  explicit KeptTables(rocksdb::DB& db) : db_(db), status_(db.DisableFileDeletions()) {}
  ~KeptTables() { db_.EnableFileDeletions(/*force=*/false).PermitUncheckedError(); }
  KeptTables(const KeptTables&) = delete;
  KeptTables& operator=(const KeptTables&) = delete;
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::DB& db_;
  rocksdb::Status status_;
};

// Reads every live table whole, and goes on after one that is damaged. None may go meanwhile: keep
// them, or have the database open to read only.
std::vector<DamagedTable> damaged_tables(rocksdb::DB& db);

}  // namespace emstore::store
