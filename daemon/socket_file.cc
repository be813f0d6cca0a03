#include "daemon/socket_file.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "base/io_failure.h"
#include "base/suggest.h"

namespace emstore::daemon {
namespace {

constexpr int kBacklog = 1024;
constexpr mode_t kFolderMode = 0700;

Result<sockaddr_un> address_of_path(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path) {
    return failure(ErrorCode::invalid_request,
                   "the socket's path has " + std::to_string(text.size()) +
                       " bytes, the system allows " + std::to_string(sizeof address.sun_path - 1) +
                       ": " + text,
                   "socket", "name a shorter one with --socket");
  }
  std::ranges::copy(text, address.sun_path);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);  // As the socket calls want it.
}

Status make_folder(const std::filesystem::path& folder) {
  if (folder.empty() || ::mkdir(folder.c_str(), kFolderMode) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return io_failure(errno, "create the socket's folder", folder);
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), kFolderMode) == 0) return {};
  return io_failure(errno, "create the socket's folder", folder);
}

// The pid of who listens at the address; nothing when nobody does.
std::optional<std::int64_t> listener_at(const sockaddr_un& address) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return std::nullopt;
  std::optional<std::int64_t> pid;
  // EAGAIN: its queue is full, so somebody listens.
  if (::connect(probe, generic(address), sizeof address) == 0 || errno == EAGAIN) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    pid = 0;
    if (::getsockopt(probe, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0)
      pid = credentials.pid;
  }
  ::close(probe);
  return pid;
}

// A daemon that was killed leaves its socket behind; nobody can listen at it again.
Status remove_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return {};
    return io_failure(errno, "look at", path);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return failure(ErrorCode::invalid_request,
                   path.string() + " exists and is not a socket; it was left alone", "socket",
                   "name another path with --socket");
  }
  if (const std::optional<std::int64_t> pid = listener_at(address)) {
    return failure(ErrorCode::locked,
                   "process " + std::to_string(*pid) + " is listening at " + path.string(),
                   "socket", "stop it, or name another path with --socket");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return io_failure(errno, "remove the stale socket", path);
  return {};
}

Result<std::optional<gid_t>> group_named(const std::string& name) {
  if (name.empty()) return std::nullopt;
  std::array<char, 16'384> buffer{};
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return failure(ErrorCode::invalid_request, "there is no group " + quoted(name), "socket.group",
                   "name one of /etc/group, or leave it empty");
  }
  return found->gr_gid;
}

}  // namespace

SocketFile::SocketFile(int descriptor, std::filesystem::path path)
    : descriptor_(descriptor), path_(std::move(path)) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      device_(other.device_),
      inode_(other.inode_) {}

SocketFile::~SocketFile() { close(); }

Result<SocketFile> SocketFile::listen(const SocketOptions& options) {
  EMSTORE_TRY(const sockaddr_un address, address_of_path(options.path));
  EMSTORE_TRY(const std::optional<gid_t> group, group_named(options.group));
  EMSTORE_CHECKED(make_folder(options.path.parent_path()));
  EMSTORE_CHECKED(remove_stale(options.path, address));

  SocketFile file(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), options.path);
  if (file.descriptor_ < 0) return io_failure(errno, "create the socket", options.path);
  // The mode of the descriptor is what bind() gives the file: at no moment is it open to others.
  if (::fchmod(file.descriptor_, 0600) != 0 ||
      ::bind(file.descriptor_, generic(address), sizeof address) != 0) {
    return io_failure(errno, "bind the socket", options.path);
  }
  EMSTORE_CHECKED(file.note_file());
  if (group && ::chown(options.path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    Error error = io_failure(errno, "give the group to", options.path).value();
    error.hint = "make the daemon's user a member of " + quoted(options.group) +
                 ", for it cannot give files to other groups; or change socket.group";
    return failure(std::move(error));
  }
  if (::chmod(options.path.c_str(), options.mode) != 0)
    return io_failure(errno, "set the mode of", options.path);
  if (::listen(file.descriptor_, kBacklog) != 0)
    return io_failure(errno, "listen at", options.path);
  return file;
}

Status SocketFile::note_file() {
  struct stat made {};
  if (::lstat(path_.c_str(), &made) != 0) return io_failure(errno, "look at", path_);
  device_ = made.st_dev;
  inode_ = made.st_ino;
  return {};
}

void SocketFile::close() {
  if (descriptor_ < 0) return;
  ::close(std::exchange(descriptor_, -1));
  struct stat found {};
  const bool is_ours = inode_ != 0 && ::lstat(path_.c_str(), &found) == 0 &&
                       found.st_dev == device_ && found.st_ino == inode_;
  if (is_ours) ::unlink(path_.c_str());
}

}  // namespace emstore::daemon
