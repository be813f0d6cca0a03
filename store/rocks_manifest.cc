#include "store/rocks_manifest.h"

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/hash.h"

namespace emstore::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::string_view kNoteName = "manifest.synced";
constexpr std::string_view kMagic = "EMSNOTE1";
constexpr std::size_t kNoteBytes = 512;
constexpr std::size_t kCheckedBytes = kNoteBytes - sizeof(std::uint64_t);

std::filesystem::path note_of(const std::filesystem::path& manifest) {
  return manifest.parent_path() / kNoteName;
}

std::string note_bytes(const std::filesystem::path& manifest, std::uint64_t size) {
  std::string bytes(kMagic);
  append_big_endian(bytes, size);
  bytes += manifest.filename().string();
  EMSTORE_CHECK(bytes.size() < kCheckedBytes);
  bytes.resize(kCheckedBytes, '\0');
  append_big_endian(bytes, checksum64(bytes));
  return bytes;
}

class NotedManifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  NotedManifest(std::unique_ptr<rocksdb::FSWritableFile> file, std::filesystem::path path,
                std::unique_ptr<rocksdb::FSRandomRWFile> note)
      : FSWritableFileOwnerWrapper(std::move(file)),
        path_(std::move(path)),
        note_(std::move(note)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    return counted(data.size(), target()->Append(data, options, debug));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& checksum, IODebugContext* debug) override {
    return counted(data.size(), target()->Append(data, options, checksum, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus synced = target()->Sync(options, debug);
    return synced.ok() ? note(options, debug) : synced;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    const IOStatus synced = target()->Fsync(options, debug);
    return synced.ok() ? note(options, debug) : synced;
  }

 private:
  IOStatus counted(std::uint64_t bytes, IOStatus status) {
    if (status.ok()) size_ += bytes;
    return status;
  }

  IOStatus note(const IOOptions& options, IODebugContext* debug) {
    IOStatus noted = note_->Write(0, note_bytes(path_, size_), options, debug);
    if (noted.ok()) noted = note_->Sync(options, debug);
    if (noted.ok()) {
      noted_size_ = size_;
    } else {
      // As far as the disk still takes it, the next start is to find what RocksDB goes by now.
      static_cast<void>(note_->Write(0, note_bytes(path_, noted_size_), options, debug));
    }
    return noted;
  }

  std::filesystem::path path_;
  std::unique_ptr<rocksdb::FSRandomRWFile> note_;
  std::uint64_t size_ = 0;
  std::uint64_t noted_size_ = 0;
};

class NotingManifests final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "NotingManifests"; }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    const std::filesystem::path path(name);
    if (!path.filename().string().starts_with("MANIFEST-")) {
      return target()->NewWritableFile(name, options, file, debug);
    }
    const std::string note_name = note_of(path).string();
    IOStatus status = target()->FileExists(note_name, options.io_options, debug);
    if (status.IsNotFound()) status = make_note(note_name);
    std::unique_ptr<rocksdb::FSRandomRWFile> note;
    if (status.ok()) status = target()->NewRandomRWFile(note_name, options, &note, debug);
    if (status.ok()) status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok()) {
      *file = std::make_unique<NotedManifest>(std::move(*file), path, std::move(note));
    }
    return status;
  }

 private:
  IOStatus make_note(const std::string& name) {
    const std::string of_none(kNoteBytes, '\0');
    return rocksdb::status_to_io_status(
        rocksdb::WriteStringToFile(target(), of_none, name, /*should_sync=*/true));
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> noting_manifests(std::shared_ptr<rocksdb::FileSystem> files) {
  return std::make_shared<NotingManifests>(std::move(files));
}

std::filesystem::path current_manifest(const std::filesystem::path& folder) {
  std::string name;
  std::ifstream current(folder / "CURRENT");
  std::getline(current, name);
  std::error_code error;
  const std::filesystem::path path = folder / name;
  return !name.empty() && std::filesystem::exists(path, error) ? path : std::filesystem::path();
}

std::optional<std::uint64_t> noted_bytes(const std::filesystem::path& manifest) {
  std::ifstream file(note_of(manifest), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  BytesReader reader(bytes);
  reader.take(kMagic.size());
  const auto size = reader.integer<std::uint64_t>();
  if (!reader.good() || bytes != note_bytes(manifest, size)) return std::nullopt;
  return size;
}

}  // namespace emstore::store
