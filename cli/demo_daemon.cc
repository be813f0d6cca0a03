#include "cli/demo_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <utility>
#include <vector>

#include "cli/interrupt.h"

namespace emstore::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kReadyDeadline{30};
constexpr std::size_t kLogLines = 12;
constexpr std::string_view kReadyWord = " ready in ";

// The environment without what would configure another daemon than ours.
std::vector<std::string> clean_environment() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry; ++entry) {
    if (!std::string_view(*entry).starts_with("EMSTORE_")) kept.emplace_back(*entry);
  }
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child, between fork and exec: nothing here allocates.
[[noreturn]] void become(const char* program, char** arguments, char** environment, int output,
                         int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // However the demo ends, its daemon ends with it.
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);  // Ctrl-C is for the demo.
  ::dup2(output, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execvpe(program, arguments, environment);
  ::_exit(127);
}

}  // namespace

std::filesystem::path DemoDaemon::find_program() {
  if (const char* named = std::getenv("EMSTORED"); named && *named) return named;
  std::error_code ignored;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& place : {own / "emstored", own / "../sbin/emstored"}) {
    if (std::filesystem::exists(place, ignored)) return place.lexically_normal();
  }
  return "emstored";
}

DemoDaemon::~DemoDaemon() { kill(); }

double DemoDaemon::start() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw DemoFailure("cannot make a pipe");
  const int log = ::open(places_.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  std::vector<std::string> words{places_.program.string(), "--data", places_.data.string(),
                                 "--socket", places_.socket.string(),
                                 // What a temporary folder lies on is good enough for a demo.
                                 "--set", "store.allow_memory=true"};
  std::vector<std::string> variables = clean_environment();
  const std::vector<char*> arguments = pointers_to(words);
  const std::vector<char*> environment = pointers_to(variables);
  const pid_t parent = ::getpid();
  const auto start = Clock::now();
  process_ = ::fork();
  if (process_ == 0) {
    become(words.front().c_str(), const_cast<char**>(arguments.data()),
           const_cast<char**>(environment.data()), pipe[1], log, parent);
  }
  ::close(log);
  ::close(pipe[1]);
  output_ = pipe[0];
  if (process_ < 0) throw DemoFailure("cannot start " + places_.program.string());
  wait_until_ready();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void DemoDaemon::wait_until_ready() {
  const auto deadline = Clock::now() + kReadyDeadline;
  std::string said;
  std::array<char, 512> piece{};
  while (said.find(kReadyWord) == std::string::npos || said.back() != '\n') {
    InterruptGuard::check();
    if (Clock::now() > deadline) fail("emstored did not get ready in time");
    pollfd place{output_, POLLIN, 0};
    if (::poll(&place, 1, 100) <= 0) continue;
    const ssize_t count = ::read(output_, piece.data(), piece.size());
    if (count == 0) fail("emstored ended instead of getting ready");
    if (count > 0) said.append(piece.data(), static_cast<std::size_t>(count));
  }
}

void DemoDaemon::fail(const std::string& what) const {
  std::deque<std::string> lines;
  std::ifstream log(places_.log);
  for (std::string line; std::getline(log, line);) {
    lines.push_back(line);
    if (lines.size() > kLogLines) lines.pop_front();
  }
  std::string text = what + " (" + places_.program.string() + ")";
  for (const std::string& line : lines) text += "\n  " + line;
  throw DemoFailure(text);
}

int DemoDaemon::reap() {
  int status = 0;
  while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
  ::close(std::exchange(output_, -1));
  return status;
}

void DemoDaemon::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  reap();
}

void DemoDaemon::stop() {
  if (process_ <= 0) return;
  ::kill(process_, SIGTERM);
  const int status = reap();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("emstored did not stop in order");
}

}  // namespace emstore::cli
