#include "tests/support/dropping_file_system.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace emstore::testing {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Asks its file system before each write, and tells it of each.
class DroppingFileSystem::File final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  File(std::unique_ptr<rocksdb::FSWritableFile> file, DroppingFileSystem& owner, std::string name,
       std::uint64_t written)
      : FSWritableFileOwnerWrapper(std::move(file)),
        owner_(owner),
        name_(std::move(name)),
        written_(written) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    IOStatus status = owner_.before_append();
    if (status.ok()) status = target()->Append(data, options, debug);
    if (status.ok()) owner_.note_size(name_, written_ += data.size());
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*checksum*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  // Of zeros behind the end: whether they are there after a power cut makes no difference, for what
  // is lost of pages reads as zeros.
  IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset,
                            const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = owner_.before_append();
    if (status.ok()) status = target()->PositionedAppend(data, offset, options, debug);
    return status;
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (owner_.is_cut_) return IOStatus::IOError("the power is cut");
    const IOStatus status = target()->Truncate(size, options, debug);
    if (status.ok()) owner_.note_size(name_, written_ = size);
    return status;
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    const IOStatus status = owner_.before_sync(name_);
    if (status.ok()) owner_.note_sync(name_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }
  IOStatus RangeSync(std::uint64_t /*offset*/, std::uint64_t /*size*/, const IOOptions& /*options*/,
                     IODebugContext* /*debug*/) override {
    return IOStatus::OK();  // A hint to the kernel, no promise.
  }

 private:
  DroppingFileSystem& owner_;
  std::string name_;
  std::uint64_t written_;
};

class DroppingFileSystem::Overwritten final : public rocksdb::FSRandomRWFileOwnerWrapper {
 public:
  Overwritten(std::unique_ptr<rocksdb::FSRandomRWFile> file, DroppingFileSystem& owner,
              std::string name)
      : FSRandomRWFileOwnerWrapper(std::move(file)), owner_(owner), name_(std::move(name)) {}

  IOStatus Write(std::uint64_t offset, const rocksdb::Slice& data, const IOOptions& options,
                 IODebugContext* debug) override {
    if (owner_.is_cut_) return IOStatus::IOError("the power is cut");
    owner_.note_overwrite(name_);
    return target()->Write(offset, data, options, debug);
  }
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    const IOStatus status = owner_.before_sync(name_);
    if (status.ok()) owner_.note_sync(name_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }

 private:
  DroppingFileSystem& owner_;
  std::string name_;
};

// Names are kept whether synced or not: a real sync would only take time.
class DroppingFileSystem::Folder final : public rocksdb::FSDirectory {
 public:
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
};

namespace {

// Some of the pages between the two, one at least, hold zeros where they were not synced.
void lose_pages(const std::string& name, std::uint64_t synced, std::uint64_t written,
                std::mt19937& random) {
  constexpr std::uint64_t kPageBytes = 4'096;
  const std::uint64_t first = synced / kPageBytes, last = (written - 1) / kPageBytes;
  const std::uint64_t lost_anyway = first + random() % (last - first + 1);
  std::fstream file(name, std::ios::binary | std::ios::in | std::ios::out);
  for (std::uint64_t page = first; page <= last; ++page) {
    if (page != lost_anyway && random() % 2 == 0) continue;
    const std::uint64_t from = std::max(synced, page * kPageBytes);
    const std::uint64_t to = std::min(written, (page + 1) * kPageBytes);
    file.seekp(static_cast<std::streamoff>(from));
    file << std::string(to - from, '\0');
  }
}

}  // namespace

DroppingFileSystem::DroppingFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void DroppingFileSystem::restore_power(std::mt19937& random, Loss loss) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, sizes] : files_) {
    if (loss == Loss::nothing) break;
    if (!std::filesystem::exists(name)) continue;
    // A start may have cut it.
    sizes.written = std::min<std::uint64_t>(sizes.written, std::filesystem::file_size(name));
    if (sizes.written <= sizes.synced) continue;
    if (loss == Loss::end || (loss == Loss::either && random() % 2 == 0)) {
      std::uniform_int_distribution<std::uint64_t> kept(sizes.synced, sizes.written - 1);
      std::filesystem::resize_file(name, kept(random));
    } else {
      lose_pages(name, sizes.synced, sizes.written, random);
    }
  }
  for (const auto& [name, held] : overwritten_) {
    const std::size_t which = random() % (held.size() + 1);
    if (loss == Loss::nothing || which == held.size()) continue;
    std::ofstream(name, std::ios::binary) << held[which];
  }
  if (loss != Loss::nothing) {
    files_.clear();
    overwritten_.clear();
  }
  failing_sync_ = 0;
  fails_log_sync_ = false;
  failing_append_ = 0;
  cutting_sync_ = 0;
  is_cut_ = false;
}

IOStatus DroppingFileSystem::NewWritableFile(const std::string& name,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                                             IODebugContext* debug) {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  std::unique_ptr<rocksdb::FSWritableFile> made;
  IOStatus status = target()->NewWritableFile(name, options, &made, debug);
  if (!status.ok()) return status;
  note_size(name, 0);
  *file = std::make_unique<File>(std::move(made), *this, name, 0);
  return status;
}

IOStatus DroppingFileSystem::ReopenWritableFile(const std::string& name,
                                                const rocksdb::FileOptions& options,
                                                std::unique_ptr<rocksdb::FSWritableFile>* file,
                                                IODebugContext* debug) {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  std::unique_ptr<rocksdb::FSWritableFile> made;
  IOStatus status = target()->ReopenWritableFile(name, options, &made, debug);
  if (!status.ok()) return status;
  const std::uint64_t written = std::filesystem::file_size(name);
  *file = std::make_unique<File>(std::move(made), *this, name, written);
  const std::lock_guard lock(mutex_);
  files_.try_emplace(name, Sizes{written, written}).first->second.written = written;
  return status;
}

IOStatus DroppingFileSystem::NewRandomRWFile(const std::string& name,
                                             const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                                             IODebugContext* debug) {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  std::unique_ptr<rocksdb::FSRandomRWFile> made;
  IOStatus status = target()->NewRandomRWFile(name, options, &made, debug);
  if (status.ok()) *file = std::make_unique<Overwritten>(std::move(made), *this, name);
  return status;
}

IOStatus DroppingFileSystem::NewDirectory(const std::string& /*name*/, const IOOptions& /*options*/,
                                          std::unique_ptr<rocksdb::FSDirectory>* folder,
                                          IODebugContext* /*debug*/) {
  *folder = std::make_unique<Folder>();
  return IOStatus::OK();
}

IOStatus DroppingFileSystem::RenameFile(const std::string& from, const std::string& to,
                                        const IOOptions& options, IODebugContext* debug) {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  IOStatus status = target()->RenameFile(from, to, options, debug);
  const std::lock_guard lock(mutex_);
  if (auto moved = files_.extract(from); status.ok() && !moved.empty()) {
    files_.insert_or_assign(to, moved.mapped());
  }
  return status;
}

IOStatus DroppingFileSystem::LinkFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, IODebugContext* debug) {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  IOStatus status = target()->LinkFile(from, to, options, debug);
  const std::lock_guard lock(mutex_);
  if (const auto linked = files_.find(from); status.ok() && linked != files_.end()) {
    files_.insert_or_assign(to, linked->second);
  }
  return status;
}

IOStatus DroppingFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                        IODebugContext* debug) {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  IOStatus status = target()->DeleteFile(name, options, debug);
  const std::lock_guard lock(mutex_);
  if (status.ok()) files_.erase(name);
  return status;
}

IOStatus DroppingFileSystem::before_append() {
  if (is_cut_) return IOStatus::IOError("the power is cut");
  const std::uint64_t number = ++appends_;
  if (failing_append_ == 0 || number < failing_append_) return IOStatus::OK();
  return IOStatus::NoSpace("injected ENOSPC");
}

IOStatus DroppingFileSystem::before_sync(const std::string& name) {
  const std::uint64_t number = ++syncs_;
  if (number == cutting_sync_) is_cut_ = true;
  if (is_cut_) return IOStatus::IOError("the power is cut");
  const bool fails = name.ends_with(".log") && fails_log_sync_.exchange(false);
  if (!fails && number != failing_sync_) return IOStatus::OK();
  IOStatus status = IOStatus::IOError("injected EIO");
  status.SetDataLoss(true);
  return status;
}

void DroppingFileSystem::note_size(const std::string& name, std::uint64_t written) {
  const std::lock_guard lock(mutex_);
  Sizes& sizes = files_[name];
  sizes.written = written;
  sizes.synced = std::min(sizes.synced, written);
}

void DroppingFileSystem::note_sync(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (overwritten_.erase(name) > 0) return;
  Sizes& sizes = files_[name];
  sizes.synced = sizes.written;
}

void DroppingFileSystem::note_overwrite(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::ostringstream held;
  held << std::ifstream(name, std::ios::binary).rdbuf();
  overwritten_[name].push_back(held.str());
}

}  // namespace emstore::testing
