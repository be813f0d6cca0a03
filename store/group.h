// A group: the commits that share one write and one sync. Takes submissions one after the other,
// each on top of the ones before, and gathers what is to be written. Threads: the writer's. Pure
// but for its reader and its environment.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/commands.h"
#include "store/environment.h"
#include "store/index_states.h"
#include "store/log_clock.h"
#include "store/overlay.h"
#include "store/refold.h"
#include "store/resolved.h"
#include "store/store.h"

namespace emstore::store {

class Group {
 public:
  // All outlive the group. `rows` shows the rows as of `start`. `tree` is advanced by the commits
  // that are accepted.
  Group(const LogState& start, const Reader& rows, Environment& environment, LogClock& clock,
        const StoreLimits& limits, Tree& tree);

  Outcome take(const Submission& submission);

  // After the last one: what the log has come to. Everything to be written at once is then in
  // rows().
  LogState end();

  std::size_t bytes() const { return rows_.bytes(); }
  Overlay& rows() { return rows_; }

 private:
  class CommandRun;  // group_commands.cc

  Outcome carry_out(const Command& command, const Peer& peer);
  Outcome carry_out(const SchemaCommand& command, const Peer& peer);
  Outcome carry_out(const LeaseCommand& command, const Peer& peer);
  Outcome carry_out(const ExpireCommand& command, const Peer& peer);
  Outcome carry_out(const ExpireLeasesCommand& command, const Peer& peer);
  Outcome carry_out(const CollectCommand& command, const Peer& peer);  // group_garbage.cc
  Outcome carry_out(const RemovedCommand& command, const Peer& peer);
  Outcome carry_out(const SetAsideCommand& command, const Peer& peer);
  Outcome carry_out(const FoundWholeCommand& command, const Peer& peer);
  Outcome carry_out(const ScrubCommand& command, const Peer& peer);

  // The commit that answered this key before; nothing for a new key. Errors: id_reused.
  Result<std::optional<Commit>> find_request(const std::optional<RequestKey>& key,
                                             const Peer& peer);
  // The answer that the commit gave, derived from it once more, in the terms of its own schema.
  Outcome replay(const Command& command, const Commit& commit);
  Result<std::vector<Event>> decide_mutation(const Resolved& resolved, const Command& command,
                                             const Peer& peer, const CommitInfo& info,
                                             Overlay& rows, Violations& violations);
  RecordId new_id(const Entity& entity, const struct Known& known, Time now);
  Status fold_events(std::span<const Event> events, const CommitInfo& info, std::uint32_t first,
                     Overlay& rows);
  Status name_lost_records(const Schema& next, Violations& violations) const;
  Result<std::optional<std::string>> empty_page(const Schema& next, const SchemaCommand& command,
                                                const Peer& peer);
  struct Emptying {
    const Schema& schema;  // schema_for_emptying()
    const Entity& entity;  // of it
    const Schema& next;
  };
  Status empty_record(const Emptying& emptying, std::string_view key, const CommitInfo& info,
                      Overlay& rows, std::vector<Event>& events);
  // What the store itself asks for, with all that goes with it, as part of the commit.
  Status undertake(const Schema& schema, Resolved asked, const CommitInfo& info, Overlay& rows,
                   std::vector<Event>& events);
  Status check_schema_change(const struct SchemaChange& change, const SchemaCommand& command);
  Status check_size(const Overlay& rows) const;
  // Errors: commit_too_large.
  Result<CommitBytes> encoded_commit(const CommitInfo& info, std::vector<Event> events);
  // Gives the commit its bytes and makes it part of the group.
  Status accept(const CommitInfo& info, std::vector<Event> events, Overlay& rows);
  CommitInfo next_commit(const Peer& peer);
  Time now() { return clock_.now(time_); }

  const LogState& start_;
  Environment& environment_;
  LogClock& clock_;
  const StoreLimits& limits_;
  Tree& tree_;
  Overlay rows_;
  Sequence sequence_;
  Time time_;
  std::shared_ptr<const Schema> schema_;
  std::optional<IndexStates> indexes_;  // When a commit changed them.
};

}  // namespace emstore::store
