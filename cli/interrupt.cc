#include "cli/interrupt.h"

namespace emstore::cli {
namespace {

volatile sig_atomic_t is_interrupted = 0;  // A signal handler can reach nothing else.

void remember(int) { is_interrupted = 1; }

}  // namespace

InterruptGuard::InterruptGuard() {
  is_interrupted = 0;
  struct sigaction action {};
  action.sa_handler = remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, &interrupt_before_);
  ::sigaction(SIGTERM, &action, &terminate_before_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &interrupt_before_, nullptr);
  ::sigaction(SIGTERM, &terminate_before_, nullptr);
}

void InterruptGuard::check() {
  if (is_interrupted != 0) throw Interrupted();
}

}  // namespace emstore::cli
