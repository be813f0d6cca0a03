// Headroom: that merges of tables leave room on the disk. A merge writes its tables anew before the
// old ones go, and a write that fails in the background ends the database, at the next start again.
// So a merge that might not leave what is kept free waits. RocksDB knows such waiting from its
// SstFileManager, and asks it before each merge whether
//
//   inputs + reserved for merges under way + buffer + all tables > allowed
//
// What a merge writes, and what it then removes, moves between the disk and `all tables`; so
// `allowed` holds until somebody else uses the disk. It must never be reached by the tables
// themselves, for that ends the database too: the buffer, which only merges count, lifts it out of
// reach.
//
// For rocks*.cc only. Threads: any; RocksDB's call it too.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/sst_file_manager.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

namespace emstore::store {

class Headroom final : public rocksdb::EventListener {
 public:
  // `env` outlives it. On the disk of `folder`, `kept` bytes are kept free; 0: nothing waits.
  Headroom(rocksdb::Env& env, std::shared_ptr<rocksdb::Logger> logger,
           const std::filesystem::path& folder, std::uint64_t kept);

  const std::shared_ptr<rocksdb::SstFileManager>& manager() const { return manager_; }
  // What merges may write as the disk is now, which they are told. No bound where nothing is kept,
  // or where the disk cannot be asked.
  std::uint64_t look();
  // For a merge that somebody else has found to fit: so many bytes may be written, whatever the
  // disk has, until it is taken back with 0.
  void grant(std::uint64_t bytes);

  // What the merges under way may still write: nobody else has it.
  std::uint64_t promised() const;

  // Merges are chosen after this.
  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& flush) override;
  void OnCompactionBegin(rocksdb::DB* db, const rocksdb::CompactionJobInfo& merge) override;
  void OnTableFileCreated(const rocksdb::TableFileCreationInfo& table) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& merge) override;

 private:
  rocksdb::Env& env_;
  const std::filesystem::path folder_;
  const std::uint64_t kept_;
  std::atomic<std::uint64_t> granted_ = 0;
  mutable std::mutex mutex_;
  std::map<int, std::uint64_t> promises_;  // By the job.
  const std::shared_ptr<rocksdb::SstFileManager> manager_;
};

}  // namespace emstore::store
