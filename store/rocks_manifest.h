// How much of RocksDB's manifest is on disk. The manifest says which tables and logs make up the
// database; RocksDB syncs each write to it and only then deletes what the write has replaced. So a
// part that was synced must never be dropped as torn by a power cut (rocks_torn.h), and the file
// alone does not tell it from a part that was not: its size is noted beside it after each sync.
//
// The note is the file `manifest.synced` in the folder of the database: the name of the manifest, a
// space, the bytes of it that are on disk in decimal digits, a line feed. It is written anew each
// time: where a power cut has torn it, the manifest was whole.
//
// For rocks*.cc only. Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

namespace emstore::store {

// `files`, in which a sync of a manifest ends with its note on disk.
std::shared_ptr<rocksdb::FileSystem> noting_manifests(std::shared_ptr<rocksdb::FileSystem> files);

// The bytes of a manifest that are known to be on disk; nothing when its note is torn, absent, or
// of another manifest.
std::optional<std::uint64_t> synced_bytes(const std::filesystem::path& manifest);

}  // namespace emstore::store
