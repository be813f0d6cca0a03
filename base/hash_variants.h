// XXH3 as hash.cc uses it, once per instruction set. Internal to base/hash*.
//
// Plain types only, and nothing of the standard library: an inline function that a file compiled
// with AVX2 instantiates might be the copy that the linker keeps for everybody, also on older
// processors.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace emstore {

struct Xxh3Words {
  uint64_t high;
  uint64_t low;
};

// `state` is an XXH3_state_t, whose layout does not depend on the instruction set.
struct Xxh3Variant {
  Xxh3Words (*digest128)(const void* bytes, size_t size);
  uint64_t (*digest64)(const void* bytes, size_t size);
  void (*reset)(void* state);
  void (*update)(void* state, const void* bytes, size_t size);
  Xxh3Words (*digest128_of_state)(const void* state);
};

// For every processor of the platform that the build is for.
Xxh3Variant xxh3_baseline();
#if defined(__x86_64__)
// To be used only where the processor has AVX2.
Xxh3Variant xxh3_avx2();
#endif

}  // namespace emstore
