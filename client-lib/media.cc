#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <emstore/client.hpp>
#include <system_error>
#include <utility>

#include "client-lib/answers.h"
#include "client-lib/core.h"
#include "client-lib/transfer.h"
#include "client-lib/whole_content.h"

namespace emstore {
namespace {

constexpr std::uint64_t kReadAheadBytes = 1u << 20;
constexpr std::uint64_t kFileAheadBytes = 128u << 10;  // Of a file: a call to the system each.

tl::unexpected<Error> unwritable(const std::string& path, int error_number) {
  return failure(ErrorCode::invalid_request,
                 "cannot write " + path + ": " + std::generic_category().message(error_number), {},
                 "name a place that can be written to");
}

// The descriptor of this process that the path names, as /dev/fd/3 does.
std::optional<int> own_descriptor(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(path.parent_path(), error);
  if (error || folder != std::filesystem::canonical("/proc/self/fd", error)) return std::nullopt;
  const std::string name = path.filename().string();
  const char* const end = name.data() + name.size();
  int number = 0;
  const auto [rest, wrong] = std::from_chars(name.data(), end, number);
  if (wrong != std::errc() || rest != end || number < 0) return std::nullopt;
  return number;
}

// Where a symbolic link leads to, be it there or not, but not beyond a descriptor of this process;
// other names are their own.
std::filesystem::path led_to(std::filesystem::path path) {
  constexpr int kLinksMax = 40;  // As many as Linux follows.
  std::error_code error;
  for (int links = 0; links < kLinksMax && std::filesystem::is_symlink(path, error); ++links) {
    if (own_descriptor(path)) break;
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  }
  return path;
}

// Writes without the signal that a pipe sends whose reader has left: it would end the program that
// this library is in. One that was pending before stays so.
ssize_t write_without_signal(int descriptor, std::string_view bytes) {
  sigset_t pipe_signal, before, pending;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  ::sigpending(&pending);
  const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
  const int error_number = errno;
  if (count < 0 && error_number == EPIPE && ::sigismember(&pending, SIGPIPE) == 0) {
    constexpr timespec kNoTime{};
    while (::sigtimedwait(&pipe_signal, nullptr, &kNoTime) < 0 && errno == EINTR) continue;
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error_number;
  return count;
}

// A file that appears under its name when it is complete, and not at all otherwise. What is there
// and is no file, a pipe or a device, stays what it is: bytes go into it as they come. And so they
// go where the process writes already, which is more than the file it leads to: >> has its place.
class Target {
 public:
  explicit Target(const std::filesystem::path& path) : path_(path.string()), part_(path_) {
    const std::filesystem::path end = led_to(path);
    own_descriptor_ = own_descriptor(end);
    if (own_descriptor_) return;
    std::error_code error;
    const auto kind = std::filesystem::status(path, error).type();
    is_file_ = kind == std::filesystem::file_type::regular ||
               kind == std::filesystem::file_type::not_found;
    if (!is_file_) return;
    path_ = end.string();
    part_ = path_ + "." + new_request_key().substr(0, 8) + ".part";
  }
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    if (is_file_) ::unlink(part_.c_str());
  }

  Status open() {
    const int made = is_file_ ? O_CREAT | O_EXCL : O_NOCTTY;
    do {
      descriptor_ = own_descriptor_ ? ::fcntl(*own_descriptor_, F_DUPFD_CLOEXEC, 0)
                                    : ::open(part_.c_str(), O_WRONLY | O_CLOEXEC | made, 0666);
    } while (descriptor_ < 0 && errno == EINTR);  // A pipe waits for who reads it.
    if (descriptor_ < 0) return unwritable(part_, errno);
    return {};
  }
  Status write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = write_without_signal(descriptor_, bytes);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EPIPE) {
        return failure(ErrorCode::io_failed, "who reads " + path_ + " has left before the end");
      }
      if (count < 0) return unwritable(part_, errno);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }
  Status finish() {
    const bool is_closed = ::close(std::exchange(descriptor_, -1)) == 0;
    if (is_closed && (!is_file_ || ::rename(part_.c_str(), path_.c_str()) == 0)) return {};
    const int error_number = errno;
    if (is_file_) ::unlink(part_.c_str());
    return unwritable(path_, error_number);
  }

 private:
  std::string path_, part_;  // Where it shall be, and where it is until it is complete.
  std::optional<int> own_descriptor_;
  bool is_file_ = false;
  int descriptor_ = -1;
};

Result<Mutation> upload_file(Core& core, const File& file, const MutationOptions& options) {
  Baggage baggage;
  EMSTORE_TRY(Value stored, stored_file(core, file, baggage));
  EMSTORE_TRY(Map answer, core.call_for_map(protocol::MediaUpload{std::move(stored), file.fields(),
                                                                  core.options_of(options)}));
  return Mutation(std::move(answer));
}

Result<std::uint64_t> download_file(Core& core, const Value& id_or_address,
                                    const std::filesystem::path& into) {
  EMSTORE_TRY(const std::string address, address_of_media(core, id_or_address));
  EMSTORE_TRY(const FirstPiece first, fetch_first(core, address));
  Target target(into);
  EMSTORE_CHECKED(target.open());
  WholeContent whole(first.size);
  std::uint64_t done = 0;
  // The last piece is held against the address before it is written: who reads a pipe gets no end.
  const auto write = [&](std::string_view piece) -> Status {
    whole.take(done, piece);
    EMSTORE_CHECKED(whole.check(address));
    EMSTORE_CHECKED(target.write(piece));
    done += piece.size();
    return {};
  };
  EMSTORE_CHECKED(write(first.bytes));
  const ByteProgress progress = core.progress();
  const ByteSink sink = [&](std::string_view piece) -> Status {
    EMSTORE_CHECKED(write(piece));
    if (progress) progress(done, first.size);
    return {};
  };
  const std::uint64_t rest = first.size - done;
  EMSTORE_TRY(const Descriptor file, file_of(core, address, rest));
  EMSTORE_CHECKED(fetch(core, file, address, done, rest, sink));
  EMSTORE_CHECKED(target.finish());
  return first.size;
}

}  // namespace

// The bytes around the position, read ahead.
struct MediaReader::State {
  // All of `into`, which lies within the size: from `place` on, through `checked`.
  Status fill(std::span<char> into, std::uint64_t place, WholeContent& checked);
  Status read_ahead(std::uint64_t place);
  Result<const Descriptor*> source();
  Status fetch_through(const Descriptor& from, std::span<char> into, std::uint64_t place,
                       WholeContent& checked) const;
  Result<std::size_t> read(std::span<char> into);

  Core* core = nullptr;
  std::string address;
  std::uint64_t size = 0, position = 0;
  std::string ahead;
  std::uint64_t ahead_offset = 0;
  std::optional<Descriptor> file;     // Once it was asked for; none where there is none.
  std::optional<WholeContent> whole;  // While it is read without a gap.
};

// However small the reads are: whoever makes many of them is passed the file, too.
Result<const Descriptor*> MediaReader::State::source() {
  if (!file) {
    EMSTORE_TRY(file, file_of(*core, address, size));
  }
  return &*file;
}

Status MediaReader::State::read_ahead(std::uint64_t place) {
  EMSTORE_TRY(const Descriptor* from, source());
  ahead.resize(std::min(*from ? kFileAheadBytes : kReadAheadBytes, size - place));
  ahead_offset = place;
  Status fetched =
      fetch(*core, *from, address, place, ahead, [](std::string_view) -> Status { return {}; });
  if (!fetched) ahead.clear();
  return fetched;
}

Status MediaReader::State::fetch_through(const Descriptor& from, std::span<char> into,
                                         std::uint64_t place, WholeContent& checked) const {
  return fetch(*core, from, address, place, into, [&](std::string_view piece) -> Status {
    checked.take(place, piece);
    place += piece.size();
    return {};
  });
}

Status MediaReader::State::fill(std::span<char> into, std::uint64_t place, WholeContent& checked) {
  while (!into.empty()) {
    const bool is_ahead = place >= ahead_offset && place < ahead_offset + ahead.size();
    if (!is_ahead && into.size() >= kFileAheadBytes) {
      EMSTORE_TRY(const Descriptor* from, source());
      const bool is_piece = !*from && into.size() <= kReadAheadBytes;
      if (!is_piece) return fetch_through(*from, into, place, checked);
    }
    if (!is_ahead) EMSTORE_CHECKED(read_ahead(place));
    const std::size_t count = ahead.copy(into.data(), into.size(), place - ahead_offset);
    checked.take(place, {into.data(), count});
    into = into.subspan(count);
    place += count;
  }
  return {};
}

Result<std::size_t> MediaReader::State::read(std::span<char> into) {
  if (!whole) return 0;  // Opening it failed.
  into = into.first(std::min<std::uint64_t>(into.size(), size - position));
  WholeContent checked = *whole;
  EMSTORE_CHECKED(fill(into, position, checked));
  if (const Status status = checked.check(address); !status) {
    ahead.clear();  // It may have been mended when it is read again.
    file.reset();
    return failure(status.error());
  }
  whole = std::move(checked);  // Moved on when all is there: what failed is read again.
  position += into.size();
  return into.size();
}

MediaReader::MediaReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
MediaReader::MediaReader(MediaReader&&) noexcept = default;
MediaReader& MediaReader::operator=(MediaReader&&) noexcept = default;
MediaReader::~MediaReader() = default;

std::uint64_t MediaReader::size() const { return state_->size; }
std::uint64_t MediaReader::position() const { return state_->position; }
void MediaReader::seek(std::uint64_t position) {
  state_->position = std::min(position, state_->size);
}

std::size_t MediaReader::read(std::span<char> bytes) { return value_of(state_->read(bytes)); }
std::size_t MediaReader::read(std::span<char> bytes, ErrorOut error) {
  return value_of(state_->read(bytes), error);
}

std::string MediaReader::read_all() {
  std::string bytes(state_->size - state_->position, '\0');
  read(bytes);
  return bytes;
}

std::string MediaReader::read_all(ErrorOut error) {
  std::string bytes(state_->size - state_->position, '\0');
  bytes.resize(read(bytes, error));
  return bytes;
}

Mutation MediaLibrary::upload(const File& file, const MutationOptions& options) {
  return value_of(upload_file(*core_, file, options));
}
Mutation MediaLibrary::upload(const File& file, ErrorOut error, const MutationOptions& options) {
  return value_of(upload_file(*core_, file, options), error);
}

List MediaLibrary::have(const List& contents) { return value_of(known_contents(*core_, contents)); }
List MediaLibrary::have(const List& contents, ErrorOut error) {
  return value_of(known_contents(*core_, contents), error);
}
MediaReader MediaLibrary::open(const Value& id_or_address) {
  std::optional<Error> error;
  MediaReader reader = open(id_or_address, error);
  if (error) throw Failure(std::move(*error));
  return reader;
}

MediaReader MediaLibrary::open(const Value& id_or_address, ErrorOut error) {
  auto state = std::make_unique<MediaReader::State>();
  state->core = core_;
  auto first = address_of_media(*core_, id_or_address).and_then([&](const std::string& address) {
    state->address = address;
    return fetch_first(*core_, address);
  });
  error.clear();
  if (first) {
    state->size = first->size;
    state->ahead = std::move(first->bytes);
    state->whole.emplace(state->size);
  } else {
    error.set(std::move(first).error());
  }
  return MediaReader(std::move(state));
}

std::uint64_t MediaLibrary::download(const Value& id_or_address,
                                     const std::filesystem::path& into) {
  return value_of(download_file(*core_, id_or_address, into));
}
std::uint64_t MediaLibrary::download(const Value& id_or_address, const std::filesystem::path& into,
                                     ErrorOut error) {
  return value_of(download_file(*core_, id_or_address, into), error);
}

}  // namespace emstore
