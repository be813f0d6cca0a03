#include "store/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace emstore::store {
namespace {

constexpr std::size_t kFirstChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kChunkBytesMax = std::size_t{16} << 20;
constexpr std::size_t kGrowingChunks = 8;  // Those that follow are of the largest size.
static_assert(kFirstChunkBytes << kGrowingChunks == kChunkBytesMax);
// An arena of so many chunks is worth a thread of its own.
constexpr std::size_t kManyChunks = kGrowingChunks + 2;

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void Arena::Free::operator()(char* memory) const { std::free(memory); }

void* Arena::take(std::size_t bytes) {
  if (bytes > kChunkBytesMax) return take_apart(bytes);
  constexpr std::size_t kAlign = alignof(std::max_align_t);
  const std::size_t skipped = rounded_up(reinterpret_cast<std::uintptr_t>(next_), kAlign) -
                              reinterpret_cast<std::uintptr_t>(next_);
  if (left_ < skipped + bytes) {
    next_chunk(bytes);
  } else {
    take_bytes(skipped);
  }
  return take_bytes(bytes);
}

char* Arena::take_bytes(std::size_t bytes) {
  if (bytes > kChunkBytesMax) return take_apart(bytes);
  if (left_ < bytes) next_chunk(bytes);
  char* const taken = next_;
  next_ += bytes;
  left_ -= bytes;
  return taken;
}

char* Arena::take_apart(std::size_t bytes) {
  apart_.push_back(make_chunk(bytes));
  return apart_.back().memory.get();
}

void Arena::clear() {
  apart_.clear();
  used_ = 0;
  next_ = nullptr;
  left_ = 0;
}

Arena::Chunk Arena::make_chunk(std::size_t bytes_min) {
  const bool is_huge = bytes_min >= kHugePageBytes;
  const std::size_t unit = is_huge ? kHugePageBytes : alignof(std::max_align_t);
  Chunk chunk;
  chunk.bytes = rounded_up(bytes_min, unit);
  chunk.memory.reset(static_cast<char*>(std::aligned_alloc(unit, chunk.bytes)));
  if (!chunk.memory) throw std::bad_alloc();
  // Advice: without huge pages the memory is as good.
  if (is_huge) static_cast<void>(::madvise(chunk.memory.get(), chunk.bytes, MADV_HUGEPAGE));
  return chunk;
}

// The first of those that were kept that is large enough.
void Arena::next_chunk(std::size_t bytes_min) {
  const auto next = chunks_.begin() + static_cast<std::ptrdiff_t>(used_);
  const auto kept = std::find_if(
      next, chunks_.end(), [bytes_min](const Chunk& chunk) { return chunk.bytes >= bytes_min; });
  if (kept != chunks_.end()) {
    std::iter_swap(next, kept);
  } else {
    chunks_.insert(next, following_chunk(bytes_min));
  }
  const Chunk& chunk = chunks_[used_++];
  next_ = chunk.memory.get();
  left_ = chunk.bytes;
}

// How many there are says how large it is: they do not stay in the order in which they were made.
Arena::Chunk Arena::following_chunk(std::size_t bytes_min) {
  if (chunks_.size() < kManyChunks) {
    const std::size_t doublings = std::min(chunks_.size(), kGrowingChunks);
    return make_chunk(std::max(kFirstChunkBytes << doublings, bytes_min));
  }
  Chunk chunk = ahead_.valid() ? ahead_.get() : make_chunk(kChunkBytesMax);
  // Where no thread can be had, the chunk is made when it is asked for.
  ahead_ = std::async(std::launch::async | std::launch::deferred, [] {
    Chunk fetched = make_chunk(kChunkBytesMax);
    // Advice, too: an older system gives the memory page by page.
    static_cast<void>(::madvise(fetched.memory.get(), fetched.bytes, MADV_POPULATE_WRITE));
    return fetched;
  });
  return chunk;
}

}  // namespace emstore::store
