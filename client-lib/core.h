// What a Client and everything it hands out share: two connections, and how requests are made.
// Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <emstore/client.hpp>

#include "base/result.h"
#include "client-lib/caller.h"
#include "protocol/message.h"

namespace emstore {

class Core {
 public:
  // Errors: unreachable.
  static Result<std::unique_ptr<Core>> connect(const Options& options);
  Core(std::filesystem::path socket, const Options& options);

  // For requests and their answers; and for the bytes of media, so that these hold up nobody. Who
  // is told of such bytes may make requests, but a handler of notifications may not move bytes:
  // each could wait for the other.
  Caller& caller() { return caller_; }
  Caller& bulk() { return bulk_; }

  protocol::MutationOptions options_of(const MutationOptions& options) const;
  // Made in `room`, whose memory is used again.
  Outgoing outgoing(Caller& through, const protocol::Call& call, std::string room = {}) const;
  Outgoing outgoing(std::string_view method, const List& params);

  // Whether the daemon takes descriptors of files and gives them.
  bool passes_descriptors() const { return can("descriptors"); }
  // Whether it says which contents it has.
  bool tells_what_it_has() const { return can("blob_have"); }

  // Told of every transfer of bytes from now on.
  void on_progress(ByteProgress progress);
  ByteProgress progress() const;

  Result<Value> call(const protocol::Call& call);
  // The same for an answer that is a map.
  Result<Map> call_for_map(const protocol::Call& call);

 private:
  bool can(std::string_view what) const;  // As its hello says.

  const bool request_keys_;
  mutable std::mutex progress_turn_;
  ByteProgress progress_;
  Caller caller_;
  Caller bulk_;  // Its turn comes before that of the other.
};

// 128 random bits in hexadecimal.
std::string new_request_key();

// The query as on the wire, without `after` and `as_of`. Errors: as to_map(query) throws.
Result<Map> lowered(const Query& query);

// The map that an answer is meant to be. Errors: internal, naming `what`.
Result<Map> expect_map(Value value, std::string_view what);
std::uint64_t unsigned_of(const Map& map, std::string_view name);  // 0 when there is none.

}  // namespace emstore
