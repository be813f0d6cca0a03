// A file system that forgets, at a simulated power cut, what was written and not synced; and that
// fails a chosen sync or append. Everything reaches real files; a sync is only noted, so a cut is
// cheap. Not modelled: names of files that a folder's sync would have kept. Threads: all members
// from any thread.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace emstore::testing {

// What a power cut takes of the end of a file that was not synced: pages of it hold zeros then.
// Nothing is the end of a process alone.
enum class Loss : std::uint8_t { nothing, end, pages, either };

class DroppingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  DroppingFileSystem();

  // The n-th sync from now (from 1) fails with EIO, the n-th append and all after it with ENOSPC.
  void fail_sync(std::uint64_t n) { failing_sync_ = syncs_ + n; }
  // The next sync of a write-ahead log fails with EIO, whatever else is synced before it.
  void fail_log_sync() { fails_log_sync_ = true; }
  void fill_disk_at_append(std::uint64_t n) { failing_append_ = appends_ + n; }
  std::uint64_t syncs() const { return syncs_; }
  std::uint64_t appends() const { return appends_; }

  // From here on nothing can be written: close the database next.
  void cut_power() { is_cut_ = true; }
  // The same at the n-th sync from now, which does not come to pass.
  void cut_power_at_sync(std::uint64_t n) { cutting_sync_ = syncs_ + n; }
  bool is_cut() const { return is_cut_; }
  // Takes a part, chosen by `random`, of what was not synced of each file. Everything works again.
  void restore_power(std::mt19937& random, Loss loss = Loss::either);

  const char* Name() const override { return "DroppingFileSystem"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* file,
                                       rocksdb::IODebugContext* debug) override;
  // Written over in place: at a power cut it holds what it held when it was synced, or any of what
  // came after.
  rocksdb::IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* folder,
                                 rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to,
                             const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

 private:
  class File;
  class Overwritten;
  class Folder;
  struct Sizes {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
  };

  rocksdb::IOStatus before_append();
  rocksdb::IOStatus before_sync(const std::string& name);
  void note_size(const std::string& name, std::uint64_t written);
  void note_sync(const std::string& name);
  void note_overwrite(const std::string& name);

  std::atomic<bool> is_cut_ = false;
  std::atomic<std::uint64_t> syncs_ = 0;
  std::atomic<std::uint64_t> appends_ = 0;
  std::atomic<std::uint64_t> failing_sync_ = 0;  // 0: none.
  std::atomic<bool> fails_log_sync_ = false;
  std::atomic<std::uint64_t> failing_append_ = 0;
  std::atomic<std::uint64_t> cutting_sync_ = 0;
  std::mutex mutex_;
  std::map<std::string, Sizes> files_;  // By path; of those made through this file system.
  // What files have held since they were synced, but for what they hold now.
  std::map<std::string, std::vector<std::string>> overwritten_;
};

}  // namespace emstore::testing
