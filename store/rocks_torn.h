// What a power cut tore off the files that a database appends to, its write-ahead log and its
// manifest: pages of the last write reached the disk, and pages of it did not and read as zeros.
// RocksDB forgives a last record that is cut short, but takes one with a hole for damage, or skips
// it silently where the hole begins it.
//
// What tells the two apart: a torn record has a hole, which a flipped bit does not make, and it was
// never synced. A write to the log is one record and synced before the next one begins
// (Durability::synced), so what has a whole record behind it was on disk once. A write to the
// manifest may be several records, but how much of it is on disk is known (rocks_manifest.h).
//
// The format is RocksDB's ("Write Ahead Log File Format" in its wiki): blocks of 32 KiB, and in
// them the pieces of records, each whole within its block: CRC-32C u32, masked | length u16 |
// type u8 | so many bytes; little-endian; the CRC is of the type and the bytes.
//
// For rocks*.cc only. Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "base/result.h"
#include "store/rocks.h"

namespace emstore::store {

// Of a closed database. Nothing for a file with which nothing is wrong that RocksDB does not see:
// it is whole, absent, or its last record is cut short. Errors: corrupt_log, io_failed.
Result<std::vector<TornEnd>> find_torn_ends(const std::filesystem::path& folder);

// `files`, in which the files of one folder end where their torn ends begin: to be read only.
std::shared_ptr<rocksdb::FileSystem> without(std::vector<TornEnd> ends,
                                             std::shared_ptr<rocksdb::FileSystem> files);

// Takes it off the file, durably. Errors: io_failed.
Status cut_torn_end(const TornEnd& end);

}  // namespace emstore::store
