// Dispatch: where the wire meets the store. Every method of the protocol has one line here.
// Threads: the reactor's.
#pragma once

#include <cstddef>

#include "daemon/blob_calls.h"
#include "daemon/collection.h"
#include "daemon/exports.h"
#include "daemon/feeds.h"
#include "daemon/known_blobs.h"
#include "daemon/mutations.h"
#include "daemon/parts.h"
#include "daemon/reads.h"
#include "daemon/scrub.h"
#include "protocol/message.h"

namespace emstore::daemon {

class Dispatch {
 public:
  // `parts` outlives it.
  explicit Dispatch(const Parts& parts);

  // Carries out one request, which takes about so many bytes, and answers it now or later.
  void handle(Session& session, protocol::Request request, std::size_t bytes);
  // The writer has finished a group.
  void committed();
  // Files whose bytes are of no use any more.
  Collection& collection() { return collection_; }
  Scrub& scrub() { return scrub_; }
  // The daemon stops: nothing more will be committed.
  void drain();
  // Calls off the queries and large readings that still run: there is no reactor any more to answer
  // them.
  void cancel();
  // A connection has taken what was pushed to it.
  void has_room(Session& session);
  // A connection has ended.
  void forget(SessionId session);

 private:
  // One request, on its way to the method that carries it out.
  struct Visitor;

  const Parts& parts_;
  Reads reads_;
  Mutations mutations_;
  Collection collection_;
  BlobCalls blob_calls_;
  Feeds feeds_;
  Exports exports_;
  Scrub scrub_;
  KnownBlobs known_blobs_;
};

}  // namespace emstore::daemon
