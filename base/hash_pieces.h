// The XXH3-128 alone of content that comes in pieces: for looking whether it is known, before both
// digests of hash.h are worth their time, and for holding it against its address. Threads: one at
// a time.
#pragma once

#include <memory>
#include <string_view>

#include "base/hash.h"

namespace emstore {

class PiecesHasher {
 public:
  PiecesHasher();
  ~PiecesHasher();
  PiecesHasher(const PiecesHasher& other);  // Each goes on by itself.
  PiecesHasher& operator=(const PiecesHasher& other);

  void update(std::string_view piece);
  // Of all pieces so far.
  Digest128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace emstore
