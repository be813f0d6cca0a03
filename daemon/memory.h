// How the process asks the system for memory, and gives it back.
#pragma once

namespace emstore::daemon {

// Before there is a second thread. Few arenas, and large buffers straight from the system, so that
// what a flood of large requests took is given back when they are answered.
void set_up_memory();

// Gives free memory back to the system; takes milliseconds. Any thread.
void give_back_memory();

}  // namespace emstore::daemon
