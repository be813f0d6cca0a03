#include "store/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/check.h"

namespace emstore::store {
namespace {

constexpr std::size_t kLineBytesMax = 1024;
constexpr std::size_t kKiB = 1024;

// Control characters would let a file name forge a line of the log.
std::string printable(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return line;
}

bool supports(rocksdb::CompressionType wanted) {
  const auto supported = rocksdb::GetSupportedCompressions();
  return std::find(supported.begin(), supported.end(), wanted) != supported.end();
}

// Sequences of the log are asked for when they are known to exist, and the others are scanned: a
// filter would only cost memory there.
bool is_read_by_key(Family family) {
  return family != Family::log && family != Family::links && family != Family::values;
}

ErrorCode code_of(const rocksdb::Status& status, ErrorCode when_corrupt) {
  if (status.IsNoSpace() || status.IsCompactionTooLarge()) return ErrorCode::disk_full;
  if (status.IsCorruption()) return when_corrupt;
  // A file that the manifest names and that is gone is damage, not a failing disk.
  if (status.IsPathNotFound()) return when_corrupt;
  if (status.IsNotSupported() || status.IsInvalidArgument()) return ErrorCode::unsupported_format;
  const std::string text = status.ToString();
  const bool is_lock = text.find("While lock file") != std::string::npos ||
                       text.find("lock hold by") != std::string::npos;
  return is_lock ? ErrorCode::locked : ErrorCode::io_failed;
}

}  // namespace

LineLogger::LineLogger(const std::filesystem::path& folder,
                       std::function<void(std::string_view line)> log)
    : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL),
      folder_(folder.string() + "/"),
      log_(std::move(log)) {}

void LineLogger::Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) {
  const bool is_option_dump = level == rocksdb::InfoLogLevel::HEADER_LEVEL;
  if (is_option_dump || level < GetInfoLogLevel()) return;
  std::array<char, kLineBytesMax> text;
  if (std::vsnprintf(text.data(), text.size(), format, arguments) < 0) return;
  std::string line = printable(text.data());
  if (log_) log_(line);
  if (line.find(folder_) == std::string::npos) return;
  const std::lock_guard lock(mutex_);
  last_line_with_file_ = std::move(line);
}

// Headers dump every option of every family at each start: thousands of lines nobody reads.
void LineLogger::LogHeader(const char* /*format*/, va_list /*arguments*/) {}

std::string LineLogger::last_line_with_file() const {
  const std::lock_guard lock(mutex_);
  return last_line_with_file_;
}

FailStop::FailStop(std::function<void(const Error&)> on_background_error)
    : on_background_error_(std::move(on_background_error)) {}

void FailStop::trip(Error error) {
  std::call_once(first_, [this, &error] {
    cause_ = std::move(error);
    tripped_.store(true, std::memory_order_release);
  });
}

void FailStop::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                                 rocksdb::Status* status) {
  const Error error = to_error(*status, "writing in the background", ErrorCode::corrupt_log);
  trip(error);
  std::call_once(told_, [this, &error] {
    if (on_background_error_) on_background_error_(error);
  });
}

void FailStop::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                                    rocksdb::Status /*status*/, bool* auto_recovery) {
  *auto_recovery = false;
}

Error to_error(const rocksdb::Status& status, std::string_view doing, ErrorCode when_corrupt) {
  return {code_of(status, when_corrupt), std::string(doing) + ": " + printable(status.ToString())};
}

ErrorCode corruption_of(Family family) {
  if (is_index(family)) return ErrorCode::corrupt_index;
  return family == Family::bytes ? ErrorCode::corrupt_blob : ErrorCode::corrupt_log;
}

rocksdb::DBOptions database_options(const DatabaseOptions& options,
                                    std::shared_ptr<LineLogger> logger,
                                    std::shared_ptr<FailStop> fail_stop) {
  rocksdb::DBOptions chosen;

  // The default recovery mode drops what was acknowledged after one flipped bit, and opens as if
  // nothing were wrong. This one forgives a last record that is cut short; what else a power cut
  // does to it, rocks_torn.h tells from damage. The manifest vouches for closed logs: without it,
  // one that is missing leaves half of a batch.
  chosen.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  chosen.track_and_verify_wals_in_manifest = true;
  chosen.atomic_flush = true;  // All families end at the same write.
  chosen.fail_if_options_file_error = true;
  EMSTORE_CHECK(chosen.paranoid_checks && chosen.flush_verify_memtable_count &&
                chosen.verify_sst_unique_id_in_manifest);
  EMSTORE_CHECK(!chosen.best_efforts_recovery && !chosen.avoid_flush_during_recovery &&
                !chosen.skip_checking_sst_file_sizes_on_db_open && !chosen.allow_data_in_errors);

  // Each of these weakens order, or has had defects that a later RocksDB mended.
  EMSTORE_CHECK(chosen.recycle_log_file_num == 0 && !chosen.manual_wal_flush &&
                !chosen.two_write_queues && !chosen.unordered_write &&
                !chosen.enable_pipelined_write && chosen.wal_bytes_per_sync == 0 &&
                chosen.wal_compression == rocksdb::kNoCompression && chosen.WAL_ttl_seconds == 0);
  // A failing page of a mapped file would be a signal, not an error.
  EMSTORE_CHECK(!chosen.allow_mmap_reads && !chosen.allow_mmap_writes && !chosen.use_fsync);

  chosen.max_bgerror_resume_count = 0;  // Resuming is left to a restart: see FailStop.
  chosen.listeners = {std::move(fail_stop)};
  // RocksDB's own log file aborts the process when the disk is full.
  chosen.info_log_level = logger->GetInfoLogLevel();
  chosen.info_log = std::move(logger);
  chosen.stats_dump_period_sec = 0;
  chosen.stats_persist_period_sec = 0;

  chosen.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  chosen.max_open_files = -1;  // Every table is opened, so a missing one is found at the start.
  // RocksDB starts as many threads for each family, however few tables it has.
  chosen.max_file_opening_threads = 4;
  chosen.max_background_jobs = 2;
  // Memory for rows not yet in tables, of all families together.
  chosen.db_write_buffer_size = options.memtable_bytes;
  // A table that is begun would take the room of a full one, however little is written to it.
  chosen.allow_fallocate = false;
  // Files are deleted in the background, not by the reader that happens to let go of them last.
  chosen.avoid_unnecessary_blocking_io = true;
  return chosen;
}

FamilyOptions::FamilyOptions(const DatabaseOptions& options)
    : memtable_bytes_(options.memtable_bytes),
      merges_tables_(options.merges_tables),
      cache_(rocksdb::NewLRUCache(options.cache_bytes)) {}

rocksdb::ColumnFamilyOptions FamilyOptions::of(Family family) const {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  table.format_version = 5;
  table.block_size = (family == Family::log ? 16 : 4) * kKiB;
  table.verify_compression = true;
  table.detect_filter_construct_corruption = true;
  table.max_auto_readahead_size = 2048 * kKiB;  // Replay reads the log at the speed of the disk.
  if (is_read_by_key(family)) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

  rocksdb::ColumnFamilyOptions chosen;
  chosen.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  // Pictures and PDFs are compressed already.
  const bool is_compressed = family != Family::bytes && supports(rocksdb::kLZ4Compression);
  chosen.compression = is_compressed ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  chosen.write_buffer_size = memtable_bytes_;
  chosen.disable_auto_compactions = !merges_tables_;
  // The rows that commits ask for mostly to find that they are not there.
  if (family == Family::backlinks || family == Family::requests || family == Family::blobs ||
      family == Family::bytes) {
    chosen.memtable_whole_key_filtering = true;
    chosen.memtable_prefix_bloom_size_ratio = 0.02;
  }
  // Small steps: every family holds at least one, and all of them count against the common bound.
  chosen.arena_block_size = std::clamp(memtable_bytes_ / 64, 4 * kKiB, 256 * kKiB);
  chosen.memtable_protection_bytes_per_key = 8;
  EMSTORE_CHECK(chosen.force_consistency_checks);
#ifndef NDEBUG
  chosen.paranoid_file_checks = true;
#endif
  return chosen;
}

}  // namespace emstore::store
