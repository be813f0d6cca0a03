// Two contents that XXH3 cannot tell apart: the reason why emstore compares bytes on every hit.
#pragma once

#include <cstddef>
#include <string>

namespace emstore::testing {

struct ForgedPair {
  std::string first;
  std::string second;  // Other bytes, as many of them, with the same XXH3-128 (and XXH3-64).
};

// A pair of `size` bytes, more than 1,024; the same pair in every run. Takes no search: see the
// source.
ForgedPair forged_pair(std::size_t size);

}  // namespace emstore::testing
