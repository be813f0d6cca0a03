// Mutations on their way to the writer. Those of one connection are carried out in the order in
// which they came, many at a time: one that brings file bytes is prepared on a media thread first,
// and those that came after it wait behind.
//
// Threads: the reactor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "daemon/parts.h"
#include "protocol/message.h"
#include "store/commands.h"

namespace emstore::daemon {

class Mutations {
 public:
  explicit Mutations(const Parts& parts) : parts_(parts) {}

  struct Request {
    Caller caller;
    Peer peer;
    std::size_t bytes = 0;  // As it came: what it takes while it waits.
  };
  void begin(const Request& request, store::Mutation mutation, protocol::MutationOptions options,
             const std::optional<Sha256>& digest);
  void begin(const Request& request, protocol::SchemaApply apply,
             const std::optional<Sha256>& digest);

 private:
  // What waits to be submitted, in the order of its session.
  struct Waiting {
    Request request;
    std::uint64_t number = 0;
    std::optional<Result<store::Submission>> prepared;  // Nothing: a media thread has it.
  };

  void prepare_elsewhere(const Request& request, store::Command command, bool is_media);
  void prepared(SessionId session, std::uint64_t number, Result<store::Submission> submission);
  void queue(const Request& request, Result<store::Submission> submission);
  void submit(const Request& request, Result<store::Submission> submission);
  void answer(const Caller& caller, const store::Outcome& outcome);

  const Parts& parts_;
  std::unordered_map<SessionId, std::deque<Waiting>> lanes_;  // Only while something is prepared.
  std::uint64_t next_number_ = 0;
};

}  // namespace emstore::daemon
