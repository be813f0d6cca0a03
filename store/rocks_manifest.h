// How much of RocksDB's manifest holds. The manifest says which tables and logs make up the
// database; RocksDB syncs each write to it and only then acts on it, deletes what it has replaced.
// Of a write whose sync did not come to its end some pages may be on disk, or all of them; RocksDB
// would take what it finds, or refuse it, or skip it. So the size of the manifest is noted beside
// it as the last part of each sync: what is noted is there and whole, or the file is damaged; what
// is behind has never been.
//
// A write that fails is taken off the file again, for RocksDB deletes the tables of it; one whose
// note can neither be made nor put back is left to the next start, which may have to refuse.
//
// The note is the file `manifest.synced` in the folder of the database: two slots of 4,096 bytes,
// of which the first sector is written over in place: "EMSNOTE1" | size of the manifest u64 | its
// file name, to its zero | zeros | XXH3-64 of all that u64; big-endian. A new manifest takes the
// slot that is not of the one that CURRENT names. The file is made before the first manifest, so
// that a full disk does not fail a note. (A file system that copies on write may yet lack the
// room.)
//
// For rocks*.cc only. Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/result.h"

namespace emstore::store {

// `files`, in which each sync of a manifest ends with its note. One that cannot be noted fails.
std::shared_ptr<rocksdb::FileSystem> noting_manifests(
    const std::shared_ptr<rocksdb::FileSystem>& files);

// The manifest that CURRENT names; empty when it names none, or one that is not there.
std::filesystem::path current_manifest(const std::filesystem::path& folder);

// The bytes of a manifest that hold; nothing when no whole note is of it. Errors: io_failed.
Result<std::optional<std::uint64_t>> noted_bytes(const std::filesystem::path& manifest);

}  // namespace emstore::store
