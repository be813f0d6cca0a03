// blob.have: which contents the store has, so that nobody sends what is there already. What it has
// gets a lease, as if it had been uploaded.
//
// Whoever may connect may read everything, so an address, or both digests with the size, is all
// that has to be known. XXH3 alone is not enough: another content with the same is made at will.
//
// Threads: the reactor's.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/parts.h"
#include "protocol/message.h"

namespace emstore::daemon {

class KnownBlobs {
 public:
  // `parts` outlives it.
  explicit KnownBlobs(const Parts& parts) : parts_(parts) {}

  void begin(Session& session, std::uint32_t request, const protocol::BlobHave& call);

 private:
  struct Question;
  void take_leases(const std::shared_ptr<Question>& question);
  void answer(const Question& question);

  const Parts& parts_;
};

}  // namespace emstore::daemon
