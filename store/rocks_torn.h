// What a power cut tore of the files that a database appends to, its write-ahead log and its
// manifest: pages of the last write reached the disk, and pages of it did not and read as zeros.
// RocksDB forgives a last record that is cut short, but takes one with a hole for damage, or skips
// it silently where the hole begins it.
//
// What tells the two apart: how much of the manifest holds is noted (rocks_manifest.h). Of the log
// it is not: a torn record has a hole, which a flipped bit does not make (but for one in a length,
// which makes a record reach into the room behind the last one); and a write is one record
// and synced before the next one begins (Durability::synced), so what has a whole record behind it
// was on disk once.
//
// The format is RocksDB's ("Write Ahead Log File Format" in its wiki): blocks of 32 KiB, and in
// them the pieces of records, each whole within its block: CRC-32C u32, masked | length u16 |
// type u8 | so many bytes; little-endian; the CRC is of the type and the bytes.
//
// For rocks*.cc only. Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <filesystem>
#include <vector>

#include "base/result.h"
#include "store/rocks.h"

namespace emstore::store {

// Of a closed database. Not of a log that merely ends in the middle of a record, or in zeros behind
// a whole one: RocksDB forgives that. Errors: corrupt_log, with file and byte, for damage that no
// power cut leaves; io_failed.
Result<std::vector<TornEnd>> find_torn_ends(const std::filesystem::path& folder);

// Takes it off the file, durably. Errors: io_failed.
Status cut_torn_end(const TornEnd& end);

// Puts the newest write-ahead log on disk: a process that was killed may have left a write that it
// did not sync, and when the next log is begun behind it, it must not be torn any more. Errors:
// io_failed.
Status sync_newest_log(rocksdb::FileSystem& files, const std::filesystem::path& folder);

}  // namespace emstore::store
