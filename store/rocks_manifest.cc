#include "store/rocks_manifest.h"

#include <fstream>
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
constexpr std::size_t kSlots = 2;
constexpr std::size_t kSlotBytes = 4'096;
constexpr std::size_t kNoteBytes = 512;  // A sector: a disk writes it whole or not at all.
constexpr std::size_t kCheckedBytes = kNoteBytes - sizeof(std::uint64_t);

std::filesystem::path notes_beside(const std::filesystem::path& manifest) {
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

// Both slots; what the file lacks is zeros.
Result<std::string> read_notes(const std::filesystem::path& path) {
  std::string bytes(kSlots * kSlotBytes, '\0');
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return bytes;
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.is_open() || file.bad()) {
    return failure(ErrorCode::io_failed, "cannot read " + path.string());
  }
  return bytes;
}

std::string note_in(const std::string& notes, std::size_t slot) {
  return notes.substr(slot * kSlotBytes, kNoteBytes);
}

// Nothing when the note is none, or of another manifest.
std::optional<std::uint64_t> size_in(const std::string& note,
                                     const std::filesystem::path& manifest) {
  BytesReader reader(note);
  reader.take(kMagic.size());
  const auto size = reader.integer<std::uint64_t>();
  if (note != note_bytes(manifest, size)) return std::nullopt;
  return size;
}

class NotedManifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  // `before`: what is in the slot.
  NotedManifest(std::unique_ptr<rocksdb::FSWritableFile> file, std::filesystem::path path,
                std::unique_ptr<rocksdb::FSRandomRWFile> notes, std::size_t slot,
                std::string before)
      : FSWritableFileOwnerWrapper(std::move(file)),
        path_(std::move(path)),
        notes_(std::move(notes)),
        slot_at_(slot * kSlotBytes),
        note_(std::move(before)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (!failed_.ok()) return failed_;
    return appended(data.size(), target()->Append(data, options, debug), options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& checksum, IODebugContext* debug) override {
    if (!failed_.ok()) return failed_;
    return appended(data.size(), target()->Append(data, options, checksum, debug), options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (!failed_.ok()) return failed_;
    return synced(target()->Sync(options, debug), options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (!failed_.ok()) return failed_;
    return synced(target()->Fsync(options, debug), options, debug);
  }

 private:
  IOStatus appended(std::uint64_t bytes, IOStatus status, const IOOptions& options,
                    IODebugContext* debug) {
    if (!status.ok()) return take_back(std::move(status), options, debug);
    size_ += bytes;
    return status;
  }

  IOStatus synced(IOStatus status, const IOOptions& options, IODebugContext* debug) {
    if (!status.ok()) return take_back(std::move(status), options, debug);
    std::string note = note_bytes(path_, size_);
    status = write_note(note, options, debug);
    if (!status.ok() && write_note(note_, options, debug).ok()) {
      return take_back(std::move(status), options, debug);
    }
    if (!status.ok()) return failed_ = std::move(status);  // What it notes must not be cut off.
    note_ = std::move(note);
    noted_size_ = size_;
    return status;
  }

  IOStatus write_note(const std::string& note, const IOOptions& options, IODebugContext* debug) {
    IOStatus status = notes_->Write(slot_at_, note, options, debug);
    return status.ok() ? notes_->Sync(options, debug) : status;
  }

  // As far as the disk still does what it is told: where it does not, the note tells the next
  // start.
  IOStatus take_back(IOStatus why, const IOOptions& options, IODebugContext* debug) {
    failed_ = std::move(why);
    if (target()->Truncate(noted_size_, options, debug).ok()) {
      static_cast<void>(target()->Sync(options, debug));
    }
    return failed_;
  }

  std::filesystem::path path_;
  std::unique_ptr<rocksdb::FSRandomRWFile> notes_;
  std::uint64_t slot_at_;
  std::string note_;
  std::uint64_t size_ = 0;
  std::uint64_t noted_size_ = 0;
  IOStatus failed_;  // From then on.
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
    const std::string notes_name = notes_beside(path).string();
    IOStatus status = target()->FileExists(notes_name, options.io_options, debug);
    if (status.IsNotFound()) status = make_notes(notes_name);
    std::unique_ptr<rocksdb::FSRandomRWFile> notes;
    if (status.ok()) status = target()->NewRandomRWFile(notes_name, options, &notes, debug);
    if (!status.ok()) return status;
    const auto held = read_notes(notes_name);
    if (!held) return IOStatus::IOError(held.error().message);
    status = target()->NewWritableFile(name, options, file, debug);
    if (!status.ok()) return status;
    const std::filesystem::path current = current_manifest(path.parent_path());
    const std::size_t slot = size_in(note_in(*held, 0), current) ? 1 : 0;
    *file = std::make_unique<NotedManifest>(std::move(*file), path, std::move(notes), slot,
                                            note_in(*held, slot));
    return status;
  }

 private:
  IOStatus make_notes(const std::string& name) {
    const std::string of_none(kSlots * kSlotBytes, '\0');
    return rocksdb::status_to_io_status(
        rocksdb::WriteStringToFile(target(), of_none, name, /*should_sync=*/true));
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> noting_manifests(
    const std::shared_ptr<rocksdb::FileSystem>& files) {
  return std::make_shared<NotingManifests>(files);
}

std::filesystem::path current_manifest(const std::filesystem::path& folder) {
  std::string name;
  std::ifstream current(folder / "CURRENT");
  std::getline(current, name);
  std::error_code error;
  const std::filesystem::path path = folder / name;
  return !name.empty() && std::filesystem::exists(path, error) ? path : std::filesystem::path();
}

Result<std::optional<std::uint64_t>> noted_bytes(const std::filesystem::path& manifest) {
  EMSTORE_TRY(const std::string notes, read_notes(notes_beside(manifest)));
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    if (const auto size = size_in(note_in(notes, slot), manifest)) return size;
  }
  return std::nullopt;
}

}  // namespace emstore::store
