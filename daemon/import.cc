#include "daemon/import.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "base/io_failure.h"
#include "base/pack.h"
#include "blobs/file.h"
#include "blobs/file_store.h"
#include "daemon/export.h"
#include "daemon/media_mark.h"
#include "daemon/new_file.h"
#include "daemon/opening.h"
#include "protocol/frame.h"
#include "store/import.h"
#include "store/row_bytes.h"
#include "store/verify.h"

namespace emstore::daemon {
namespace {

constexpr std::size_t kReadPieceBytes = 256u << 10;
constexpr std::size_t kRecordBytesMax = 64u << 20;
constexpr std::size_t kRecordDepthMax = 16;
constexpr const char* kUploadName = "import";

tl::unexpected<Error> broken(const std::string& what) {
  return failure(ErrorCode::corrupt_log, "the export " + what, "",
                 "export the store again; what was imported so far is no store: remove it");
}

// What was read of the stream. Bytes that cannot be read are no fault of a request.
template <typename T>
Result<T> sound(Result<T> read) {
  if (read) return read;
  return broken("is damaged: " + read.error().message);
}

template <std::size_t N>
Result<std::array<std::uint8_t, N>> take_digest(pack::Cursor& cursor) {
  EMSTORE_TRY(const std::string_view bytes, sound(cursor.binary()));
  if (bytes.size() != N)
    return broken("has a digest of " + std::to_string(bytes.size()) + " bytes");
  std::array<std::uint8_t, N> digest{};
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

// Of the map at the end.
struct End {
  Sequence sequence = 0;
  std::uint64_t blobs = 0, gone = 0, missing = 0;
  std::string store, root, state_digest;
  std::vector<IndexId> indexes;
};

std::string binary_at(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  return value != nullptr && value->if_binary() != nullptr ? value->if_binary()->data : "";
}

// 0 where it does not stand, as in streams of before.
std::uint64_t count_at(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  const std::int64_t* count = value == nullptr ? nullptr : value->if_integer();
  return count == nullptr ? 0 : static_cast<std::uint64_t>(*count);
}

Result<End> end_of(const Value& value) {
  const Map* map = value.if_map();
  const Value* sequence = map == nullptr ? nullptr : map->find("sequence");
  const Value* blobs = map == nullptr ? nullptr : map->find("blobs");
  const Value* indexes = map == nullptr ? nullptr : map->find("indexes");
  const bool fits = sequence != nullptr && sequence->if_integer() != nullptr && blobs != nullptr &&
                    blobs->if_integer() != nullptr && indexes != nullptr &&
                    indexes->if_list() != nullptr;
  if (!fits) return broken("has an end that is none");
  End end{static_cast<Sequence>(*sequence->if_integer()),
          static_cast<std::uint64_t>(*blobs->if_integer()),
          count_at(*map, "gone"),
          count_at(*map, "missing"),
          binary_at(*map, "store"),
          binary_at(*map, "root"),
          binary_at(*map, "state_digest"),
          {}};
  for (const Value& index : *indexes->if_list()) {
    if (index.if_integer() == nullptr) return broken("has an end that is none");
    end.indexes.push_back(IndexId{static_cast<std::uint32_t>(*index.if_integer())});
  }
  return end;
}

// A content of media that is being read, or whose file is elsewhere.
struct Content {
  Address address;
  std::uint64_t size = 0;
  Sha256 sha256{};
};

class Importing {
 public:
  Importing(const Config& config, const std::optional<std::filesystem::path>& beside)
      : config_(config), beside_(beside) {}

  Status read(const Source& source) {
    protocol::Cutter cutter(kRecordBytesMax, kRecordDepthMax);
    is_begun_ = false;
    end_.reset();
    while (true) {
      const auto record = cutter.next();
      if (!record && !is_begun_) return broken("does not begin like one");
      if (!record) {
        return broken("is damaged behind commit " + std::to_string(sequence()) + ": " +
                      record.error().message);
      }
      if (*record) {
        EMSTORE_CHECKED(take(**record));
        continue;
      }
      EMSTORE_TRY(const std::size_t count, source(cutter.space(kReadPieceBytes)));
      if (count == 0) break;
      cutter.filled(count);
    }
    if (!end_ || content_ || cutter.is_within_message())
      return broken("is cut off behind commit " + std::to_string(sequence()));
    return {};
  }

  Status finish() {
    if (!end_) return broken("is empty");
    EMSTORE_CHECKED(import_->finish(end_->indexes));
    import_.reset();
    files_.reset();
    return {};
  }

  const End& end() const { return *end_; }
  std::uint64_t blobs() const { return blobs_; }
  // Whether bytes may be missing that the store has use for, and those of which a stream says so.
  bool is_incomplete() const { return is_incomplete_; }
  const std::set<Address>& missing() const { return missing_; }

 private:
  Sequence sequence() const { return import_ ? import_->sequence() : 0; }

  Status take(std::string_view record) {
    pack::Cursor cursor(record);
    const auto parts = cursor.begin_list();
    const auto name = parts ? cursor.text() : Result<std::string_view>(failure(parts.error()));
    if (!name && !is_begun_) return broken("does not begin like one");
    if (!name) return broken("is damaged: " + name.error().message);
    if (end_) return broken("goes on behind its end");
    EMSTORE_CHECKED(is_begun_ ? take_named(*name, cursor) : begin(*name, *parts, cursor));
    return cursor.at_end() ? Status{} : broken("has a record with more than belongs there");
  }

  Status take_named(std::string_view name, pack::Cursor& cursor) {
    if (name == "missing") return take_missing(cursor);
    if (content_) return name == "bytes" ? take_bytes(cursor) : broken("lacks bytes of a media");
    if (name == "commit") return take_commit(cursor);
    if (name == "root") return take_root(cursor);
    if (name == "blob") return take_blob(cursor);
    if (name == "file") return take_file(cursor);
    if (name == "end") return take_end(cursor);
    return broken("has a record that this version does not know: " + std::string(name));
  }

  Status begin(std::string_view name, std::size_t parts, pack::Cursor& cursor) {
    if (name != kExportName || parts != 5) return broken("does not begin like one");
    EMSTORE_TRY(const std::uint64_t version, sound(cursor.unsigned_integer()));
    if (version != kExportVersion) {
      return failure(ErrorCode::unsupported_format,
                     "exports of version " + std::to_string(version) + " are not known here");
    }
    EMSTORE_TRY(const store::StoreId id, take_digest<std::tuple_size_v<store::StoreId>>(cursor));
    EMSTORE_TRY(const std::uint64_t from, sound(cursor.unsigned_integer()));
    EMSTORE_TRY(last_, sound(cursor.unsigned_integer()));
    if (from != sequence() + 1 || (import_ && id != id_)) {
      return broken("begins with commit " + std::to_string(from) +
                    ", or is another store's; commit " + std::to_string(sequence() + 1) +
                    " is due");
    }
    is_begun_ = true;
    blobs_of_stream_ = missing_of_stream_ = 0;
    if (import_) return {};
    id_ = id;
    const auto unsafe =
        config_.allow_memory ? store::UnsafeFileSystem::allow : store::UnsafeFileSystem::refuse;
    // One within the data directory is as empty as that has to be.
    if (!config_.media.empty()) EMSTORE_CHECKED(refuse_used_media(config_.media));
    EMSTORE_CHECKED(make_private_folder(config_.data));
    EMSTORE_TRY(import_, store::Import::begin(config_.data, config_.database, unsafe, id));
    EMSTORE_CHECKED(make_private_folder(config_.media_folder()));
    EMSTORE_TRY(blobs::FileStore files, blobs::FileStore::open(config_.media_folder()));
    files_ = std::make_unique<blobs::FileStore>(std::move(files));
    return {};
  }

  Status take_commit(pack::Cursor& cursor) {
    EMSTORE_TRY(const std::string_view commit, sound(cursor.binary()));
    EMSTORE_TRY(const Sha256 leaf, take_digest<std::tuple_size_v<Sha256>>(cursor));
    return import_->add(commit, leaf);
  }

  Status take_root(pack::Cursor& cursor) {
    EMSTORE_TRY(const std::uint64_t at, sound(cursor.unsigned_integer()));
    EMSTORE_TRY(const Sha256 root, take_digest<std::tuple_size_v<Sha256>>(cursor));
    if (at == sequence() && root == import_->root()) {
      marked_ = at;
      return {};
    }
    return failure(ErrorCode::corrupt_log,
                   "commits " + std::to_string(marked_ + 1) + " to " + std::to_string(sequence()) +
                       " are not those that were exported: the root of the log is another");
  }

  Result<Content> take_content(pack::Cursor& cursor) {
    EMSTORE_TRY(const std::string_view bytes, sound(cursor.binary()));
    EMSTORE_TRY(const std::uint64_t size, sound(cursor.unsigned_integer()));
    EMSTORE_TRY(const Sha256 sha256, take_digest<std::tuple_size_v<Sha256>>(cursor));
    const std::optional<Address> address = address_of_bytes(bytes);
    if (!address || address->is_file() != (size > kSmallBlobBytesMax)) {
      return broken("names bytes by an address that is none");
    }
    if (!import_->names(*address)) {
      return broken("has the bytes of " + to_string(*address) + ", which no commit names");
    }
    ++blobs_;
    ++blobs_of_stream_;
    return Content{*address, size, sha256};
  }

  Status take_blob(pack::Cursor& cursor) {
    EMSTORE_TRY(content_, take_content(cursor));
    return begin_content();
  }

  Status take_bytes(pack::Cursor& cursor) {
    EMSTORE_TRY(const std::string_view bytes, sound(cursor.binary()));
    EMSTORE_CHECKED(write(bytes));
    if (hasher_.digest().size < content_->size) return {};
    return end_content();
  }

  // In place of a content, or of the rest of its bytes.
  Status take_missing(pack::Cursor& cursor) {
    EMSTORE_TRY(const std::string_view bytes, sound(cursor.binary()));
    const std::optional<Address> address = address_of_bytes(bytes);
    if (!address || !import_->names(*address) || (content_ && content_->address != *address)) {
      return broken("says of bytes that they are missing, and none are due");
    }
    if (content_) {
      --blobs_of_stream_;
      drop_content();
    }
    missing_.insert(*address);
    ++missing_of_stream_;
    return {};
  }

  // From where a backup keeps it. What cannot be read there is left out like what is damaged, but
  // a folder that is not there is a mistake.
  Status take_file(pack::Cursor& cursor) {
    EMSTORE_TRY(content_, take_content(cursor));
    const Address address = content_->address;
    if (!beside_) return broken("leaves out media, and nobody says where they are");
    if (address.is_file() && files_->size(address)) {  // Named by an earlier stream too.
      drop_content();
      return {};
    }
    EMSTORE_CHECKED(begin_content());
    EMSTORE_TRY(const blobs::File file, open_beside(address));
    const Source source = source_of(file.descriptor(), std::string(blobs::media_file(address)));
    std::string piece(kReadPieceBytes, '\0');
    std::uint64_t taken = 0;
    while (file && taken <= content_->size) {
      const Result<std::size_t> count = source(piece);
      if (!count || *count == 0) break;
      EMSTORE_CHECKED(write(std::string_view(piece).substr(0, *count)));
      taken += *count;
    }
    return end_content();
  }

  // No file: there is none.
  Result<blobs::File> open_beside(const Address& address) const {
    const auto path = *beside_ / blobs::media_file(address);
    blobs::File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const int error = file ? 0 : errno;
    if (file || error == EIO) return file;
    std::error_code unknown;
    if (error != ENOENT) return io_failure(error, "open", path);
    if (std::filesystem::exists(*beside_, unknown)) return file;
    return failure(ErrorCode::invalid_request, "there is no directory " + beside_->string(), "",
                   "put the media of the backup there, or mount what they lie on");
  }

  std::filesystem::path upload_path() const { return files_->root() / "uploads" / kUploadName; }

  Status begin_content() {
    hasher_ = ContentHasher();
    small_.clear();
    if (!content_->address.is_file()) return {};
    const auto path = upload_path();
    upload_ = blobs::File(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    return upload_ ? Status{} : io_failure(errno, "create", path);
  }

  Status write(std::string_view bytes) {
    hasher_.update(bytes);
    if (upload_) return write_all(upload_.descriptor(), bytes, upload_path());
    small_ += bytes;
    return {};
  }

  void drop_content() {
    content_.reset();
    --blobs_;
    if (!upload_) return;
    upload_ = blobs::File();
    ::unlink(upload_path().c_str());
  }

  // A backup is all there is: what of it is damaged costs nothing else. An export can be made anew.
  Status lose(const Address& address) {
    missing_.insert(address);
    drop_content();
    return {};
  }

  // To the very place that the log names.
  Status end_content() {
    const Content content = *content_;
    const ContentDigest digest = hasher_.digest();
    if (digest != ContentDigest{content.address.digest, content.sha256, content.size}) {
      if (beside_) return lose(content.address);
      return failure(ErrorCode::corrupt_blob, "the bytes of " + to_string(content.address) +
                                                  " are not those of the address");
    }
    content_.reset();
    if (!upload_) return import_->add_bytes(content.address, content.sha256, std::move(small_));
    upload_ = blobs::File();
    const Result<blobs::Stored> stored =
        files_->adopt(kUploadName, digest, {{content.address.ordinal, content.sha256}});
    if (!stored) return failure(stored.error());
    return {};
  }

  Status take_end(pack::Cursor& cursor) {
    EMSTORE_TRY(const std::string_view bytes, sound(cursor.raw()));
    EMSTORE_TRY(const Sha256 digest, take_digest<std::tuple_size_v<Sha256>>(cursor));
    if (sha256(bytes) != digest) return broken("has an end that was altered");
    EMSTORE_TRY(const Value value, sound(pack::read(bytes)));
    EMSTORE_TRY(End end, end_of(value));
    if (end.store != as_bytes(id_) || end.blobs != blobs_of_stream_ ||
        end.missing != missing_of_stream_) {
      return broken("ends as another one than it began: store " + to_hex(end.store) + " with " +
                    std::to_string(end.blobs) + " contents of media");
    }
    if (end.sequence != last_) {
      return broken("ends at commit " + std::to_string(end.sequence) + " and began as one up to " +
                    std::to_string(last_));
    }
    if (end.sequence != sequence() || end.root != as_bytes(import_->root())) {
      return broken("ends at commit " + std::to_string(sequence()) + ", not at " +
                    std::to_string(end.sequence) + " with the root it says");
    }
    is_incomplete_ = is_incomplete_ || end.gone > 0 || !missing_.empty();
    end_ = std::move(end);
    return {};
  }

  const Config& config_;
  const std::optional<std::filesystem::path>& beside_;
  store::StoreId id_{};
  std::unique_ptr<store::Import> import_;
  std::unique_ptr<blobs::FileStore> files_;
  bool is_begun_ = false;  // The stream that is being read.
  std::optional<End> end_;
  Sequence last_ = 0;  // Of the stream, as it says at its beginning.
  Sequence marked_ = 0;
  std::optional<Content> content_;
  blobs::File upload_;  // Of a large one; the bytes of a small one stand in `small_`.
  std::string small_;
  ContentHasher hasher_;
  std::uint64_t blobs_ = 0, blobs_of_stream_ = 0, missing_of_stream_ = 0;
  std::set<Address> missing_;
  bool is_incomplete_ = false;
};

// Nobody waits for a write that may have happened: what is there is no store.
Error of_no_store(Error error, const Config& config) {
  if (error.code == ErrorCode::outcome_unknown) {
    std::error_code unknown;
    const std::uintmax_t room = std::filesystem::space(config.data, unknown).available;
    error.code = room < config.free_bytes_min ? ErrorCode::disk_full : ErrorCode::io_failed;
  }
  if (error.code == ErrorCode::disk_full) {
    error.hint = "make room, or use another disk; remove the directory, and do it again";
  }
  return error;
}

// Of which contents that nobody has collected there are no bytes, `missing` those that were
// damaged.
Status look_for_bytes(const Config& config, const store::View& view,
                      const std::set<Address>& missing, ImportReport& report) {
  EMSTORE_TRY(const blobs::FileStore files, blobs::FileStore::open(config.media_folder()));
  Status looked;
  const auto look = [&](std::string_view key, std::string_view bytes) -> Status {
    const std::optional<Address> address = address_of_bytes(key);
    if (!address) return failure(ErrorCode::corrupt_index, "a row of contents without an address");
    EMSTORE_TRY(const store::BlobRow row, store::decode_blob(bytes));
    if (row.collected_at != 0) return {};
    if (address->is_file() && files.size(*address)) return {};
    if (!address->is_file()) {
      EMSTORE_TRY(const auto small, view.reader->get(store::Family::bytes, std::string(key)));
      if (small) return {};
    }
    if (missing.contains(*address)) {
      report.damaged.push_back(*address);
    } else {
      ++report.collected;
    }
    return {};
  };
  EMSTORE_CHECKED(view.reader->scan(store::Family::blobs, store::KeyRange{},
                                    [&](std::string_view key, std::string_view bytes) {
                                      looked = look(key, bytes);
                                      return looked.has_value();
                                    }));
  return looked;
}

Result<ImportReport> made_of(const Config& config, const std::vector<Source>& streams,
                             const std::optional<std::filesystem::path>& beside, Log& log) {
  Importing importing(config, beside);
  for (const Source& stream : streams) EMSTORE_CHECKED(importing.read(stream));
  EMSTORE_CHECKED(importing.finish());
  EMSTORE_TRY(const OpenedStore opened, open_store(config, log));
  ImportReport report;
  report.blobs = importing.blobs();
  {
    const auto view = opened.store->view();
    report.sequence = view->sequence;
    report.root = view->root;
  }
  const std::string& expected = importing.end().state_digest;
  report.is_compared = !expected.empty();
  if (report.is_compared) {
    EMSTORE_TRY(report.state_digest, store::state_digest(*opened.store->view()));
    if (expected != as_bytes(report.state_digest)) {
      return failure(ErrorCode::corrupt_index,
                     "the state is " + to_hex(as_bytes(report.state_digest)) +
                         ", the export says " + to_hex(expected),
                     "", "export with the same version of emstore, or import with a newer one");
    }
  }
  while (true) {
    EMSTORE_TRY(const bool more, opened.store->work());
    if (!more) break;
  }
  // Where the stream names no index that is ready, all of them are filled only now.
  if (!report.is_compared) {
    EMSTORE_TRY(report.state_digest, store::state_digest(*opened.store->view()));
  }
  if (importing.is_incomplete()) {
    EMSTORE_CHECKED(look_for_bytes(config, *opened.store->view(), importing.missing(), report));
  }
  EMSTORE_CHECKED(claim_media(config, opened));
  EMSTORE_CHECKED(opened.store->close());
  return report;
}

}  // namespace

Source source_of(int descriptor, std::string name) {
  return [descriptor, name = std::move(name)](std::span<char> into) -> Result<std::size_t> {
    while (true) {
      const ssize_t count = ::read(descriptor, into.data(), into.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) {
        return failure(ErrorCode::io_failed,
                       "cannot read " + name + ": " + std::generic_category().message(errno));
      }
    }
  };
}

Source source_of(const std::filesystem::path& path) {
  return
      [path, file = std::make_shared<blobs::File>()](std::span<char> into) -> Result<std::size_t> {
        if (!*file) *file = blobs::File(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!*file) return io_failure(errno, "open", path);
        EMSTORE_TRY(const std::size_t count, source_of(file->descriptor(), path.string())(into));
        if (count == 0) *file = blobs::File();
        return count;
      };
}

Result<ImportReport> import_store(const Config& config, const std::vector<Source>& streams,
                                  const std::optional<std::filesystem::path>& beside, Log& log) {
  Result<ImportReport> made = made_of(config, streams, beside, log);
  if (!made) return failure(of_no_store(std::move(made.error()), config));
  return made;
}

}  // namespace emstore::daemon
