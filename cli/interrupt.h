// Ctrl-C for commands that have something to put in order before they end.
#pragma once

#include <signal.h>

namespace emstore::cli {

inline constexpr int kExitInterrupted = 130;

// Thrown where a command looks, so that what it holds is let go of in order.
struct Interrupted {};

// While it lives, the first Ctrl-C (or SIGTERM) is remembered; a second one ends the program at
// once, and so do two seconds in which nobody looked.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // Throws Interrupted when there was one.
  static void check();

 private:
  struct sigaction interrupt_before_ {
  }, terminate_before_{}, alarm_before_{};
};

}  // namespace emstore::cli
