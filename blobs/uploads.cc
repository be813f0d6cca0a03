#include "blobs/uploads.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "base/hash_pieces.h"
#include "blobs/descriptor.h"
#include "blobs/hashing.h"
#include "blobs/mime.h"
#include "blobs/picture.h"
#include "blobs/room.h"
#include "blobs/upload_name.h"

namespace emstore::blobs {
namespace {

constexpr mode_t kUploadMode = 0600;
// A smaller piece is hashed in less time than another thread takes to wake.
constexpr std::size_t kAsideBytesMin = 128 << 10;
// The disk begins to work this early on large content, or the sync at the end would wait for all of
// it.
constexpr std::uint64_t kWriteBackBytes = 4 << 20;
// So many bytes of an earlier run are hashed with each piece: more than it has, to be done with
// them some time, and few enough that nobody notices who waits for its thread.
constexpr std::uint64_t kCatchUpBytes = 4 << 20;

std::string bytes_text(std::uint64_t count) { return std::to_string(count) + " bytes"; }

std::int64_t micros_since(const timespec& then) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count() -
         (std::int64_t{then.tv_sec} * 1'000'000 + then.tv_nsec / 1'000);
}

struct Upload {
  explicit Upload(const UploadName& given) : name(given), file_name(to_string(given)) {}

  const UploadName name;
  const std::string file_name;

  std::mutex turn;  // Held by whoever uses what follows.
  bool ended = false;
  // Somebody uses all of it without the turn, and others nothing but `reached`: to complete it may
  // take long, and is no reason to hold them up.
  bool is_being_completed = false;
  std::weak_ptr<const void> claim;     // Of whoever is to complete it: nobody else uses it either.
  std::optional<Completed> completed;  // Until it is released; held by nobody.
  FileStore::Pin pin;                  // As long.
  std::weak_ptr<const void> hold;      // Of those who were told what it came to.
  std::chrono::steady_clock::time_point told;
  bool can_be_asked_again = true;
  // Opened once in a run and kept: the kernel reports a write-back that failed to a descriptor that
  // was open at the time.
  File file;
  std::atomic<std::uint64_t> reached = 0;  // Read without the turn.
  // Less than `reached` only after a restart or a failed write, until pieces have caught up or the
  // bytes are needed.
  std::uint64_t hashed = 0;
  std::uint64_t written_back = 0;
  ContentHasher hasher;
};

// What content is, and the first bytes that say so.
struct Looked {
  std::string first;
  std::string mime_type;
  std::optional<PictureSize> picture;
};

// For messages: what is passed has no name.
std::filesystem::path passed_file() { return "the file that was passed"; }

tl::unexpected<Error> source_changed() {
  return failure(ErrorCode::source_changed, "the file changed while it was read", "descriptor",
                 "store it again when nobody writes to it");
}

tl::unexpected<Error> unknown_upload(std::string_view token) {
  // What is no token is not repeated: it may be any bytes.
  if (!is_token(token))
    return failure(ErrorCode::upload_not_found, "that is no upload token", "token");
  return failure(ErrorCode::upload_not_found, "no upload " + std::string(token), "token");
}

// Whether somebody else completes it, or is to.
bool is_others(const Upload& upload, const Claim& own = {}) {
  if (upload.is_being_completed) return true;
  const Claim claim = upload.claim.lock();
  return claim && claim != own;
}

tl::unexpected<Error> being_completed() {
  return failure(ErrorCode::busy, "the upload is being completed", "token",
                 "wait for the answer to its blob.commit, or send that again");
}

}  // namespace

struct Uploads::State {
  // Shared because a call may still work on an upload that another call has just taken out of the
  // table.
  using Shared = std::shared_ptr<Upload>;

  FileStore& store;
  const UploadLimits limits;
  const std::string boot = this_boot();

  Room room;
  HashingAside hashing_aside;
  std::mutex sniffing;  // A sniffer serves one thread.
  Sniffer sniffer;

  std::mutex table_lock;  // Never held while waiting for an upload's turn.
  std::map<std::string, Shared, std::less<>> table;

  State(FileStore& file_store, const UploadLimits& given, Sniffer own_sniffer)
      : store(file_store),
        limits(given),
        room(store.system(), store.uploads(), store.root(), limits.free_bytes_min,
             limits.promised_elsewhere),
        sniffer(std::move(own_sniffer)) {}

  std::filesystem::path path_of(const std::string& file_name) const {
    return store.root() / "uploads" / file_name;
  }
  System& system() const { return store.system(); }

  Status recover();
  bool is_idle(const std::string& file_name) const;
  Status unlink(const std::string& file_name);
  Shared find(std::uint32_t uid, std::string_view token);
  std::vector<Shared> all();
  Status check_size(std::optional<std::uint64_t> size) const;
  Result<Admission> let_in(std::uint32_t uid, std::optional<std::uint64_t> size) const;
  Status check_end(const Upload& upload, std::uint64_t end) const;

  // For a caller that has the upload's turn.
  Status open_file(Upload& upload);
  Status append(Upload& upload, std::string_view bytes);
  Status hash_to(Upload& upload, std::uint64_t end, const Pace& pace = {});
  Result<Completed> finish(Upload& upload, const AskTaken& taken, const Pace& pace);
  Result<Completed> complete(Upload& upload, std::unique_lock<std::mutex>& turn,
                             const AskTaken& taken, const Pace& pace);
  void close(Upload& upload);
  Completed tell(Upload& upload) const;
  bool is_expired(const Upload& upload) const;
  void end(Upload& upload);

  // What a file that was passed comes to.
  std::string type_of(std::string_view first_bytes);
  Result<Looked> look(const File& file, const std::filesystem::path& path);
  Result<Completed> take_small(const File& source, std::uint64_t size);
  Result<std::optional<Stored>> find_stored(Upload& upload, const File& source, std::uint64_t size,
                                            const AskTaken& taken, const Pace& pace);
  Result<Completed> take_large(Upload& upload, const File& source, const SourceState& before,
                               const AskTaken& taken, const Pace& pace);
  Status write_piece(Upload& upload, std::string_view bytes);
};

Status Uploads::State::recover() {
  EMSTORE_TRY(const auto names, names_in(system(), store.uploads(), store.root() / "uploads"));
  for (const std::string& file_name : names) {
    const auto name = upload_name_of(file_name);
    if (!name) continue;  // Not ours.
    struct stat status {};
    const int answer =
        ::fstatat(store.uploads().descriptor(), file_name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
    // A second name would mean that a blob has these bytes: nobody may write to them again.
    const bool usable = answer == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
    if (!usable || name->boot != boot || is_idle(file_name)) {
      EMSTORE_CHECKED(unlink(file_name));
      continue;
    }
    // complete() may have been cut off after it had taken the right to write away.
    if (::fchmodat(store.uploads().descriptor(), file_name.c_str(), kUploadMode, 0) != 0) {
      return io_failure(errno, "set the mode of", path_of(file_name));
    }
    auto upload = std::make_shared<Upload>(*name);
    upload->reached = static_cast<std::uint64_t>(status.st_size);
    table.emplace(name->token, std::move(upload));
  }
  return {};
}

bool Uploads::State::is_idle(const std::string& file_name) const {
  struct stat status {};
  const int answer =
      ::fstatat(store.uploads().descriptor(), file_name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  return answer != 0 || micros_since(status.st_mtim) > limits.idle_micros_max;
}

Status Uploads::State::unlink(const std::string& file_name) {
  if (system().unlink(store.uploads().descriptor(), file_name.c_str()) == 0) return {};
  if (errno == ENOENT) return {};
  return io_failure(errno, "remove", path_of(file_name));
}

Uploads::State::Shared Uploads::State::find(std::uint32_t uid, std::string_view token) {
  const std::lock_guard lock(table_lock);
  const auto found = table.find(token);
  if (found == table.end() || found->second->name.uid != uid) return nullptr;
  return found->second;
}

std::vector<Uploads::State::Shared> Uploads::State::all() {
  std::vector<Shared> uploads;
  const std::lock_guard lock(table_lock);
  for (const auto& [token, upload] : table) uploads.push_back(upload);
  return uploads;
}

Status Uploads::State::check_size(std::optional<std::uint64_t> size) const {
  if (!size) return {};
  if (*size > limits.blob_bytes_max) {
    return failure(
        ErrorCode::blob_too_large,
        bytes_text(*size) + " are over the limit of " + bytes_text(limits.blob_bytes_max), "size");
  }
  return room.check(*size);
}

Result<Admission> Uploads::State::let_in(std::uint32_t uid,
                                         std::optional<std::uint64_t> size) const {
  EMSTORE_CHECKED(check_size(size));
  if (!size || !limits.admit) return Admission();
  return limits.admit(uid, *size);
}

Status Uploads::State::check_end(const Upload& upload, std::uint64_t end) const {
  if (upload.name.size && end > *upload.name.size) {
    return failure(ErrorCode::invalid_request,
                   "the piece ends at " + std::to_string(end) +
                       ", but the upload was announced with " + bytes_text(*upload.name.size),
                   "bytes", "send what was announced, or begin another upload");
  }
  if (end <= limits.blob_bytes_max) return {};
  return failure(ErrorCode::blob_too_large,
                 bytes_text(end) + " are over the limit of " + bytes_text(limits.blob_bytes_max),
                 "bytes");
}

Status Uploads::State::open_file(Upload& upload) {
  if (upload.file) return {};
  upload.file =
      File(system().open(store.uploads().descriptor(), upload.file_name.c_str(), O_RDWR, 0));
  if (!upload.file) return io_failure(errno, "open", path_of(upload.file_name));
  return {};
}

Status Uploads::State::append(Upload& upload, std::string_view bytes) {
  // First, so that a refusal costs nothing: the hash stays as it is.
  EMSTORE_CHECKED(room.check_piece(bytes.size()));
  const std::uint64_t reached = upload.reached;
  EMSTORE_CHECKED(hash_to(upload, std::min(upload.hashed + kCatchUpBytes, reached)));
  if (upload.hashed < reached) return write_piece(upload, bytes);
  const bool is_hashed_aside =
      bytes.size() >= kAsideBytesMin && hashing_aside.begin(upload.hasher, bytes);
  Status written = write_piece(upload, bytes);
  if (is_hashed_aside) hashing_aside.wait();
  if (!written) {
    // Not all that was hashed may have been written: what was is read again, when it is needed.
    upload.hasher = ContentHasher();
    upload.hashed = 0;
    return written;
  }
  if (!is_hashed_aside) upload.hasher.update(bytes);
  upload.hashed = upload.reached;
  return {};
}

Status Uploads::State::write_piece(Upload& upload, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = system().write(upload.file.descriptor(), bytes, upload.reached);
    if (count <= 0) return io_failure(count < 0 ? errno : EIO, "write", path_of(upload.file_name));
    upload.reached += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (upload.reached - upload.written_back >= kWriteBackBytes) {
    // Only a hint: a failure comes to light when complete() syncs.
    ::sync_file_range(upload.file.descriptor(), static_cast<off_t>(upload.written_back),
                      static_cast<off_t>(upload.reached - upload.written_back),
                      SYNC_FILE_RANGE_WRITE);
    upload.written_back = upload.reached;
  }
  return {};
}

Status Uploads::State::hash_to(Upload& upload, std::uint64_t end, const Pace& pace) {
  if (upload.hashed == end) return {};
  const auto path = path_of(upload.file_name);
  const auto take = [&](std::string_view piece) -> Status {
    upload.hasher.update(piece);
    upload.hashed += piece.size();
    return keep_pace(pace, piece.size(), path);
  };
  EMSTORE_TRY(const std::uint64_t read,
              read_pieces(system(), upload.file, upload.hashed, end, path, take));
  if (read == end) return {};
  return failure(ErrorCode::io_failed, path.string() + " has become shorter");
}

Result<Completed> Uploads::State::finish(Upload& upload, const AskTaken& taken, const Pace& pace) {
  EMSTORE_CHECKED(hash_to(upload, upload.reached, pace));
  const auto path = path_of(upload.file_name);
  EMSTORE_TRY(Looked looked, look(upload.file, path));
  Completed completed{upload.hasher.digest(), std::move(looked.mime_type), looked.picture, {}, {}};
  if (completed.digest.size > kSmallBlobBytesMax) {
    upload.pin = store.pin(completed.digest.xxh3);
    EMSTORE_TRY(const auto ordinals, taken(completed.digest.xxh3));
    EMSTORE_TRY(completed.file, store.adopt(upload.file_name, completed.digest, ordinals, pace));
    return completed;
  }
  static_assert(kSniffBytesMax >= kSmallBlobBytesMax, "the first bytes are then all of it");
  if (digest_of(looked.first) != completed.digest) {
    return failure(ErrorCode::corrupt_blob, path.string() + " reads otherwise than it was written");
  }
  completed.small = std::move(looked.first);
  return completed;
}

std::string Uploads::State::type_of(std::string_view first_bytes) {
  const std::lock_guard lock(sniffing);
  return sniffer.mime_type(first_bytes);
}

Result<Looked> Uploads::State::look(const File& file, const std::filesystem::path& path) {
  Looked looked;
  EMSTORE_TRY(looked.first, read_range(system(), file, 0, kSniffBytesMax, path));
  looked.mime_type = type_of(looked.first);
  EMSTORE_TRY(looked.picture,
              measure_picture(looked.mime_type, [&](std::uint64_t offset, std::size_t length) {
                return read_range(system(), file, offset, length, path);
              }));
  return looked;
}

Result<Completed> Uploads::State::take_small(const File& source, std::uint64_t size) {
  // One more would show that it has grown.
  EMSTORE_TRY(std::string bytes, read_range(system(), source, 0, size + 1, passed_file()));
  if (bytes.size() != size) return source_changed();
  std::string type = type_of(bytes);
  const auto picture = measure_picture(type, bytes);
  Completed completed{digest_of(bytes), std::move(type), picture, {}, {}};
  completed.small = std::move(bytes);
  return completed;
}

// Looks for equal bytes first: reading is many times as fast as writing.
Result<std::optional<Stored>> Uploads::State::find_stored(Upload& upload, const File& source,
                                                          std::uint64_t size, const AskTaken& taken,
                                                          const Pace& pace) {
  PiecesHasher hasher;
  const auto take = [&](std::string_view piece) -> Status {
    hasher.update(piece);
    return keep_pace(pace, piece.size(), passed_file());
  };
  EMSTORE_TRY(const std::uint64_t end, read_pieces(system(), source, 0, size, passed_file(), take));
  if (end < size) return source_changed();
  const Digest128 digest = hasher.digest();
  upload.pin = store.pin(digest);
  EMSTORE_TRY(const auto ordinals, taken(digest));
  return store.find(source, passed_file(), digest, size, ordinals, pace);
}

Result<Completed> Uploads::State::take_large(Upload& upload, const File& source,
                                             const SourceState& before, const AskTaken& taken,
                                             const Pace& pace) {
  const std::uint64_t size = before.size;
  EMSTORE_TRY(const std::optional<Stored> found, find_stored(upload, source, size, taken, pace));
  if (found) {
    // Byte by byte it was equal; but it may be no state that the file ever had.
    EMSTORE_CHECKED(check_unchanged(source, before));
    EMSTORE_TRY(const File stored, store.open_blob(found->address));
    EMSTORE_TRY(Looked looked, look(stored, to_string(found->address)));
    return Completed{found->digest, std::move(looked.mime_type), looked.picture, {}, found};
  }
  EMSTORE_TRY(Room::Promise promise, room.promise(size));
  const auto path = path_of(upload.file_name);
  Hashing hashing(system(), upload.file, path, pace);
  const auto take = [&](std::string_view piece) -> Status {
    EMSTORE_CHECKED(room.check_piece(piece.size()));
    EMSTORE_CHECKED(write_piece(upload, piece));
    promise.kept(piece.size());
    hashing.written(upload.reached);
    return keep_pace(pace, piece.size(), passed_file());
  };
  EMSTORE_TRY(const std::uint64_t end,
              read_pieces(system(), source, upload.reached, size, passed_file(), take));
  if (end < size) return source_changed();
  // Likewise: every byte is stored as it was read.
  EMSTORE_CHECKED(check_unchanged(source, before));
  EMSTORE_TRY(Looked looked, look(upload.file, path));
  // Beside the hashing, which takes as long; adopt() then finds little to sync.
  if (size >= kWriteBackBytes && system().sync_data(upload.file.descriptor()) != 0) {
    return sync_failure(errno, path);
  }
  EMSTORE_TRY(const ContentDigest digest, hashing.finish());
  Completed completed{digest, std::move(looked.mime_type), looked.picture, {}, {}};
  upload.pin = store.pin(completed.digest.xxh3);
  EMSTORE_TRY(const auto ordinals, taken(completed.digest.xxh3));
  EMSTORE_TRY(completed.file, store.adopt(upload.file_name, completed.digest, ordinals, pace));
  return completed;
}

void Uploads::State::close(Upload& upload) {
  upload.ended = true;
  upload.file = File();
}

Completed Uploads::State::tell(Upload& upload) const {
  std::shared_ptr<const void> hold = upload.hold.lock();
  if (!hold) hold = std::make_shared<char>();
  upload.hold = hold;
  upload.told = std::chrono::steady_clock::now();
  Completed told = *upload.completed;
  told.hold = std::move(hold);
  return told;
}

bool Uploads::State::is_expired(const Upload& upload) const {
  if (!upload.ended) return is_idle(upload.file_name);
  if (!upload.completed || !upload.hold.expired()) return false;
  const auto idle = std::chrono::steady_clock::now() - upload.told;
  return !upload.can_be_asked_again || idle > std::chrono::microseconds(limits.idle_micros_max);
}

void Uploads::State::end(Upload& upload) {
  close(upload);
  upload.pin = {};
  const std::lock_guard lock(table_lock);
  table.erase(upload.name.token);
}

Result<Uploads> Uploads::open(FileStore& store, const UploadLimits& limits) {
  EMSTORE_TRY(Sniffer sniffer, Sniffer::open());
  auto state = std::make_unique<State>(store, limits, std::move(sniffer));
  EMSTORE_CHECKED(state->recover());
  return Uploads(std::move(state));
}

Uploads::Uploads(std::unique_ptr<State> state) : state_(std::move(state)) {}
Uploads::Uploads(Uploads&&) noexcept = default;
Uploads& Uploads::operator=(Uploads&&) noexcept = default;
Uploads::~Uploads() = default;

Result<std::string> Uploads::begin(std::uint32_t uid, std::optional<std::uint64_t> size) {
  EMSTORE_TRY(const Admission admission, state_->let_in(uid, size));  // Until it is in the table.
  auto upload = std::make_shared<Upload>(
      UploadName{.token = random_token(), .uid = uid, .size = size, .boot = state_->boot});

  const std::lock_guard lock(state_->table_lock);
  const auto open_count =
      std::count_if(state_->table.begin(), state_->table.end(),
                    [&](const auto& entry) { return entry.second->name.uid == uid; });
  if (static_cast<std::size_t>(open_count) >= state_->limits.open_per_uid_max) {
    return failure(
        ErrorCode::busy,
        "uid " + std::to_string(uid) + " has " + std::to_string(open_count) +
            " open uploads, the most that are allowed",
        {},
        "complete some of them; those that nobody touches are dropped after limits.upload_idle");
  }
  upload->file =
      File(state_->system().open(state_->store.uploads().descriptor(), upload->file_name.c_str(),
                                 O_RDWR | O_CREAT | O_EXCL, kUploadMode));
  if (!upload->file) return io_failure(errno, "create", state_->path_of(upload->file_name));
  if (upload->file.descriptor() > state_->limits.last_descriptor) {
    state_->system().unlink(state_->store.uploads().descriptor(), upload->file_name.c_str());
    return failure(ErrorCode::busy, "the daemon has no file descriptor left for an upload", {},
                   "send it again when others have completed theirs");
  }
  state_->table.emplace(upload->name.token, upload);
  return upload->name.token;
}

Result<std::uint64_t> Uploads::write(std::uint32_t uid, std::string_view token,
                                     std::uint64_t offset, std::string_view bytes) {
  const auto upload = state_->find(uid, token);
  if (!upload) return unknown_upload(token);
  const std::lock_guard turn(upload->turn);
  if (upload->ended) return unknown_upload(token);
  if (is_others(*upload)) {
    if (bytes.empty()) return upload->reached.load();
    return being_completed();
  }
  EMSTORE_CHECKED(state_->open_file(*upload));
  if (bytes.empty()) {
    state_->system().touch(upload->file.descriptor());  // Whoever asks means to go on.
    return upload->reached.load();
  }
  if (offset > upload->reached) {
    const std::string wanted = std::to_string(upload->reached);
    return failure(
        ErrorCode::invalid_request,
        "a piece at " + std::to_string(offset) + " leaves a gap; " + wanted + " bytes are here",
        "offset", "send from offset " + wanted);
  }
  const std::string_view fresh =
      bytes.substr(std::min<std::uint64_t>(upload->reached - offset, bytes.size()));
  EMSTORE_CHECKED(state_->check_end(*upload, upload->reached + fresh.size()));
  const bool is_counted = upload->name.size.has_value() || !state_->limits.admit;
  Admission admission;  // Until they are written.
  if (!is_counted) {
    EMSTORE_TRY(admission, state_->limits.admit(uid, fresh.size()));
  }
  EMSTORE_CHECKED(state_->append(*upload, fresh));
  return upload->reached.load();
}

Result<Completed> Uploads::State::complete(Upload& upload, std::unique_lock<std::mutex>& turn,
                                           const AskTaken& taken, const Pace& pace) {
  upload.is_being_completed = true;
  turn.unlock();
  Result<Completed> completed = finish(upload, taken, pace);
  turn.lock();
  upload.is_being_completed = false;
  if (completed) {
    upload.completed = *completed;
    completed = tell(upload);
    close(upload);
    if (completed->small) unlink(upload.file_name);
    return completed;
  }
  const ErrorCode code = completed.error().code;
  if (code == ErrorCode::busy || code == ErrorCode::cancelled) {
    upload.pin = {};
    return completed;
  }
  end(upload);
  unlink(upload.file_name);  // What cannot be removed now is dropped when it is too old.
  return completed;
}

Result<Completed> Uploads::complete(std::uint32_t uid, std::string_view token,
                                    const AskTaken& taken, const Pace& pace, const Claim& claim) {
  const auto upload = state_->find(uid, token);
  if (!upload) return unknown_upload(token);
  std::unique_lock turn(upload->turn);
  if (upload->completed) return state_->tell(*upload);
  if (upload->ended) return unknown_upload(token);
  if (is_others(*upload, claim)) return being_completed();
  if (upload->name.size && upload->reached != *upload->name.size) {
    const std::string wanted = std::to_string(upload->reached);
    return failure(ErrorCode::invalid_request,
                   wanted + " of the announced " + bytes_text(*upload->name.size) + " have arrived",
                   {}, "send the rest from offset " + wanted);
  }
  EMSTORE_CHECKED(state_->open_file(*upload));
  upload->claim = claim;
  return state_->complete(*upload, turn, taken, pace);
}

Result<Uploads::Taken> Uploads::take(std::uint32_t uid, const File& source, const AskTaken& taken,
                                     const Pace& pace) {
  EMSTORE_TRY(const SourceState before, check_source(source));
  if (before.size <= kSmallBlobBytesMax) {
    EMSTORE_TRY(Admission admission, state_->let_in(uid, before.size));
    EMSTORE_TRY(Completed small, state_->take_small(source, before.size));
    EMSTORE_CHECKED(check_unchanged(source, before));
    return Taken{{}, std::move(small), std::move(admission)};
  }
  EMSTORE_TRY(const std::string token, begin(uid, before.size));
  const auto upload = state_->find(uid, token);
  if (!upload) return unknown_upload(token);
  const std::lock_guard turn(upload->turn);
  Result<Completed> completed = state_->take_large(*upload, source, before, taken, pace);
  if (completed) {
    upload->completed = *completed;
    upload->can_be_asked_again = false;
    completed = state_->tell(*upload);
    state_->close(*upload);
  } else {
    state_->end(*upload);
  }
  // What was adopted has no name here any more.
  if (!completed || completed->file->existed) state_->unlink(upload->file_name);
  if (!completed) return failure(completed.error());
  return Taken{token, *std::move(completed), {}};
}

void Uploads::release(std::uint32_t uid, std::string_view token) {
  const auto upload = state_->find(uid, token);
  if (!upload) return;
  const std::lock_guard turn(upload->turn);
  if (upload->completed) state_->end(*upload);
}

void Uploads::give_up(std::uint32_t uid, std::string_view token) {
  const auto upload = state_->find(uid, token);
  if (!upload) return;
  const std::lock_guard turn(upload->turn);
  upload->can_be_asked_again = false;
}

std::vector<Address> Uploads::give_up_all() {
  std::vector<Address> stored;
  for (const auto& upload : state_->all()) {
    const std::lock_guard turn(upload->turn);
    if (!upload->completed) continue;
    if (upload->completed->file) stored.push_back(upload->completed->file->address);
    state_->end(*upload);
  }
  return stored;
}

Status Uploads::abandon(std::uint32_t uid, std::string_view token) {
  const auto upload = state_->find(uid, token);
  if (!upload) return unknown_upload(token);
  const std::lock_guard turn(upload->turn);
  if (upload->ended) return unknown_upload(token);
  if (is_others(*upload)) return being_completed();
  state_->end(*upload);
  return state_->unlink(upload->file_name);
}

std::map<std::uint32_t, std::uint64_t> Uploads::held() const {
  std::map<std::uint32_t, std::uint64_t> held;
  const std::lock_guard lock(state_->table_lock);
  for (const auto& [token, upload] : state_->table) {
    // Not the size of its file: a complete one has another name, or none.
    held[upload->name.uid] += upload->name.size.value_or(upload->reached.load());
  }
  return held;
}

Uploads::Expired Uploads::expire() {
  Expired expired;
  for (const auto& upload : state_->all()) {
    const std::unique_lock turn(upload->turn, std::try_to_lock);
    if (!turn.owns_lock() || is_others(*upload)) continue;  // In use, so not idle.
    if (!state_->is_expired(*upload)) continue;
    const bool has_file = upload->completed && upload->completed->file;
    if (has_file) expired.stored.push_back(upload->completed->file->address);
    upload->completed.reset();
    state_->end(*upload);
    state_->unlink(upload->file_name);
    ++expired.uploads;
  }
  return expired;
}

}  // namespace emstore::blobs
