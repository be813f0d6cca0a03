// For programs: what a process may be started without.
#pragma once

namespace emstore {

// What becomes of reading and writing where a stream is closed.
enum class ClosedStreams {
  swallow,  // What is written is dropped, and reading finds the end: for who may well be unheard.
  fail,     // Either fails with EBADF: for who must say that a result did not arrive.
};

// Opens /dev/null in the place of each of standard input, output and error that is closed. Without
// it the first file or socket that the process opens becomes one of them, and what is printed is
// written there. To be called first in main, while there is one thread.
void open_standard_streams(ClosedStreams closed) noexcept;

}  // namespace emstore
