#include "store/rocks_headroom.h"

#include <rocksdb/file_system.h>

#include <algorithm>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

namespace emstore::store {
namespace {

// More than any disk has, and small enough to be added up.
constexpr std::uint64_t kOutOfReach = std::uint64_t{1} << 60;

}  // namespace

Headroom::Headroom(rocksdb::Env& env, std::shared_ptr<rocksdb::Logger> logger,
                   const std::filesystem::path& folder, std::uint64_t kept)
    : env_(env),
      folder_(folder),
      kept_(kept),
      manager_(rocksdb::NewSstFileManager(&env, std::move(logger))) {
  if (kept_ > 0) manager_->SetCompactionBufferSize(kOutOfReach);
}

std::uint64_t Headroom::look() {
  constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();
  if (kept_ == 0) return kNoBound;
  std::uint64_t free_bytes = 0;
  const auto asked = env_.GetFileSystem()->GetFreeSpace(folder_.string(), rocksdb::IOOptions(),
                                                        &free_bytes, nullptr);
  if (!asked.ok()) return kNoBound;
  const std::uint64_t room = std::max(free_bytes > kept_ ? free_bytes - kept_ : 0, granted_.load());
  manager_->SetMaxAllowedSpaceUsage(manager_->GetTotalSize() + room + kOutOfReach);
  return room;
}

void Headroom::grant(std::uint64_t bytes) {
  granted_ = bytes;
  look();
}

std::uint64_t Headroom::promised() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [job, left] : promises_) bytes += left;
  return bytes;
}

// A merge writes at most what it reads.
void Headroom::OnCompactionBegin(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& merge) {
  std::uint64_t bytes = 0;
  for (const std::string& file : merge.input_files) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (!error) bytes += size;
  }
  const std::lock_guard lock(mutex_);
  promises_[merge.job_id] = bytes;
}

void Headroom::OnTableFileCreated(const rocksdb::TableFileCreationInfo& table) {
  const std::lock_guard lock(mutex_);
  const auto promise = promises_.find(table.job_id);
  if (promise != promises_.end()) promise->second -= std::min(promise->second, table.file_size);
}

void Headroom::OnCompactionCompleted(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& merge) {
  const std::lock_guard lock(mutex_);
  promises_.erase(merge.job_id);
}

void Headroom::OnFlushCompleted(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*flush*/) {
  look();
}

}  // namespace emstore::store
