#include "store/rocks_shortened.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace emstore::store {
namespace {

class ShortenedFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  ShortenedFile(std::unique_ptr<rocksdb::FSSequentialFile> file, std::uint64_t bytes)
      : FSSequentialFileOwnerWrapper(std::move(file)), left_(bytes) {}

  rocksdb::IOStatus Read(std::size_t size, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* debug) override {
    const std::size_t most = std::min<std::uint64_t>(size, left_);
    rocksdb::IOStatus status = target()->Read(most, options, result, scratch, debug);
    if (status.ok()) left_ -= result->size();
    return status;
  }
  rocksdb::IOStatus Skip(std::uint64_t size) override {
    const std::uint64_t most = std::min(size, left_);
    left_ -= most;
    return target()->Skip(most);
  }

 private:
  std::uint64_t left_;
};

class ShortenedFiles final : public rocksdb::FileSystemWrapper {
 public:
  ShortenedFiles(const std::shared_ptr<rocksdb::FileSystem>& files, std::vector<TornEnd> ends)
      : FileSystemWrapper(files), ends_(std::move(ends)) {}

  const char* Name() const override { return "ShortenedFiles"; }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewSequentialFile(name, options, file, debug);
    const TornEnd* end = end_of(name);
    if (status.ok() && end) *file = std::make_unique<ShortenedFile>(std::move(*file), end->offset);
    return status;
  }
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                std::uint64_t* size, rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->GetFileSize(name, options, size, debug);
    const TornEnd* end = end_of(name);
    if (status.ok() && end) *size = end->offset;
    return status;
  }

 private:
  const TornEnd* end_of(const std::filesystem::path& path) const {
    const auto end = std::find_if(ends_.begin(), ends_.end(), [&path](const TornEnd& candidate) {
      return candidate.file.filename() == path.filename();
    });
    return end == ends_.end() ? nullptr : &*end;
  }

  std::vector<TornEnd> ends_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> shortened(const std::shared_ptr<rocksdb::FileSystem>& files,
                                               std::vector<TornEnd> ends) {
  return std::make_shared<ShortenedFiles>(files, std::move(ends));
}

}  // namespace emstore::store
