// Undertaking: one mutation with all that goes with it in other records. Relations make a mutation
// touch more than its own record: what it creates for them, what its other sides change, what a
// deletion takes along. Each of these is a step: a mutation of one record, decided and folded on
// top of the ones before. So the rules of a record are held in one place, whoever asks for it.
//
// Order of the events: records that this one's values and links lead to, then the record itself,
// then what leads to it. Of a deletion: what lets go, what goes with it, the record itself.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "store/events.h"
#include "store/reader.h"
#include "store/resolved.h"

namespace emstore::store {

class Undertaking {
 public:
  // The events of one step, on top of what is folded; adds what is refused.
  using Decide = std::function<Result<std::vector<Event>>(const Resolved& step)>;
  // Makes them part of `rows`. Events come in the order of the commit.
  using Fold = std::function<Status(std::span<const Event> events)>;

  // All outlive it; `rows` shows what was folded. `going` are records that the command deletes
  // together with this one: what they lead to stands against nothing.
  Undertaking(const Schema& schema, const Reader& rows, const std::set<RecordRef>& going,
              Violations& violations, Decide decide, Fold fold);

  // Carries out the mutation, and says its events, which are folded then. What is refused is in
  // `violations`; the events and the rows then mean nothing. From the first violation on, also with
  // some from the start, nothing more is folded, and it only finds out what else is refused.
  // Errors: commit_too_large, and what reader and fold report.
  Result<std::vector<Event>> carry_out(Resolved& resolved);

 private:
  bool is_refused() const { return !violations_.empty(); }
  Status step(Resolved& resolved);
  Status fold_step(const Resolved& resolved);
  Status make_targets(Resolved& resolved);
  Status make(Resolved& record, LinkRequest& request);
  Status remove_with(const Resolved& root);
  // The record that others are to lead to; nothing when it was refused and is not there.
  using Target = std::optional<RecordRef>;
  Result<Target> target_of_inverses(const Resolved& resolved) const;
  Status change_inverse(const Target& target, LinkRequest& request);
  Status set_inverse(const RecordRef& target, const LinkRequest& request);
  Status lead(const Target& target, const LinkRequest& request, const LinkItem& item);
  Status let_go(const RecordRef& target, const LinkRequest& request, const LinkItem& item);
  Result<bool> leads(const RecordRef& target, const LinkRequest& request, const RecordId& owner);
  LinkRequest& links_of(Resolved& record, const LinkRequest& request) const;
  static void attach_to(const Target& target, LinkRequest& links, const std::string& path);
  Status create_under(const Target& target, LinkRequest& request);

  const Schema& schema_;
  const Reader& rows_;
  const std::set<RecordRef>& going_;
  Violations& violations_;
  Decide decide_;
  Fold fold_;
  std::vector<Event> events_;
};

// How many records are created before the one that an insert is about.
std::size_t records_before(const Resolved& resolved);

}  // namespace emstore::store
