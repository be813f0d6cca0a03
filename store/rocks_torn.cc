#include "store/rocks_torn.h"

#include <fcntl.h>
#include <rocksdb/file_checksum.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/big_endian.h"
#include "base/io_failure.h"
#include "store/rocks_manifest.h"

namespace emstore::store {
namespace {

constexpr std::size_t kBlockBytes = 32'768;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kTypeAt = 6;
// What a disk writes whole or not at all.
constexpr std::size_t kSectorBytes = 512;

enum class PieceType : std::uint8_t { full = 1, first = 2, middle = 3, last = 4 };

struct Header {
  PieceType type;
  std::size_t length;  // Of what follows it.
};

struct Piece {
  PieceType type;
  std::size_t bytes;  // With its header.
  bool is_whole;
};

std::uint32_t little_endian(std::string_view bytes) {
  return big_endian<std::uint32_t>(std::string(bytes.rbegin(), bytes.rend()));
}

// Masked, as a header has it, so that bytes which hold a CRC are no special case.
std::uint32_t masked_crc(rocksdb::FileChecksumGenFactory& crcs, std::string_view bytes) {
  const auto generator = crcs.CreateFileChecksumGenerator(rocksdb::FileChecksumGenContext());
  generator->Update(bytes.data(), bytes.size());
  generator->Finalize();
  const auto crc = big_endian<std::uint32_t>(generator->GetChecksum());
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

bool is_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// Whether a sector that the bytes from `begin` to `end` share in holds zeros only, from there on.
bool has_zero_sector(std::string_view block, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end;) {
    const std::size_t next = (at / kSectorBytes + 1) * kSectorBytes;
    if (is_zero(block.substr(at, next - at))) return true;
    at = next;
  }
  return false;
}

// One file, block by block.
class Walk {
 public:
  void add(std::string_view block) {
    has_zeros_only_behind_ = has_zeros_only_behind_ && is_zero(block);
    for (std::size_t at = 0; at < block.size();) {
      const std::string_view rest = block.substr(at);
      const bool is_padding = block.size() == kBlockBytes && rest.size() < kHeaderBytes;
      if (is_padding) break;
      const auto piece = piece_of(rest);
      // Without a length the rest of the block tells nothing, and its zeros may be room.
      const std::size_t end = piece ? at + piece->bytes : block.size();
      const std::size_t torn_end = piece ? end : std::min(at + kHeaderBytes, block.size());
      if (piece && piece->is_whole) {
        const bool begins = piece->type == PieceType::full || piece->type == PieceType::first;
        has_record_behind_ = has_record_behind_ || (broken_at_ && begins);
        is_in_record_ = piece->type == PieceType::first || piece->type == PieceType::middle;
      } else if (!broken_at_) {
        broken_at_ = size_ + at;
        has_zeros_only_behind_ = is_zero(rest);
        has_hole_ = has_zero_sector(block, at, torn_end);
        is_longer_than_file_ = block.size() < kBlockBytes && is_longer_than(rest);
      }
      at = end;
    }
    size_ += block.size();
  }

  // Where the first piece begins that is not whole.
  std::optional<std::uint64_t> broken_at() const { return broken_at_; }
  bool has_hole() const { return has_hole_; }
  bool has_record_behind() const { return has_record_behind_; }
  // All that is wrong is that the file ends in the middle of a piece.
  bool is_cut_short() const { return is_longer_than_file_ && !has_hole_ && !has_record_behind_; }
  // Behind whole records it is zeros: room (rocks_room.h), or a record of which nothing reached the
  // disk.
  bool ends_in_room() const { return has_zeros_only_behind_ && !is_in_record_; }
  std::uint64_t size() const { return size_; }

 private:
  static std::optional<Header> header_of(std::string_view rest) {
    if (rest.size() < kHeaderBytes) return std::nullopt;
    const auto type = static_cast<PieceType>(rest[kTypeAt]);
    if (type < PieceType::full || type > PieceType::last) return std::nullopt;
    return Header{type, little_endian(rest.substr(kLengthAt, 2))};
  }

  static bool is_longer_than(std::string_view rest) {
    const auto header = header_of(rest);
    return rest.size() < kHeaderBytes || (header && kHeaderBytes + header->length > rest.size());
  }

  // Nothing where there is no header, or one whose piece does not fit.
  std::optional<Piece> piece_of(std::string_view rest) const {
    const auto header = header_of(rest);
    if (!header || is_longer_than(rest)) return std::nullopt;
    const std::uint32_t crc = masked_crc(*crcs_, rest.substr(kTypeAt, 1 + header->length));
    return Piece{header->type, kHeaderBytes + header->length,
                 crc == little_endian(rest.substr(0, kLengthAt))};
  }

  std::shared_ptr<rocksdb::FileChecksumGenFactory> crcs_ =
      rocksdb::GetFileChecksumGenCrc32cFactory();
  std::uint64_t size_ = 0;  // Of the blocks that were added.
  std::optional<std::uint64_t> broken_at_;
  bool has_hole_ = false;
  bool has_zeros_only_behind_ = false;  // Where it is broken, and from there on.
  bool is_in_record_ = false;           // After the last whole piece.
  bool has_record_behind_ = false;
  bool is_longer_than_file_ = false;
};

// Empty when there is none. One that was begun is the newest, though nothing be in it yet: those
// before it are closed.
Result<std::filesystem::path> newest_log(const std::filesystem::path& folder) {
  std::filesystem::path newest;
  std::uint64_t newest_number = 0;
  std::error_code error;
  std::filesystem::directory_iterator file(folder, error);
  for (; !error && file != std::filesystem::directory_iterator(); file.increment(error)) {
    const std::string name = file->path().filename().string();
    std::uint64_t number = 0;
    const auto [end, _] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_log = std::string_view(end) == ".log";
    if (!is_log || (!newest.empty() && number < newest_number)) continue;
    newest = file->path();
    newest_number = number;
  }
  if (!error) return newest;
  return failure(ErrorCode::io_failed, "cannot list " + folder.string() + ": " + error.message());
}

Result<Walk> walk(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string block(kBlockBytes, '\0');
  Walk walk;
  while (file.read(block.data(), kBlockBytes) || file.gcount() > 0) {
    walk.add(std::string_view(block).substr(0, static_cast<std::size_t>(file.gcount())));
  }
  if (file.eof()) return walk;
  return failure(ErrorCode::io_failed, "cannot read " + path.string());
}

tl::unexpected<Error> damaged(const std::filesystem::path& path, std::uint64_t at,
                              std::string_view why) {
  return failure(ErrorCode::corrupt_log, path.string() + " is damaged at byte " +
                                             std::to_string(at) + ": " + std::string(why));
}

Result<std::optional<TornEnd>> torn_end_of_log(const std::filesystem::path& path) {
  EMSTORE_TRY(const Walk walked, walk(path));
  const bool is_whole = !walked.broken_at() || walked.ends_in_room();
  if (is_whole || walked.is_cut_short()) return std::nullopt;
  const std::uint64_t at = *walked.broken_at();
  if (!walked.has_hole() || walked.has_record_behind()) {
    return damaged(path, at, "no power cut leaves it like that");
  }
  return TornEnd{path, at, walked.size() - at};
}

// Without a note nobody knows what was on disk: then no part of it is dropped.
Result<std::optional<TornEnd>> torn_end_of_manifest(const std::filesystem::path& path) {
  EMSTORE_TRY(const Walk walked, walk(path));
  EMSTORE_TRY(const std::optional<std::uint64_t> noted, noted_bytes(path));
  const std::uint64_t whole = walked.broken_at().value_or(walked.size());
  if (!noted) {
    if (!walked.broken_at() || walked.is_cut_short()) return std::nullopt;
    return damaged(path, whole, "whether that part was on disk is not known");
  }
  if (whole < *noted) {
    return damaged(path, whole, std::to_string(*noted) + " bytes of it were on disk");
  }
  if (walked.size() == *noted) return std::nullopt;
  return TornEnd{path, *noted, walked.size() - *noted};
}

}  // namespace

Result<std::vector<TornEnd>> find_torn_ends(const std::filesystem::path& folder) {
  std::vector<TornEnd> ends;
  if (const auto manifest = current_manifest(folder); !manifest.empty()) {
    EMSTORE_TRY(const auto end, torn_end_of_manifest(manifest));
    if (end) ends.push_back(*end);
  }
  EMSTORE_TRY(const auto log, newest_log(folder));
  if (!log.empty()) {
    EMSTORE_TRY(const auto end, torn_end_of_log(log));
    if (end) ends.push_back(*end);
  }
  return ends;
}

Status cut_torn_end(const TornEnd& end) {
  const int file = ::open(end.file.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return io_failure(errno, "open", end.file);
  const bool is_cut = ::ftruncate(file, static_cast<off_t>(end.offset)) == 0;
  const int error = is_cut && ::fsync(file) == 0 ? 0 : errno;
  ::close(file);
  if (error == 0) return {};
  return is_cut ? sync_failure(error, end.file) : io_failure(error, "cut the end off", end.file);
}

Status sync_newest_log(rocksdb::FileSystem& files, const std::filesystem::path& folder) {
  EMSTORE_TRY(const auto log, newest_log(folder));
  if (log.empty()) return {};
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::IOStatus status = files.ReopenWritableFile(log.string(), {}, &file, nullptr);
  if (status.ok()) status = file->Fsync({}, nullptr);
  if (status.ok()) status = file->Close({}, nullptr);
  if (status.ok()) return {};
  return failure(ErrorCode::io_failed, "cannot sync " + log.string() + ": " + status.ToString());
}

}  // namespace emstore::store
