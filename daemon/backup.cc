#include "daemon/backup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <utility>

#include "base/io_failure.h"
#include "base/pack.h"
#include "daemon/export.h"
#include "daemon/media_check.h"
#include "daemon/new_file.h"
#include "daemon/opening.h"
#include "store/opening.h"

namespace emstore::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".emstore";
constexpr std::size_t kCopiedPieceBytes = 1u << 20;

// What is being written, in the folder itself: an interrupted backup leaves one of each at most.
constexpr const char* kLatestName = "latest";
constexpr const char* kUnfinishedLatest = "latest.new";
constexpr const char* kUnfinishedStream = "stream.new";
constexpr const char* kUnfinishedMedia = "media.new";

// Where the backup is: the last row of its contents. Without a state: begun, and none is complete.
struct Latest {
  store::StoreId store{};
  Sequence sequence = 0;
  Sha256 root{};
  Sha256 state_digest{};
  std::set<Address> missing = {};  // Contents that streams leave out and nobody had bytes of.

  bool is_complete() const { return state_digest != Sha256{}; }
};

std::string segment_name(Sequence from, Sequence to) {
  std::array<char, 48> name{};
  std::snprintf(name.data(), name.size(), "%020llu-%020llu", static_cast<unsigned long long>(from),
                static_cast<unsigned long long>(to));
  return std::string(name.data()) + std::string(kExtension);
}

Status write_latest(const fs::path& folder, const Latest& latest) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(latest.missing.empty() ? 4 : 5);
  writer.binary(as_bytes(latest.store));
  writer.unsigned_integer(latest.sequence);
  writer.binary(as_bytes(latest.root));
  writer.binary(as_bytes(latest.state_digest));
  if (!latest.missing.empty()) writer.begin_list(latest.missing.size());
  for (const Address& address : latest.missing) writer.binary(to_bytes(address));
  EMSTORE_TRY(NewFile file, NewFile::create(folder / kLatestName, folder / kUnfinishedLatest));
  EMSTORE_CHECKED(file.write(bytes));
  return file.finish();
}

template <std::size_t N>
bool take(pack::Cursor& cursor, std::array<std::uint8_t, N>& into) {
  const auto bytes = cursor.binary();
  if (!bytes || bytes->size() != N) return false;
  std::copy(bytes->begin(), bytes->end(), into.begin());
  return true;
}

bool take(pack::Cursor& cursor, std::set<Address>& into) {
  const auto count = cursor.begin_list();
  for (std::size_t left = count.value_or(0); left > 0; --left) {
    const auto bytes = cursor.binary();
    const auto address = bytes ? address_of_bytes(*bytes) : std::nullopt;
    if (!address) return false;
    into.insert(*address);
  }
  return count.has_value();
}

bool take(pack::Cursor& cursor, Latest& into) {
  const auto parts = cursor.begin_list();
  if (!parts || *parts < 4 || *parts > 5 || !take(cursor, into.store)) return false;
  const auto sequence = cursor.unsigned_integer();
  if (!sequence) return false;
  into.sequence = *sequence;
  if (!take(cursor, into.root) || !take(cursor, into.state_digest)) return false;
  return *parts == 4 || take(cursor, into.missing);
}

// Nothing where no backup is.
Result<std::optional<Latest>> read_latest(const fs::path& folder) {
  const fs::path path = folder / kLatestName;
  std::ifstream file(path, std::ios::binary);
  if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
  if (!file) return io_failure(errno, "open", path);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  pack::Cursor cursor(bytes);
  Latest latest;
  if (take(cursor, latest)) return latest;
  return failure(ErrorCode::corrupt_log, path.string() + " is damaged", "",
                 "make a backup in another directory, or restore an older one");
}

tl::unexpected<Error> not_ours(const fs::path& folder, const std::string& why) {
  return failure(ErrorCode::invalid_request, "the backup in " + folder.string() + " " + why,
                 "directory", "name another directory");
}

// Whether nothing is there but what a backup writes before anything else.
bool is_free(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename() != kUnfinishedLatest) return false;
  }
  return !error || error == std::errc::no_such_file_or_directory;
}

// The first commit that the backup lacks. Errors: invalid_request when it is none of this log.
Result<Sequence> first_to_add(const store::Store& store, const fs::path& folder) {
  EMSTORE_TRY(const std::optional<Latest> latest, read_latest(folder));
  if (!latest) {
    return is_free(folder) ? Result<Sequence>(1)
                           : not_ours(folder, "is none, and the directory not empty");
  }
  if (latest->store != store.id()) return not_ours(folder, "is another store's");
  const auto view = store.view();
  if (latest->sequence > view->sequence) {
    return not_ours(folder, "reaches to commit " + std::to_string(latest->sequence) +
                                ", beyond this log: it was rolled back");
  }
  EMSTORE_TRY(const Sha256 root, store::root_of(*view->reader, latest->sequence));
  if (root != latest->root) return not_ours(folder, "is of a log that went another way");
  return latest->sequence + 1;
}

class Backing {
 public:
  Backing(const store::Store& store, const blobs::FileStore& files, const fs::path& folder,
          const store::Progress& progress)
      : store_(store), files_(files), folder_(folder), progress_(progress) {}

  Status write(Export& exported, Sequence from) {
    EMSTORE_TRY(NewFile segment, NewFile::create(folder_ / segment_name(from, exported.sequence()),
                                                 folder_ / kUnfinishedStream));
    while (true) {
      EMSTORE_TRY(const std::string piece, exported.next());
      if (piece.empty()) break;
      EMSTORE_CHECKED(segment.write(piece));
      written_ += piece.size();
      EMSTORE_CHECKED(look());
    }
    for (const Address& address : exported.left_out()) EMSTORE_CHECKED(copy(address));
    return segment.finish();
  }

  // A content to its place beside the streams, or to those that are missing. What has a name there
  // is whole: nothing is overwritten.
  Status copy(const Address& address) {
    const fs::path path = folder_ / "media" / blobs::media_file(address);
    std::error_code error;
    if (fs::exists(path, error)) return {};
    EMSTORE_CHECKED(make_private_folder(path.parent_path()));
    EMSTORE_TRY(NewFile file, NewFile::create(path, folder_ / kUnfinishedMedia));
    ContentHasher hasher;
    std::uint64_t offset = 0;
    while (true) {
      const Result<std::string> piece = read(address, offset);
      if (!piece && !is_of_bytes(piece.error())) return failure(piece.error());
      if (!piece || piece->empty()) break;
      hasher.update(*piece);
      EMSTORE_CHECKED(file.write(*piece));
      offset += piece->size();
      media_bytes_ += piece->size();
      EMSTORE_CHECKED(look());
    }
    if (hasher.digest().xxh3 != address.digest) {
      media_bytes_ -= offset;
      // Also what is collected: a stream names it, and a restore must know that there is no file.
      const bool is_told = !missing_.insert(address).second;
      if (!is_told && !is_collected(store_, address)) damaged_.push_back(address);
      return {};
    }
    ++media_;
    return file.finish();
  }

  std::uint64_t media() const { return media_; }
  std::uint64_t media_bytes() const { return media_bytes_; }
  // Of all that was to be copied: what was not, and what of that nobody has collected.
  const std::set<Address>& missing() const { return missing_; }
  const std::vector<Address>& damaged() const { return damaged_; }

 private:
  Result<std::string> read(const Address& address, std::uint64_t offset) const {
    if (address.is_file()) return files_.read(address, offset, kCopiedPieceBytes);
    if (offset > 0) return std::string();
    const auto view = store_.view();
    EMSTORE_TRY(auto bytes, view->reader->get(store::Family::bytes, to_bytes(address)));
    return bytes ? std::move(*bytes) : std::string();
  }

  Status look() const {
    if (!progress_ || progress_(written_ + media_bytes_, 0)) return {};
    return failure(ErrorCode::cancelled, "cancelled; the backup is as it was before");
  }

  const store::Store& store_;
  const blobs::FileStore& files_;
  const fs::path& folder_;
  const store::Progress& progress_;
  std::uint64_t written_ = 0, media_ = 0, media_bytes_ = 0;
  std::set<Address> missing_;
  std::vector<Address> damaged_;
};

struct Segment {
  Sequence from = 0, to = 0;
  fs::path path;
};

// In order.
std::vector<Segment> segments_of(const fs::path& folder) {
  std::vector<Segment> segments;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != kExtension) continue;
    const std::string name = entry.path().filename().string();
    char* end = nullptr;
    const Sequence from = std::strtoull(name.c_str(), &end, 10);
    const Sequence to = *end == '-' ? std::strtoull(end + 1, nullptr, 10) : 0;
    if (from > 0) segments.push_back({from, to, entry.path()});
  }
  std::ranges::sort(segments, {}, &Segment::path);
  return segments;
}

// What a backup that did not come to its end has left. The stream of an empty store, which ends
// before its first commit, is none of that: the latest backup is made of it.
Status remove_unfinished(const fs::path& folder, Sequence from) {
  std::vector<fs::path> left{folder / kUnfinishedStream, folder / kUnfinishedMedia};
  for (Segment& segment : segments_of(folder)) {
    if (segment.from >= from && segment.to + 1 != from) left.push_back(std::move(segment.path));
  }
  for (const fs::path& path : left) {
    std::error_code error;
    fs::remove(path, error);
    if (error) return io_failure(error.value(), "remove", path);
  }
  return {};
}

}  // namespace

Result<Value> backup(const store::Store& store, const blobs::FileStore& files,
                     const fs::path& folder, const store::Progress& progress) {
  if (!folder.is_absolute()) {
    return failure(ErrorCode::invalid_request, "a backup goes to an absolute path", "directory");
  }
  EMSTORE_TRY(const Sequence from, first_to_add(store, folder));
  EMSTORE_CHECKED(make_private_folder(folder));
  EMSTORE_TRY(const std::unique_ptr<Export> exported,
              Export::begin(store, files, {.from = from, .until = {}, .has_files = false}));
  Latest latest{store.id(), exported->sequence(), exported->root(), {}};
  // First of all, so that the next one knows what this one may leave.
  EMSTORE_TRY(const std::optional<Latest> before, read_latest(folder));
  if (!before) EMSTORE_CHECKED(write_latest(folder, {store.id(), 0, store::Tree().root(), {}}));
  Backing backing(store, files, folder, progress);
  EMSTORE_CHECKED(remove_unfinished(folder, from));
  // A store without commits has a stream too.
  const bool is_more = from <= latest.sequence || !before || !before->is_complete();
  if (is_more) {
    EMSTORE_CHECKED(backing.write(*exported, from));
    latest.state_digest = exported->state_digest().value_or(Sha256{});
  } else {
    latest = *before;
  }
  const std::set<Address> missing_before = before ? before->missing : std::set<Address>();
  for (const Address& address : missing_before) EMSTORE_CHECKED(backing.copy(address));
  latest.missing = backing.missing();
  if (is_more || latest.missing != missing_before) EMSTORE_CHECKED(write_latest(folder, latest));
  Map made{{"directory", folder.string()},
           {"sequence", latest.sequence},
           {"root", to_hex(as_bytes(latest.root))},
           {"state_digest", to_hex(as_bytes(latest.state_digest))},
           {"commits", latest.sequence + 1 - from},
           {"media", backing.media()},
           {"media_bytes", backing.media_bytes()}};
  tell_damaged(made, backing.damaged());
  return made;
}

Result<ImportReport> restore(const Config& config, const fs::path& folder, Log& log) {
  EMSTORE_TRY(const std::optional<Latest> latest, read_latest(folder));
  if (!latest) {
    return failure(ErrorCode::invalid_request, "there is no backup in " + folder.string(), "",
                   "name a directory that `emstore backup` made");
  }
  if (!latest->is_complete()) {
    return failure(ErrorCode::invalid_request, "no backup in " + folder.string() + " was completed",
                   "", "make it again: `emstore backup " + folder.string() + "`");
  }
  std::vector<Source> streams;
  for (const Segment& segment : segments_of(folder)) {
    if (segment.to <= latest->sequence) streams.push_back(source_of(segment.path));
  }
  EMSTORE_TRY(const ImportReport report, import_store(config, streams, folder / "media", log));
  if (report.sequence == latest->sequence && report.root == latest->root &&
      report.state_digest == latest->state_digest) {
    return report;
  }
  return failure(ErrorCode::corrupt_log,
                 "what was restored ends at commit " + std::to_string(report.sequence) +
                     ", the backup says " + std::to_string(latest->sequence) +
                     " or another state: part of it is missing");
}

}  // namespace emstore::daemon
