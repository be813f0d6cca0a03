#include "blobs/file_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <future>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace emstore::blobs {
namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kBlobMode = 0400;
constexpr unsigned kLastOrdinal = 255;
constexpr const char* kUploadsName = "uploads";
constexpr const char* kQuarantineName = "quarantine";
constexpr int kDamagedCopiesMax = 16;  // Of one address: enough to look at.
// From here on a second thread compares half of it; to start one takes as long as a MiB.
constexpr std::uint64_t kHalvesBytesMin = 8u << 20;

std::string shard_name(std::uint8_t first_byte) {
  const char byte = static_cast<char>(first_byte);
  return to_hex({&byte, 1});
}

std::string file_name(const Address& address) {
  return to_hex(as_bytes(address.digest)) + "." + std::to_string(address.ordinal);
}

// The address whose file has this name; nothing for a file that is not ours.
std::optional<Address> address_of_file(std::string_view name) {
  const auto address = address_of("xxh3-128:" + std::string(name));
  if (!address || !address->is_file() || file_name(*address) != name) return std::nullopt;
  return address;
}

Status make_folder(System& system, int parent, const char* name,
                   const std::filesystem::path& path) {
  if (system.make_directory(parent, name, kFolderMode) == 0 || errno == EEXIST) return {};
  return io_failure(errno, "create the folder", path);
}

Result<File> make_and_open(System& system, const File& parent, const char* name,
                           const std::filesystem::path& parent_path) {
  EMSTORE_CHECKED(make_folder(system, parent.descriptor(), name, parent_path / name));
  return open_directory(system, parent.descriptor(), name, parent_path / name);
}

Status sync_folder(System& system, const File& folder, const std::filesystem::path& path) {
  if (system.sync(folder.descriptor()) == 0) return {};
  return sync_failure(errno, path);
}

// A file with its path, for messages.
struct Named {
  const File& file;
  const std::filesystem::path& path;
};

// What is stored, beside a content that was brought.
enum class Compared : std::uint8_t { equal, different, unreadable };

// Of the bytes from `from` to `until`, or to the end of both. Errors: those of reading the content,
// cancelled.
Result<Compared> compare_part(System& system, const Named& content, const Named& stored,
                              std::uint64_t from, std::uint64_t until, const Pace& pace) {
  std::vector<char> content_buffer(kReadStepBytes);
  std::vector<char> stored_buffer(kReadStepBytes);
  for (std::uint64_t offset = from; offset < until; offset += kReadStepBytes) {
    EMSTORE_TRY(const auto brought,
                read_into(system, content.file, content_buffer, offset, content.path));
    const auto found = read_into(system, stored.file, stored_buffer, offset, stored.path);
    if (!found) return Compared::unreadable;
    if (brought != *found) return Compared::different;
    if (brought.size() < kReadStepBytes) return Compared::equal;
    EMSTORE_CHECKED(keep_pace(pace, brought.size(), content.path));
  }
  return Compared::equal;
}

// Contents of about `size` bytes. Large ones by halves, on two cores: all of it is copying what the
// page cache holds. Errors: as of a part.
Result<Compared> compare(System& system, const Named& content, const Named& stored,
                         std::uint64_t size, const Pace& pace) {
  if (size < kHalvesBytesMin) return compare_part(system, content, stored, 0, UINT64_MAX, pace);
  const std::uint64_t middle = size / kReadStepBytes / 2 * kReadStepBytes;
  // Where there is no thread to be had, get() carries it out.
  auto first = std::async([&] { return compare_part(system, content, stored, 0, middle, pace); });
  Result<Compared> second = compare_part(system, content, stored, middle, UINT64_MAX, pace);
  Result<Compared> compared = first.get();
  return compared && *compared == Compared::equal ? second : compared;
}

Result<ContentDigest> digest_of_file(System& system, const Named& content, const Pace& pace) {
  // Only a hint: what memory holds would hide what the disk does.
  ::posix_fadvise(content.file.descriptor(), 0, 0, POSIX_FADV_DONTNEED);
  ContentHasher hasher;
  const auto take = [&](std::string_view piece) -> Status {
    hasher.update(piece);
    return keep_pace(pace, piece.size(), content.path);
  };
  EMSTORE_CHECKED(read_pieces(system, content.file, 0, UINT64_MAX, content.path, take));
  return hasher.digest();
}

}  // namespace

std::filesystem::path media_file(const Address& address) {
  return std::filesystem::path(shard_name(address.digest[0])) / file_name(address);
}

struct FileStore::State {
  // What is published in one shard is published by one thread at a time: a second one must not take
  // its turn between a failed sync and the note that it failed.
  struct Shard {
    std::mutex publishing;
    bool sync_failed = false;
    // Held while a file is removed, or a digest is pinned or let go.
    std::mutex pinning;
    std::multiset<Digest128> pinned;
  };

  std::filesystem::path root_path;
  std::unique_ptr<System> system;
  File root;
  File uploads;
  File quarantine;
  std::array<Shard, 256> shards;

  std::filesystem::path path_of(const Address& address) const {
    return root_path / media_file(address);
  }
  // A descriptor of the caller's own: the kernel reports a failed write-back once to each.
  Result<File> open_shard(std::uint8_t first_byte) const {
    const std::string name = shard_name(first_byte);
    return open_directory(*system, root.descriptor(), name.c_str(), root_path / name);
  }
  Result<File> open_blob(const Address& address) const;

  // Where a content lies or may lie.
  enum class Holding : std::uint8_t { nothing, content, another, damaged };
  struct Place {
    Address address;
    Holding holding = Holding::nothing;
    ino_t file_number = 0;   // Of what is there.
    bool is_mended = false;  // By putting the content there.
  };
  Result<Place> find_place(const Named& content, const ContentDigest& digest,
                           const std::vector<TakenOrdinal>& taken, const Pace& pace) const;
  Result<Place> look_at(const Address& address, const Named& content, const ContentDigest& digest,
                        bool is_own, const Pace& pace) const;
  Status make_durable(const Named& upload);
  Result<bool> publish(const Place& place, const std::string& upload);

  // For who publishes in the shard, whose open folder it is.
  Status check_syncs(std::uint8_t first_byte) const;
  Status sync_shard(const File& folder, std::uint8_t first_byte);
  Result<bool> has_number(const File& folder, const Address& address, ino_t number) const;
  Result<bool> put_upload(const File& folder, const Place& place, const std::string& upload);
  Result<std::filesystem::path> keep_damaged(const File& folder, const Address& address);
};

Result<FileStore> FileStore::open(const std::filesystem::path& root,
                                  std::unique_ptr<System> system) {
  auto state = std::make_unique<State>();
  state->root_path = root;
  state->system = std::move(system);
  System& calls = *state->system;

  EMSTORE_CHECKED(make_folder(calls, AT_FDCWD, root.c_str(), root));
  EMSTORE_TRY(state->root, open_directory(calls, AT_FDCWD, root.c_str(), root));
  if (::flock(state->root.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io_failure(errno, "lock the folder", root);
    return failure(ErrorCode::locked,
                   "the media folder " + root.string() + " is in use by another process");
  }
  for (unsigned byte = 0; byte < state->shards.size(); ++byte) {
    const std::string name = shard_name(static_cast<std::uint8_t>(byte));
    EMSTORE_CHECKED(make_folder(calls, state->root.descriptor(), name.c_str(), root / name));
  }
  EMSTORE_TRY(state->uploads, make_and_open(calls, state->root, kUploadsName, root));
  EMSTORE_TRY(state->quarantine, make_and_open(calls, state->root, kQuarantineName, root));

  // Also when nothing was created: a run that was killed may have left the folders unsynced.
  EMSTORE_CHECKED(sync_folder(calls, state->root, root));
  // A parent that we may not read was there before us.
  const File parent(calls.open(state->root.descriptor(), "..", O_RDONLY | O_DIRECTORY, 0));
  if (parent) EMSTORE_CHECKED(sync_folder(calls, parent, root / ".."));
  if (!parent && errno != EACCES) return io_failure(errno, "open the folder", root / "..");
  return FileStore(std::move(state));
}

FileStore::FileStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileStore::FileStore(FileStore&&) noexcept = default;
FileStore& FileStore::operator=(FileStore&&) noexcept = default;
FileStore::~FileStore() = default;

Result<File> FileStore::State::open_blob(const Address& address) const {
  const auto path = path_of(address);
  EMSTORE_TRY(const File shard, open_shard(address.digest[0]));
  // Not blocking, lest a FIFO that somebody put there hangs the thread.
  File file(system->open(shard.descriptor(), file_name(address).c_str(), O_RDONLY | O_NONBLOCK, 0));
  if (!file) {
    if (errno == ENOENT) return failure(ErrorCode::blob_not_found, "no blob " + to_string(address));
    if (errno == ELOOP) {
      return failure(ErrorCode::corrupt_blob, path.string() + " is a symbolic link, not a file");
    }
    return io_failure(errno, "open", path);
  }
  EMSTORE_CHECKED(status_of_regular(file, path));
  return file;
}

Result<File> FileStore::open_blob(const Address& address) const {
  return state_->open_blob(address);
}

Result<std::string> FileStore::read(const Address& address, std::uint64_t offset,
                                    std::uint64_t length) const {
  EMSTORE_TRY(const File file, open_blob(address));
  return read(file, address, offset, length);
}

Result<std::uint64_t> FileStore::size(const Address& address) const {
  EMSTORE_TRY(const File file, open_blob(address));
  return size(file, address);
}

Result<std::string> FileStore::read(const File& blob, const Address& address, std::uint64_t offset,
                                    std::uint64_t length) const {
  return read_range(*state_->system, blob, offset, length, path_of(address));
}

Result<std::uint64_t> FileStore::size(const File& blob, const Address& address) const {
  EMSTORE_TRY(const struct stat status, status_of_regular(blob, path_of(address)));
  return static_cast<std::uint64_t>(status.st_size);
}

Result<ContentDigest> FileStore::rehash(const Address& address, const Pace& pace) const {
  EMSTORE_TRY(const File file, open_blob(address));
  return digest_of_file(*state_->system, {file, path_of(address)}, pace);
}

Result<std::optional<std::filesystem::path>> FileStore::set_aside(const Address& address,
                                                                  const ContentDigest& recorded,
                                                                  const Pace& pace) {
  const Result<File> file = open_blob(address);
  if (!file && file.error().code == ErrorCode::blob_not_found) return std::nullopt;
  if (!file) return failure(file.error());
  const auto path = path_of(address);
  EMSTORE_TRY(const struct stat status, status_of_regular(*file, path));
  EMSTORE_TRY(const ContentDigest found, digest_of_file(system(), {*file, path}, pace));
  if (found == recorded) return std::nullopt;

  const std::uint8_t byte = address.digest[0];
  EMSTORE_TRY(const File folder, state_->open_shard(byte));
  const std::lock_guard turn(state_->shards[byte].publishing);
  EMSTORE_CHECKED(state_->check_syncs(byte));
  // Somebody may have replaced it by now.
  EMSTORE_TRY(const bool is_same, state_->has_number(folder, address, status.st_ino));
  if (!is_same) return std::nullopt;
  EMSTORE_TRY(const std::filesystem::path kept, state_->keep_damaged(folder, address));
  if (system().unlink(folder.descriptor(), file_name(address).c_str()) != 0) {
    return io_failure(errno, "set aside", path);
  }
  EMSTORE_CHECKED(state_->sync_shard(folder, byte));
  return kept;
}

FileStore::Pin::Pin(Pin&& other) noexcept
    : state_(std::exchange(other.state_, nullptr)), digest_(other.digest_) {}

FileStore::Pin& FileStore::Pin::operator=(Pin&& other) noexcept {
  std::swap(state_, other.state_);
  std::swap(digest_, other.digest_);
  return *this;
}

FileStore::Pin::~Pin() {
  if (state_ == nullptr) return;
  State::Shard& shard = state_->shards[digest_[0]];
  const std::lock_guard turn(shard.pinning);
  shard.pinned.erase(shard.pinned.find(digest_));
}

FileStore::Pin FileStore::pin(const Digest128& digest) const {
  State::Shard& shard = state_->shards[digest[0]];
  const std::lock_guard turn(shard.pinning);
  shard.pinned.insert(digest);
  return {state_.get(), digest};
}

Result<bool> FileStore::remove(const Address& address,
                               const std::function<Result<bool>()>& is_unused) {
  const std::uint8_t byte = address.digest[0];
  EMSTORE_TRY(const File folder, state_->open_shard(byte));
  State::Shard& shard = state_->shards[byte];
  const std::lock_guard turn(shard.pinning);
  if (shard.pinned.contains(address.digest)) return false;
  EMSTORE_TRY(const bool unused, is_unused());
  if (!unused) return false;
  if (state_->system->unlink(folder.descriptor(), file_name(address).c_str()) == 0) return true;
  if (errno == ENOENT) return true;
  return io_failure(errno, "remove", path_of(address));
}

Status FileStore::each(const std::function<bool(const Address&)>& visit) const {
  for (unsigned byte = 0; byte < state_->shards.size(); ++byte) {
    const auto first_byte = static_cast<std::uint8_t>(byte);
    EMSTORE_TRY(const File shard, state_->open_shard(first_byte));
    EMSTORE_TRY(const auto names,
                names_in(*state_->system, shard, root() / shard_name(first_byte)));
    for (const std::string& name : names) {
      const auto address = address_of_file(name);
      if (!address || address->digest[0] != first_byte) continue;
      if (!visit(*address)) return {};
    }
  }
  return {};
}

// What lies at `address`, as far as `content` is concerned: `own` when a record says that it lies
// there. Errors: those of reading, but what is its own and cannot be read is damaged; cancelled.
Result<FileStore::State::Place> FileStore::State::look_at(const Address& address,
                                                          const Named& content,
                                                          const ContentDigest& digest, bool is_own,
                                                          const Pace& pace) const {
  Place place{address, Holding::nothing};
  const Result<File> existing = open_blob(address);
  if (!existing && existing.error().code == ErrorCode::blob_not_found) return place;
  if (!existing) return failure(existing.error());
  const auto path = path_of(address);
  EMSTORE_TRY(const struct stat status, status_of_regular(*existing, path));
  place.file_number = status.st_ino;
  place.holding = Holding::content;
  EMSTORE_TRY(const Compared compared,
              compare(*system, content, {*existing, path}, digest.size, pace));
  if (compared == Compared::equal) return place;
  // It may be another content, or this one.
  if (compared == Compared::unreadable && !is_own) {
    return failure(ErrorCode::io_failed,
                   path.string() + " cannot be read, and no record says what it is");
  }
  // Other bytes are a collision only if they have the digest that the name says, and nobody says
  // that it is this content that lies there.
  place.holding = Holding::another;
  const Result<ContentDigest> stored = digest_of_file(*system, {*existing, path}, pace);
  const bool is_cancelled = !stored && stored.error().code == ErrorCode::cancelled;
  if (is_cancelled || (!stored && !is_own)) return failure(stored.error());
  if (stored && stored->xxh3 == address.digest && !is_own) return place;
  // Which of the two is damaged?
  EMSTORE_TRY(const ContentDigest brought, digest_of_file(*system, content, pace));
  if (brought != digest) {
    return failure(ErrorCode::corrupt_blob,
                   content.path.string() + " reads otherwise than it was written");
  }
  if (stored && *stored == digest) {
    return failure(ErrorCode::io_failed, path.string() + " reads otherwise each time");
  }
  place.holding = Holding::damaged;
  return place;
}

Result<FileStore::State::Place> FileStore::State::find_place(const Named& content,
                                                             const ContentDigest& digest,
                                                             const std::vector<TakenOrdinal>& taken,
                                                             const Pace& pace) const {
  const auto own = std::find_if(taken.begin(), taken.end(), [&](const TakenOrdinal& other) {
    return other.sha256 == digest.sha256;
  });
  for (unsigned n = kFirstFileOrdinal; n <= kLastOrdinal; ++n) {
    const Address address{digest.xxh3, static_cast<std::uint8_t>(n)};
    const bool is_own = own != taken.end() && own->ordinal == n;
    const bool is_taken = std::any_of(taken.begin(), taken.end(),
                                      [&](const auto& other) { return other.ordinal == n; });
    if (!is_own && (is_taken || own != taken.end())) continue;

    EMSTORE_TRY(Place place, look_at(address, content, digest, is_own, pace));
    if (place.holding == Holding::another) continue;
    place.is_mended = place.holding == Holding::damaged ||
                      (place.holding == Holding::nothing && is_own && own->is_here);
    return place;
  }
  return failure(ErrorCode::internal, "128 different contents have the digest " +
                                          to_hex(as_bytes(digest.xxh3)) + "; no ordinal is left");
}

Status FileStore::State::make_durable(const Named& upload) {
  if (system->change_mode(upload.file.descriptor(), kBlobMode) != 0) {
    return io_failure(errno, "set the mode of", upload.path);
  }
  if (system->sync_data(upload.file.descriptor()) == 0) return {};
  return sync_failure(errno, upload.path);
}

Status FileStore::State::check_syncs(std::uint8_t first_byte) const {
  if (!shards[first_byte].sync_failed) return {};
  return failure(ErrorCode::io_failed, "an earlier sync of " +
                                           (root_path / shard_name(first_byte)).string() +
                                           " failed; nothing is stored there until a restart");
}

Status FileStore::State::sync_shard(const File& folder, std::uint8_t first_byte) {
  if (system->sync(folder.descriptor()) == 0) return {};
  auto reason = sync_failure(errno, root_path / shard_name(first_byte));
  shards[first_byte].sync_failed = true;
  return reason;
}

// Whether the name is still that of the file with this number.
Result<bool> FileStore::State::has_number(const File& folder, const Address& address,
                                          ino_t number) const {
  struct stat status {};
  const std::string name = file_name(address);
  if (::fstatat(folder.descriptor(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return status.st_ino == number;
  }
  if (errno == ENOENT) return false;
  return io_failure(errno, "look at", path_of(address));
}

// Gives the file a second name in quarantine/, durably, and says which. When all are taken it gets
// the last one, and the copy that had it is given up: the first ones show how it began.
Result<std::filesystem::path> FileStore::State::keep_damaged(const File& folder,
                                                             const Address& address) {
  const std::string name = file_name(address);
  const auto nth_name = [&](int n) { return name + "." + std::to_string(n); };
  const auto is_linked_as = [&](int n) {
    return system->link_to_new(folder.descriptor(), name.c_str(), quarantine.descriptor(),
                               nth_name(n).c_str()) == 0;
  };
  int n = 1;
  bool is_kept = is_linked_as(n);
  while (!is_kept && errno == EEXIST && n < kDamagedCopiesMax) is_kept = is_linked_as(++n);
  if (!is_kept && errno == EEXIST) {
    is_kept = system->unlink(quarantine.descriptor(), nth_name(n).c_str()) == 0 && is_linked_as(n);
  }
  if (!is_kept) return io_failure(errno, "keep a copy of", path_of(address));
  EMSTORE_CHECKED(sync_folder(*system, quarantine, root_path / kQuarantineName));
  return root_path / kQuarantineName / nth_name(n);
}

// False when another content got the place in the meantime, or the damaged one is not there any
// more.
Result<bool> FileStore::State::put_upload(const File& folder, const Place& place,
                                          const std::string& upload) {
  const std::string name = file_name(place.address);
  if (place.holding == Holding::nothing) {
    const int moved = system->rename_to_new(uploads.descriptor(), upload.c_str(),
                                            folder.descriptor(), name.c_str());
    if (moved == 0) return true;
    if (errno == EEXIST) return false;
    return io_failure(errno, "move an upload to", path_of(place.address));
  }
  EMSTORE_TRY(const bool is_same, has_number(folder, place.address, place.file_number));
  if (!is_same) return false;
  EMSTORE_CHECKED(keep_damaged(folder, place.address));
  if (system->rename_over(uploads.descriptor(), upload.c_str(), folder.descriptor(),
                          name.c_str()) == 0) {
    return true;
  }
  return io_failure(errno, "move an upload over", path_of(place.address));
}

// Puts the upload at `place`, unless its content is there already, and makes the name durable. The
// latter also for what was there: whoever put it there may not have come to it yet. False when the
// place is another than it was.
Result<bool> FileStore::State::publish(const Place& place, const std::string& upload) {
  const std::uint8_t byte = place.address.digest[0];
  EMSTORE_TRY(const File folder, open_shard(byte));
  const std::lock_guard turn(shards[byte].publishing);
  EMSTORE_CHECKED(check_syncs(byte));
  if (place.holding != Holding::content) {
    EMSTORE_TRY(const bool is_put, put_upload(folder, place, upload));
    if (!is_put) return false;
  }
  const Status synced = sync_shard(folder, byte);
  if (synced) return true;
  // Nobody knows a new name yet; without it no later run takes the file for a durable one.
  if (place.holding == Holding::nothing) {
    system->unlink(folder.descriptor(), file_name(place.address).c_str());
  }
  return failure(synced.error());
}

Result<Stored> FileStore::adopt(const std::string& upload, const ContentDigest& digest,
                                const std::vector<TakenOrdinal>& taken, const Pace& pace) {
  EMSTORE_CHECK(digest.size > kSmallBlobBytesMax);
  const auto path = root() / kUploadsName / upload;
  const File file(system().open(uploads().descriptor(), upload.c_str(), O_RDONLY, 0));
  if (!file) return io_failure(errno, "open", path);
  EMSTORE_TRY(const struct stat status, status_of_regular(file, path));
  if (static_cast<std::uint64_t>(status.st_size) != digest.size) {
    return failure(ErrorCode::corrupt_blob, path.string() + " has " +
                                                std::to_string(status.st_size) +
                                                " bytes instead of " + std::to_string(digest.size));
  }

  bool durable = false;
  for (;;) {
    EMSTORE_TRY(const State::Place place, state_->find_place({file, path}, digest, taken, pace));
    const bool is_there = place.holding == State::Holding::content;
    if (!is_there && !durable) {
      EMSTORE_CHECKED(state_->make_durable({file, path}));
      durable = true;
    }
    EMSTORE_TRY(const bool published, state_->publish(place, upload));
    if (!published) continue;
    // If this fails, a useless file stays until the upload is too old.
    if (is_there) system().unlink(uploads().descriptor(), upload.c_str());
    return Stored{place.address, digest, /*existed=*/is_there, place.is_mended};
  }
}

Result<std::optional<Stored>> FileStore::find(const File& content,
                                              const std::filesystem::path& from,
                                              const Digest128& xxh3, std::uint64_t size,
                                              const std::vector<TakenOrdinal>& taken,
                                              const Pace& pace) {
  for (const TakenOrdinal& known : taken) {
    const Address address{xxh3, known.ordinal};
    const auto path = path_of(address);
    const Result<File> file = open_blob(address);
    if (!file) continue;  // Its bytes are gone: adopt() brings them back.
    EMSTORE_TRY(const struct stat status, status_of_regular(*file, path));
    if (static_cast<std::uint64_t>(status.st_size) != size) continue;
    EMSTORE_TRY(const Compared compared,
                compare(system(), {content, from}, {*file, path}, size, pace));
    if (compared != Compared::equal) continue;  // What is damaged adopt() replaces.
    EMSTORE_CHECKED(state_->publish({address, State::Holding::content}, {}));
    return Stored{address, {xxh3, known.sha256, size}, true};
  }
  return std::nullopt;
}

std::filesystem::path FileStore::path_of(const Address& address) const {
  return state_->path_of(address);
}
const std::filesystem::path& FileStore::root() const { return state_->root_path; }
System& FileStore::system() const { return *state_->system; }
const File& FileStore::uploads() const { return state_->uploads; }

}  // namespace emstore::blobs
