#include "store/rocks_room.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace emstore::store {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr std::array<char, std::size_t{32} << 10> kZeros{};
static_assert(kRoomBytes % kZeros.size() == 0);

// Of an append that is worth a sync of the size: as much again in zeros would cost more.
constexpr std::size_t kLargeBytes = kRoomBytes / 8;

class RoomyLog final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  explicit RoomyLog(std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    return appended(data.size(), target()->Append(data, options, debug), options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& checksum, IODebugContext* debug) override {
    return appended(data.size(), target()->Append(data, options, checksum, debug), options, debug);
  }
  // Also where the log has outgrown its room: the file below counts that as written, and would end
  // there. Left behind, the zeros would do no harm.
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    if (room_end_ > 0) static_cast<void>(target()->Truncate(size_, options, debug));
    return target()->Close(options, debug);
  }

 private:
  IOStatus appended(std::uint64_t bytes, IOStatus status, const IOOptions& options,
                    IODebugContext* debug) {
    if (!status.ok()) return status;
    size_ += bytes;
    if (size_ > room_end_ && has_room_ && bytes < kLargeBytes) make_room(options, debug);
    return status;
  }

  // Appends go on where the last one ended: this one has a place of its own.
  void make_room(const IOOptions& options, IODebugContext* debug) {
    for (std::size_t made = 0; has_room_ && made < kRoomBytes; made += kZeros.size()) {
      const rocksdb::Slice zeros(kZeros.data(), kZeros.size());
      has_room_ = target()->PositionedAppend(zeros, size_ + made, options, debug).ok();
    }
    room_end_ = size_ + kRoomBytes;  // Where it failed, a part may be there.
  }

  std::uint64_t size_ = 0;
  std::uint64_t room_end_ = 0;
  bool has_room_ = true;
};

class LogsWithRoom final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "LogsWithRoom"; }
  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok() && std::string_view(name).ends_with(".log")) {
      *file = std::make_unique<RoomyLog>(std::move(*file));
    }
    return status;
  }
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> logs_with_room(
    const std::shared_ptr<rocksdb::FileSystem>& files) {
  return std::make_shared<LogsWithRoom>(files);
}

}  // namespace emstore::store
