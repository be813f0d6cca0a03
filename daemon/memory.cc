#include "daemon/memory.h"

#include <malloc.h>

namespace emstore::daemon {

void set_up_memory() {
  constexpr int kArenas = 4;
  // As a constant: otherwise the first large buffer that is freed raises the bound to its size, and
  // those after it stay in the heap, between smaller ones that live on.
  constexpr int kMappedBytesMin = 2 << 20;
  constexpr int kKeptBytes = 16 << 20;  // At the top of the heap, for the next burst.
  ::mallopt(M_ARENA_MAX, kArenas);
  ::mallopt(M_MMAP_THRESHOLD, kMappedBytesMin);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

void give_back_memory() { ::malloc_trim(0); }

}  // namespace emstore::daemon
