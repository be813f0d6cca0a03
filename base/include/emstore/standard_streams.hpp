// For programs: what a process may be started without.
#pragma once

namespace emstore {

// Opens /dev/null in the place of each of standard input, output and error that is closed. Without
// it the first file or socket that the process opens becomes one of them, and what is printed is
// written there. To be called first in main, while there is one thread.
void open_standard_streams() noexcept;

}  // namespace emstore
