// Rows that are sorted and written as tables outside the database, then taken into it: a rebuild's
// way, which costs no memory tables, no write-ahead log and no merging. For rocks*.cc only.
#pragma once

#include "store/rocks_engine.h"
#include "store/row_table.h"

namespace emstore::store {

// Where the tables lie until they are taken in: a folder of the database's own, which is empty
// whenever nobody writes there.
std::filesystem::path ingest_folder(const std::filesystem::path& database);

// All rows of the table, into column families of index families; removals are left out when
// `is_empty` says that there was no row before. Errors: disk_full and io_failed, when nothing was
// taken in; outcome_unknown, and from then on.
Status ingest_rows(Engine& engine, const ColumnFamilies& families, bool is_empty,
                   const RowTable& rows);

// Removes what an ingestion left that was cut off.
Status clear_ingest_folder(Engine& engine);

}  // namespace emstore::store
