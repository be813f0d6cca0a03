#include "store/head.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <compare>
#include <string>
#include <string_view>
#include <tuple>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/io_failure.h"

namespace emstore::store {
namespace {

constexpr std::string_view kMagic = "EMSHEAD1";
constexpr std::size_t kSlotBytes = 4096;
constexpr std::size_t kSlots = 2;
constexpr mode_t kHeadMode = 0600;

struct Slot {
  HeadState state;
  std::uint64_t write_number = 0;

  auto age() const { return std::tie(state.sequence, write_number); }
};

std::string bytes_of(const Slot& slot) {
  std::string bytes(kMagic);
  bytes.append(as_bytes(slot.state.store));
  append_big_endian(bytes, slot.state.sequence);
  append_big_endian(bytes, slot.write_number);
  bytes.append(as_bytes(slot.state.root));
  bytes.push_back(slot.state.clean ? '\x01' : '\x00');
  append_big_endian(bytes, checksum64(bytes));
  return bytes;
}

template <std::size_t N>
std::array<std::uint8_t, N> take_array(BytesReader& reader) {
  std::array<std::uint8_t, N> bytes{};
  std::ranges::copy(reader.take(N), bytes.begin());
  return bytes;
}

// Nothing when the slot is torn, damaged, or was never written.
std::optional<Slot> slot_of(std::string_view bytes) {
  BytesReader reader(bytes);
  const bool is_ours = reader.take(kMagic.size()) == kMagic;
  Slot slot;
  slot.state.store = take_array<std::tuple_size_v<StoreId>>(reader);
  slot.state.sequence = reader.integer<std::uint64_t>();
  slot.write_number = reader.integer<std::uint64_t>();
  slot.state.root = take_array<std::tuple_size_v<Sha256>>(reader);
  slot.state.clean = reader.integer<std::uint8_t>() != 0;
  const std::string_view checked = bytes.substr(0, bytes.size() - reader.rest().size());
  const auto checksum = reader.integer<std::uint64_t>();
  if (!is_ours || !reader.good() || checksum != checksum64(checked)) return std::nullopt;
  return slot;
}

Status write_all(int descriptor, std::string_view bytes, std::size_t offset,
                 const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_failure(errno, "write", path);
    offset += static_cast<std::size_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_all(int descriptor, const std::filesystem::path& path) {
  std::string bytes(kSlots * kSlotBytes, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t read =
        ::pread(descriptor, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return io_failure(errno, "read", path);
    if (read == 0) break;  // A file cut short: the slots that are left may be whole.
    size += static_cast<std::size_t>(read);
  }
  return bytes;
}

// A descriptor that is closed when a step of the creation fails.
class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, kHeadMode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int get() const { return descriptor_; }
  int release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

// Under another name first: a crash leaves what was there, or a whole file.
Status create(const std::filesystem::path& path, const Slot& slot) {
  std::filesystem::path unfinished = path;
  unfinished += ".new";
  const File file(unfinished, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
  if (file.get() < 0) return io_failure(errno, "create", unfinished);
  std::string bytes = bytes_of(slot);
  bytes.resize(kSlots * kSlotBytes, '\0');
  EMSTORE_CHECKED(write_all(file.get(), bytes, 0, unfinished));
  if (::fsync(file.get()) != 0) return sync_failure(errno, unfinished);
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return io_failure(errno, "create", path);

  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  const File opened(folder, O_RDONLY | O_DIRECTORY);
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) return sync_failure(errno, folder);
  return {};
}

// The slot that counts, and which of the two it is. Errors: rolled_back.
struct Latest {
  Slot slot;
  std::size_t place = 0;
};
Result<Latest> latest_of(std::string_view bytes, const std::filesystem::path& path) {
  std::optional<Latest> latest;
  for (std::size_t i = 0; i < kSlots; ++i) {
    const auto slot = slot_of(bytes.substr(i * kSlotBytes, kSlotBytes));
    if (slot && (!latest || slot->age() >= latest->slot.age())) latest = Latest{*slot, i};
  }
  if (latest) return *latest;
  return failure(ErrorCode::rolled_back,
                 "the head of the log at " + path.string() + " is damaged: no slot is whole");
}

}  // namespace

Result<std::optional<HeadState>> Head::read(const std::filesystem::path& path) {
  const File file(path, O_RDONLY | O_NOFOLLOW);
  if (file.get() < 0) return io_failure(errno, "open", path);
  EMSTORE_TRY(const std::string bytes, read_all(file.get(), path));
  EMSTORE_TRY(const Latest latest, latest_of(bytes, path));
  if (latest.slot.write_number == 0) return std::nullopt;
  return latest.slot.state;
}

Status Head::replace(const std::filesystem::path& path, const HeadState& state) {
  return create(path, Slot{state, 1});
}

Result<Head> Head::open(const std::filesystem::path& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) return io_failure(errno, "find", path);
    EMSTORE_CHECKED(create(path, Slot{}));
  }
  File file(path, O_RDWR | O_NOFOLLOW);
  if (file.get() < 0) return io_failure(errno, "open", path);
  Head head(file.release(), path);
  EMSTORE_CHECKED(head.load());
  return head;
}

Status Head::load() {
  EMSTORE_TRY(const std::string bytes, read_all(descriptor_, path_));
  EMSTORE_TRY(const Latest latest, latest_of(bytes, path_));
  next_slot_ = 1 - latest.place;
  writes_ = latest.slot.write_number;
  if (writes_ > 0) recorded_ = latest.slot.state;
  // A process that was killed may have left it in memory only.
  if (::fdatasync(descriptor_) != 0) return sync_failure(errno, path_);
  return {};
}

Head::Head(Head&& other) noexcept { *this = std::move(other); }

Head& Head::operator=(Head&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(recorded_, other.recorded_);
  std::swap(writes_, other.writes_);
  std::swap(next_slot_, other.next_slot_);
  std::swap(synced_, other.synced_);
  return *this;
}

Head::~Head() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status Head::record(const HeadState& state) {
  EMSTORE_CHECK(!recorded_ || state.sequence >= recorded_->sequence);
  const std::string bytes = bytes_of(Slot{state, writes_ + 1});
  EMSTORE_CHECKED(write_all(descriptor_, bytes, next_slot_ * kSlotBytes, path_));
  ++writes_;
  recorded_ = state;
  synced_ = false;
  return {};
}

Status Head::sync() {
  if (synced_) return {};
  if (::fdatasync(descriptor_) != 0) {
    const int error = errno;
    // The kernel may have dropped the bytes, and would call a second try a success.
    ::close(std::exchange(descriptor_, -1));
    return sync_failure(error, path_);
  }
  synced_ = true;
  next_slot_ = 1 - next_slot_;
  return {};
}

}  // namespace emstore::store
