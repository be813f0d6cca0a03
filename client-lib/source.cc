#include "client-lib/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "client-lib/descriptor.h"

namespace emstore {
namespace {

tl::unexpected<Error> unreadable(const std::string& path, const std::string& why) {
  return failure(ErrorCode::invalid_request, "cannot read " + path + ": " + why, {},
                 "name a file that can be read");
}

}  // namespace

Result<Source> Source::open(const File& file) {
  Source source;
  if (const auto* content = std::get_if<std::string>(&file.source())) {
    source.memory_ = content;
    source.size_ = content->size();
    return source;
  }
  source.path_ = std::get<std::filesystem::path>(file.source()).string();
  // Not blocking, so that a pipe without a writer is refused rather than waited for.
  source.descriptor_ = ::open(source.path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (source.descriptor_ < 0) return unreadable(source.path_, errno_text(errno));
  struct stat facts {};
  if (::fstat(source.descriptor_, &facts) != 0) return unreadable(source.path_, errno_text(errno));
  if (S_ISDIR(facts.st_mode)) return unreadable(source.path_, "it is a directory");
  if (!S_ISREG(facts.st_mode)) return unreadable(source.path_, "it is no regular file");
  source.size_ = static_cast<std::uint64_t>(facts.st_size);
  source.modified_ = facts.st_mtim;
  if (source.size_ != 0) return source;
  char first = 0;
  const ssize_t count = ::pread(source.descriptor_, &first, 1, 0);
  if (count < 0) return unreadable(source.path_, errno_text(errno));
  // As in /proc.
  if (count > 0) return unreadable(source.path_, "it does not say how long it is; copy it first");
  return source;
}

Source::Source(Source&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      memory_(other.memory_),
      path_(std::move(other.path_)),
      size_(other.size_),
      modified_(other.modified_) {}

Source& Source::operator=(Source&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  memory_ = other.memory_;
  path_.swap(other.path_);
  size_ = other.size_;
  modified_ = other.modified_;
  return *this;
}

Source::~Source() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::string> Source::piece(std::uint64_t offset, std::uint64_t length,
                                  std::string room) const {
  std::string bytes = std::move(room);
  if (memory_) {
    bytes.assign(*memory_, offset, length);
    return bytes;
  }
  bytes.resize(length);
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::pread(descriptor_, bytes.data() + filled, bytes.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(path_, errno_text(errno));
    if (count == 0) {
      return failure(ErrorCode::source_changed, path_ + " became shorter while it was read");
    }
    filled += static_cast<std::size_t>(count);
  }
  return bytes;
}

Status Source::check_unchanged() const {
  if (memory_) return {};
  struct stat facts {};
  const bool is_same =
      ::fstat(descriptor_, &facts) == 0 && static_cast<std::uint64_t>(facts.st_size) == size_ &&
      facts.st_mtim.tv_sec == modified_.tv_sec && facts.st_mtim.tv_nsec == modified_.tv_nsec;
  if (is_same) return {};
  return failure(ErrorCode::source_changed, path_ + " changed while it was read");
}

}  // namespace emstore
