// XXH3 for processors with AVX2: the build gives this file, and no other, -mavx2.
#if defined(__x86_64__)

#if !defined(__AVX2__)
#error "compile base/hash_avx2.cc with -mavx2"
#endif

#include "base/hash_xxh3.h"

namespace emstore {

Xxh3Variant xxh3_avx2() { return xxh3_of_this_file(); }

}  // namespace emstore

#endif
