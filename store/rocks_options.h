// How emstore uses RocksDB: its options, its log lines, its errors in our words. For rocks.cc only.
// Threads: LineLogger and FailStop are called by RocksDB's threads too.
#pragma once

#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <atomic>
#include <cstdarg>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/family.h"
#include "store/rocks.h"

namespace emstore::store {

// RocksDB's warnings and errors as single lines of printable text.
class LineLogger final : public rocksdb::Logger {
 public:
  LineLogger(const std::filesystem::path& folder, std::function<void(std::string_view line)> log);

  using rocksdb::Logger::Logv;
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override;
  void LogHeader(const char* format, va_list arguments) override;
  // The last line that names a file of the folder, which a status leaves out. May be empty.
  std::string last_line_with_file() const;

 private:
  std::string folder_;
  std::function<void(std::string_view line)> log_;
  mutable std::mutex mutex_;
  std::string last_line_with_file_;
};

// Remembers the first error of a write, for ever: what is on disk after it is unknown, and
// RocksDB's own attempts to resume have lost or doubled log entries.
class FailStop final : public rocksdb::EventListener {
 public:
  explicit FailStop(std::function<void(const Error&)> on_background_error);

  void trip(Error error);
  bool is_tripped() const { return tripped_.load(std::memory_order_acquire); }
  // The first error. Only once tripped.
  const Error& cause() const { return cause_; }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status status,
                            bool* auto_recovery) override;

 private:
  std::function<void(const Error&)> on_background_error_;
  std::once_flag first_;
  std::once_flag told_;
  Error cause_;
  std::atomic<bool> tripped_ = false;
};

// `doing` says what failed: "reading rows of family log". `when_corrupt` stands for damage.
Error to_error(const rocksdb::Status& status, std::string_view doing, ErrorCode when_corrupt);

// What damage to a family's rows means to the caller.
ErrorCode corruption_of(Family family);

rocksdb::DBOptions database_options(const DatabaseOptions& options,
                                    std::shared_ptr<LineLogger> logger,
                                    std::shared_ptr<FailStop> fail_stop);

// Options of column families; all of them share one block cache.
class FamilyOptions {
 public:
  explicit FamilyOptions(const DatabaseOptions& options);
  rocksdb::ColumnFamilyOptions of(Family family) const;

 private:
  std::size_t memtable_bytes_;
  bool merges_tables_;
  std::shared_ptr<rocksdb::Cache> cache_;
};

}  // namespace emstore::store
