// Memory for what is made piece by piece and given up all at once. It comes in chunks, each twice
// as large as the one before it up to 16 MiB, and those of 2 MiB and more in huge pages, where the
// system has them. To be given memory takes longer than to fill it (measured on a virtual machine:
// 256 MiB in 1.4 s by pages of 4 KiB, in 0.15 s by huge ones, in 0.5 s where the machine has to be
// given them first), so a thread of its own fetches the next large chunk while one is filled, and
// what was cleared is kept for the next use.
//
// Threads: one.
#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <vector>

namespace emstore::store {

class Arena {
 public:
  // So many bytes, aligned for whatever is not aligned more than std::max_align_t; and as they
  // come.
  void* take(std::size_t bytes);
  char* take_bytes(std::size_t bytes);
  // Takes everything back, and keeps the chunks until the arena goes.
  void clear();

 private:
  struct Free {
    void operator()(char* memory) const;
  };
  struct Chunk {
    std::unique_ptr<char, Free> memory;
    std::size_t bytes = 0;
  };
  static Chunk make_chunk(std::size_t bytes_min);
  char* take_apart(std::size_t bytes);
  void next_chunk(std::size_t bytes_min);
  Chunk following_chunk(std::size_t bytes_min);

  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  // Of the chunks; the last of them has `left_` bytes from `next_` on.
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::vector<Chunk> apart_;  // What is larger than any chunk, each by itself.
  std::future<Chunk> ahead_;  // Of the largest size; its memory is there, if the system could.
};

}  // namespace emstore::store
