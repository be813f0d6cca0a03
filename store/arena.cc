#include "store/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

namespace emstore::store {
namespace {

constexpr std::size_t kFirstChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kChunkBytesMax = std::size_t{16} << 20;
// From here on an arena is large enough for a thread of its own.
constexpr std::size_t kAheadBytesMin = kChunkBytesMax;

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void Arena::Free::operator()(char* memory) const { std::free(memory); }

void* Arena::take(std::size_t bytes) {
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
  if (left_ < bytes) next_chunk(bytes);
  char* const taken = next_;
  next_ += bytes;
  left_ -= bytes;
  return taken;
}

void Arena::clear() {
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

// One that was kept comes first. One that is too small goes: whatever is larger than a chunk is
// taken once or twice in the life of an arena.
void Arena::next_chunk(std::size_t bytes_min) {
  if (used_ == chunks_.size()) {
    chunks_.push_back(following_chunk(bytes_min));
  } else if (chunks_[used_].bytes < bytes_min) {
    chunks_[used_] = make_chunk(bytes_min);
  }
  const Chunk& chunk = chunks_[used_++];
  next_ = chunk.memory.get();
  left_ = chunk.bytes;
}

Arena::Chunk Arena::following_chunk(std::size_t bytes_min) {
  const std::size_t before = chunks_.empty() ? 0 : chunks_.back().bytes;
  const std::size_t wanted = std::clamp(2 * before, kFirstChunkBytes, kChunkBytesMax);
  if (bytes_min > wanted || wanted < kAheadBytesMin) return make_chunk(std::max(wanted, bytes_min));
  Chunk chunk = ahead_.valid() ? ahead_.get() : make_chunk(wanted);
  // Where no thread can be had, the chunk is made when it is asked for.
  ahead_ = std::async(std::launch::async | std::launch::deferred, [wanted] {
    Chunk fetched = make_chunk(wanted);
    // Advice, too: an older system gives the memory page by page.
    static_cast<void>(::madvise(fetched.memory.get(), fetched.bytes, MADV_POPULATE_WRITE));
    return fetched;
  });
  return chunk;
}

}  // namespace emstore::store
