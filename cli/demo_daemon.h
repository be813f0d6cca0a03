// A private emstored for the demo: started, killed, started again, and never left behind.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace emstore::cli {

// Something is not as it should be; the demo says so and fails.
class DemoFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class DemoDaemon {
 public:
  struct Places {
    std::filesystem::path program, data, socket, log;
  };

  // $EMSTORED, else beside this program, else whatever PATH has.
  static std::filesystem::path find_program();

  explicit DemoDaemon(Places places) : places_(std::move(places)) {}
  ~DemoDaemon();
  DemoDaemon(const DemoDaemon&) = delete;
  DemoDaemon& operator=(const DemoDaemon&) = delete;

  // Returns how many seconds it took until the daemon said that it is ready. Throws DemoFailure
  // with the last lines of its log.
  double start();
  void kill();  // SIGKILL: it gets to know nothing of it.
  void stop();  // SIGTERM, and waits.

 private:
  void wait_until_ready();
  [[noreturn]] void fail(const std::string& what) const;
  int reap();

  Places places_;
  pid_t process_ = -1;
  int output_ = -1;
};

}  // namespace emstore::cli
