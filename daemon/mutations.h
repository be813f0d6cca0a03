// Mutations on their way to the writer. Those of one connection are carried out in the order in
// which they came, many at a time: one that brings file bytes is prepared on a media thread first,
// and those that came after it wait behind. They are carried out whether their connection is still
// there or not, so what waits has a bound of its own.
//
// Threads: the reactor's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/operations.h"
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
    std::size_t bytes = 0;  // What it takes while it waits.
  };
  // The mutations of the command as they came; the rest of it is in `options`.
  void begin(const Request& request, store::Command command, protocol::MutationOptions options,
             const std::optional<Sha256>& digest);
  void begin(const Request& request, protocol::SchemaApply apply,
             const std::optional<Sha256>& digest);
  // What takes back a commit is found by a media thread.
  void begin(const Request& request, protocol::Undo undo, const std::optional<Sha256>& digest);

 private:
  // What is answered once the store has: of a transaction one form an operation, or none where each
  // is about one record.
  struct Answering {
    Caller caller;
    std::vector<AnswerForm> forms;
    bool is_transaction = false;
  };
  // What waits to be submitted, in the order of its session.
  struct Waiting {
    Request request;
    Answering answering;
    std::uint64_t number = 0;
    std::optional<Result<store::Submission>> prepared;  // Nothing: a media thread has it.
  };

  using Preparation = std::function<Result<store::Submission>(std::size_t thread)>;
  void prepare_elsewhere(const Request& request, Answering answering, Preparation preparation);
  void prepared(SessionId session, std::uint64_t number, Result<store::Submission> submission);
  bool has_room(const Request& request) const;
  Status room_for(const store::Command& command) const;
  void add_waiting(Waiting waiting);
  void queue(const Request& request, Answering answering, Result<store::Submission> submission);
  void submit(const Request& request, Answering answering, Result<store::Submission> submission);
  void answer(const Answering& answering, const store::Outcome& outcome);

  const Parts& parts_;
  std::unordered_map<SessionId, std::deque<Waiting>> lanes_;  // Only while something is prepared.
  std::size_t waiting_bytes_ = 0;                             // Of what is in them.
  std::uint64_t next_number_ = 0;
};

}  // namespace emstore::daemon
