#include "cli/interrupt.h"

#include <unistd.h>

#include <string_view>

namespace emstore::cli {
namespace {

constexpr unsigned kPatienceSeconds = 2;

volatile sig_atomic_t is_interrupted = 0;  // A signal handler can reach nothing else.

void remember(int) {
  is_interrupted = 1;
  ::alarm(kPatienceSeconds);
}

// Nobody looked: a daemon that does not answer holds the command up.
void give_up(int) {
  constexpr std::string_view kSaid =
      "interrupted; the daemon has not answered, and may still be at it\n";
  // The program ends whether that can be said or not.
  static_cast<void>(::write(STDERR_FILENO, kSaid.data(), kSaid.size()) != 0);
  ::_exit(kExitInterrupted);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  is_interrupted = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &interrupt_before_);
  ::sigaction(SIGTERM, &action, &terminate_before_);
  action.sa_handler = give_up;
  ::sigaction(SIGALRM, &action, &alarm_before_);
}

// In this order: a signal that comes now sets no alarm that nobody waits for.
InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
  ::alarm(0);
  ::sigaction(SIGALRM, &alarm_before_, nullptr);
}

void InterruptGuard::check() {
  if (is_interrupted == 0) return;
  ::alarm(0);  // What is put in order now may take its time.
  throw Interrupted();
}

}  // namespace emstore::cli
