// The end of a write-ahead log that a power cut tore: pages of the last write reached the disk, and
// pages of it did not and read as zeros. RocksDB forgives a last record that is cut short, but
// takes one with a hole for damage, or skips it silently where the hole begins it.
//
// What tells the two apart: a write is synced before the next one begins (Durability::synced), so
// only the last record can be torn, and what has a whole record behind it was on disk once; and a
// torn record has a hole, which a flipped bit does not make.
//
// The format is RocksDB's ("Write Ahead Log File Format" in its wiki): blocks of 32 KiB, and in
// them the pieces of records, each whole within its block: CRC-32C u32, masked | length u16 |
// type u8 | so many bytes; little-endian; the CRC is of the type and the bytes.
//
// For rocks*.cc only. Threads: any.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "store/rocks.h"

namespace emstore::store {

// How the newest write-ahead log of a closed database ends; nothing when there is nothing wrong
// with it that RocksDB does not see: it is whole, or its last record is cut short.
// Errors: corrupt_log, io_failed.
Result<std::optional<TornEnd>> find_torn_end(const std::filesystem::path& folder);

// Takes it off the file, durably. Errors: io_failed.
Status cut_torn_end(const TornEnd& end);

}  // namespace emstore::store
