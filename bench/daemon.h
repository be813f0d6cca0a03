// An emstored as a program of its own, on a folder, for as long as the object lives.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace emstore::bench {

class Daemon {
 public:
  // Returns when it answers on its socket. `settings`: each a name=value.
  Daemon(const std::filesystem::path& program, const std::filesystem::path& data,
         const std::vector<std::string>& settings = {});
  ~Daemon();  // stop()
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  const std::filesystem::path& socket() const { return socket_; }
  // Of its memory, what it has in use now.
  std::uint64_t resident_bytes() const;
  // In order; returns when it has ended. An exit code other than 0 ends this program, too.
  void stop();
  // SIGKILL; returns when it is gone.
  void kill();

 private:
  void wait_until_it_answers();
  int end_with(int signal);

  std::filesystem::path socket_;
  std::filesystem::path log_;
  pid_t pid_ = 0;
};

// A connected stream socket, or -1 with errno.
int connect_to(const std::filesystem::path& socket);

}  // namespace emstore::bench
