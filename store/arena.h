// Memory for what is made piece by piece and given up all at once. It comes in chunks, each twice
// as large as the one before it up to 16 MiB, and those of 2 MiB and more in huge pages, where the
// system has them: to be given memory page by page takes longer than to fill it (measured on a
// virtual machine: 256 MiB in 1.4 s by pages of 4 KiB, in 0.15 s by huge ones).
//
// Threads: one.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace emstore::store {

class Arena {
 public:
  // So many bytes, aligned for whatever is not aligned more than std::max_align_t; and as they
  // come.
  void* take(std::size_t bytes);
  char* take_bytes(std::size_t bytes);
  void clear();

 private:
  struct Free {
    void operator()(void* chunk) const;
  };
  void add_chunk(std::size_t bytes_min);

  std::vector<std::unique_ptr<void, Free>> chunks_;
  std::size_t chunk_bytes_ = 0;  // Of the last one.
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace emstore::store
