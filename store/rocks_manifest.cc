#include "store/rocks_manifest.h"

#include <charconv>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

namespace emstore::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::string_view kNote = "manifest.synced";

class Manifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<rocksdb::FSWritableFile> file, std::filesystem::path path,
           rocksdb::FileSystem& files)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), files_(files) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    return counted(data.size(), target()->Append(data, options, debug));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& checksum, IODebugContext* debug) override {
    return counted(data.size(), target()->Append(data, options, checksum, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return noted(target()->Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return noted(target()->Fsync(options, debug));
  }

 private:
  IOStatus counted(std::uint64_t bytes, IOStatus status) {
    if (status.ok()) bytes_ += bytes;
    return status;
  }

  IOStatus noted(IOStatus synced) {
    if (!synced.ok()) return synced;
    const std::string note = path_.filename().string() + " " + std::to_string(bytes_) + "\n";
    const std::string name = (path_.parent_path() / kNote).string();
    return rocksdb::status_to_io_status(rocksdb::WriteStringToFile(&files_, note, name, true));
  }

  std::filesystem::path path_;
  rocksdb::FileSystem& files_;
  std::uint64_t bytes_ = 0;
};

class NotingManifests final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "NotingManifests"; }
  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    IOStatus status = target()->NewWritableFile(name, options, file, debug);
    const std::filesystem::path path(name);
    const bool is_manifest = path.filename().string().starts_with("MANIFEST-");
    if (!status.ok() || !is_manifest) return status;
    *file = std::make_unique<Manifest>(std::move(*file), path, *target());
    return status;
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> noting_manifests(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<NotingManifests>(std::move(files));
}

std::optional<std::uint64_t> synced_bytes(const std::filesystem::path& manifest) {
  std::string note;
  std::ifstream file(manifest.parent_path() / kNote, std::ios::binary);
  if (!std::getline(file, note) || file.eof()) return std::nullopt;  // Torn before its line feed.
  const std::string begin = manifest.filename().string() + " ";
  if (!note.starts_with(begin)) return std::nullopt;
  std::uint64_t bytes = 0;
  const char* const end = note.data() + note.size();
  const auto [read, error] = std::from_chars(note.data() + begin.size(), end, bytes);
  if (error != std::errc() || read != end) return std::nullopt;
  return bytes;
}

}  // namespace emstore::store
