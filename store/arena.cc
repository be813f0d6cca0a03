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

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void Arena::Free::operator()(void* chunk) const { std::free(chunk); }

void* Arena::take(std::size_t bytes) {
  constexpr std::size_t kAlign = alignof(std::max_align_t);
  const std::size_t skipped = rounded_up(reinterpret_cast<std::uintptr_t>(next_), kAlign) -
                              reinterpret_cast<std::uintptr_t>(next_);
  if (left_ < skipped + bytes) {
    add_chunk(bytes);
  } else {
    take_bytes(skipped);
  }
  return take_bytes(bytes);
}

char* Arena::take_bytes(std::size_t bytes) {
  if (left_ < bytes) add_chunk(bytes);
  char* const taken = next_;
  next_ += bytes;
  left_ -= bytes;
  return taken;
}

void Arena::clear() { *this = {}; }

void Arena::add_chunk(std::size_t bytes_min) {
  const std::size_t wanted = std::clamp(2 * chunk_bytes_, kFirstChunkBytes, kChunkBytesMax);
  chunk_bytes_ = std::max(wanted, bytes_min);
  const bool is_huge = chunk_bytes_ >= kHugePageBytes;
  const std::size_t unit = is_huge ? kHugePageBytes : alignof(std::max_align_t);
  chunk_bytes_ = rounded_up(chunk_bytes_, unit);
  chunks_.emplace_back(std::aligned_alloc(unit, chunk_bytes_));
  if (!chunks_.back()) throw std::bad_alloc();
  // Advice: without huge pages the memory is as good.
  if (is_huge) static_cast<void>(::madvise(chunks_.back().get(), chunk_bytes_, MADV_HUGEPAGE));
  next_ = static_cast<char*>(chunks_.back().get());
  left_ = chunk_bytes_;
}

}  // namespace emstore::store
