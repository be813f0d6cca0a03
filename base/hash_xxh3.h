// The body of one Xxh3Variant. Included once by each hash*.cc, and compiled for the instruction set
// of the file that includes it; everything is local to that file.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hash_variants.h"

namespace emstore {
namespace {

inline Xxh3Variant xxh3_of_this_file() {
  return {
      .digest128 =
          [](const void* bytes, size_t size) {
            const XXH128_hash_t hash = XXH3_128bits(bytes, size);
            return Xxh3Words{hash.high64, hash.low64};
          },
      .digest64 = [](const void* bytes, size_t size) -> uint64_t {
        return XXH3_64bits(bytes, size);
      },
      .reset = [](void* state) { XXH3_128bits_reset(static_cast<XXH3_state_t*>(state)); },
      .update =
          [](void* state, const void* bytes, size_t size) {
            XXH3_128bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
          },
      .digest128_of_state =
          [](const void* state) {
            const XXH128_hash_t hash = XXH3_128bits_digest(static_cast<const XXH3_state_t*>(state));
            return Xxh3Words{hash.high64, hash.low64};
          },
  };
}

}  // namespace
}  // namespace emstore
