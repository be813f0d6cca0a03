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
// reach. Tables that only move to another level wait likewise.
//
// For rocks*.cc only. Threads: any; RocksDB's call it too.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/sst_file_manager.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

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

  // For a merge that somebody else has found to fit, though not so by what it reads: it may read
  // `read` bytes, and writes at most `written`, until this goes. No other merge begins meanwhile.
  class Grant {
   public:
    Grant(Headroom& headroom, std::uint64_t read, std::uint64_t written);
    Grant(const Grant&) = delete;
    Grant& operator=(const Grant&) = delete;
    ~Grant();

   private:
    Headroom& headroom_;
  };
  bool is_granted() const;

  // What the merges under way may still write: nobody else has it. None where nothing is kept.
  std::uint64_t promised() const;
  // For a merge of which RocksDB tells nothing.
  class Promise {
   public:
    Promise(Headroom& headroom, std::uint64_t bytes);
    Promise(const Promise&) = delete;
    Promise& operator=(const Promise&) = delete;
    ~Promise();

   private:
    Headroom& headroom_;
  };

  void OnFlushCompleted(rocksdb::DB* db, const rocksdb::FlushJobInfo& flush) override;
  void OnCompactionBegin(rocksdb::DB* db, const rocksdb::CompactionJobInfo& merge) override;
  void OnTableFileCreated(const rocksdb::TableFileCreationInfo& table) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& merge) override;

 private:
  struct Granted {
    std::uint64_t read = 0, written = 0;
  };
  void grant(std::optional<Granted> granted);
  void promise(int job, std::uint64_t bytes);
  void forget(int job);
  std::uint64_t look_alone();  // The mutex is held.

  rocksdb::Env& env_;
  const std::filesystem::path folder_;
  const std::uint64_t kept_;
  const std::shared_ptr<rocksdb::SstFileManager> manager_;
  mutable std::mutex mutex_;
  std::optional<Granted> granted_;
  std::map<int, std::uint64_t> promises_;  // By the job.
};

}  // namespace emstore::store
