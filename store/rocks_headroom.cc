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
// RocksDB's have numbers from 1 on.
constexpr int kJobOfOurs = -1;

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
  const std::lock_guard lock(mutex_);
  return look_alone();
}

std::uint64_t Headroom::look_alone() {
  constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();
  if (kept_ == 0) return kNoBound;
  std::uint64_t free_bytes = 0;
  const auto asked = env_.GetFileSystem()->GetFreeSpace(folder_.string(), rocksdb::IOOptions(),
                                                        &free_bytes, nullptr);
  if (!asked.ok()) return kNoBound;
  const std::uint64_t room = free_bytes > kept_ ? free_bytes - kept_ : 0;
  const std::uint64_t allowed = granted_ ? std::max(room, granted_->read) : room;
  manager_->SetMaxAllowedSpaceUsage(manager_->GetTotalSize() + allowed + kOutOfReach);
  return room;
}

void Headroom::grant(std::optional<Granted> granted) {
  const std::lock_guard lock(mutex_);
  granted_ = granted;
  look_alone();
}

bool Headroom::is_granted() const {
  const std::lock_guard lock(mutex_);
  return granted_.has_value();
}

Headroom::Grant::Grant(Headroom& headroom, std::uint64_t read, std::uint64_t written)
    : headroom_(headroom) {
  headroom_.grant(Granted{read, written});
}
Headroom::Grant::~Grant() { headroom_.grant(std::nullopt); }

std::uint64_t Headroom::promised() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [job, left] : promises_) bytes += left;
  return bytes;
}

void Headroom::promise(int job, std::uint64_t bytes) {
  if (kept_ == 0) return;
  const std::lock_guard lock(mutex_);
  promises_[job] = granted_ ? std::min(bytes, granted_->written) : bytes;
}

void Headroom::forget(int job) {
  const std::lock_guard lock(mutex_);
  promises_.erase(job);
}

Headroom::Promise::Promise(Headroom& headroom, std::uint64_t bytes) : headroom_(headroom) {
  headroom_.promise(kJobOfOurs, bytes);
}
Headroom::Promise::~Promise() { headroom_.forget(kJobOfOurs); }

// A merge writes at most what it reads.
void Headroom::OnCompactionBegin(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& merge) {
  std::uint64_t bytes = 0;
  for (const std::string& file : merge.input_files) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (!error) bytes += size;
  }
  promise(merge.job_id, bytes);
}

void Headroom::OnTableFileCreated(const rocksdb::TableFileCreationInfo& table) {
  const std::lock_guard lock(mutex_);
  const auto left = promises_.find(table.job_id);
  if (left != promises_.end()) left->second -= std::min(left->second, table.file_size);
}

void Headroom::OnCompactionCompleted(rocksdb::DB* /*db*/, const rocksdb::CompactionJobInfo& merge) {
  forget(merge.job_id);
}

void Headroom::OnFlushCompleted(rocksdb::DB* /*db*/, const rocksdb::FlushJobInfo& /*flush*/) {
  look();
}

}  // namespace emstore::store
