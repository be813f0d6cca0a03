#include "bench/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "bench/shop.h"

extern char** environ;

namespace emstore::bench {
namespace {

constexpr std::chrono::seconds kPatience{60};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Daemon::Daemon(const std::filesystem::path& program, const std::filesystem::path& data,
               const std::vector<std::string>& settings)
    : socket_(data.string() + ".sock"), log_(data.string() + ".log") {
  std::vector<std::string> words{program.string(), "--data", data.string(),      "--socket",
                                 socket_.string(), "--set",  "log.level=warning"};
  for (const std::string& setting : settings) words.insert(words.end(), {"--set", setting});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log_.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  const int error =
      ::posix_spawn(&pid_, program.c_str(), &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) give_up(program.string() + ": " + std::strerror(error));
  wait_until_it_answers();
}

Daemon::~Daemon() {
  if (pid_ != 0) stop();
}

void Daemon::wait_until_it_answers() {
  // ping, id 0: answered when the reactor runs, which is after the store is open.
  static constexpr char kPing[] = {'\x94', '\x00', '\x00', '\xa4', 'p', 'i', 'n', 'g', '\x90'};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    const int socket = connect_to(socket_);
    if (socket >= 0) {
      char reply = 0;
      const bool answered = ::send(socket, kPing, sizeof(kPing), MSG_NOSIGNAL) == sizeof(kPing) &&
                            ::recv(socket, &reply, 1, 0) == 1;
      ::close(socket);
      if (answered) return;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  ::kill(pid_, SIGKILL);
  give_up("the daemon does not answer:\n" + text_of(log_));
}

std::uint64_t Daemon::resident_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/statm");
  std::uint64_t all = 0, resident = 0;
  if (!(status >> all >> resident)) give_up("the daemon has ended:\n" + text_of(log_));
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

int Daemon::end_with(int signal) {
  int status = 0;
  ::kill(pid_, signal);
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return status;
}

void Daemon::stop() {
  if (end_with(SIGTERM) != 0) give_up("the daemon did not stop in order:\n" + text_of(log_));
}

void Daemon::kill() { end_with(SIGKILL); }

int connect_to(const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.string().size() >= sizeof(address.sun_path))
    give_up(path.string() + ": too long for a socket");
  std::memcpy(address.sun_path, path.c_str(), path.string().size() + 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return socket;
  ::close(socket);
  return -1;
}

}  // namespace emstore::bench
