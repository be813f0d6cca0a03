// Removal: what else goes or changes when a record is deleted, found by following what refers to
// it. All I/O of the rules of deletion; what they forbid is said here too.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/reader.h"
#include "store/resolved.h"
#include "store/schema.h"

namespace emstore::store {

struct Removal {
  // A field of a record that stays, and what it must let go.
  struct Release {
    RecordRef record;
    const Entity* entity = nullptr;
    const Field* field = nullptr;   // A relation, which becomes null; or links,
    std::vector<RecordId> targets;  // which lose these.
  };
  std::vector<RecordRef> records;  // That go: what refers to others before those; the root last.
  std::vector<Release> releases;
};

// Follows `cascade` from `root` as far as it leads. Whatever else refers to a record that goes is
// released, unless it must stay (`restrict`, required): then `violations` says so, and the result
// is what else would have to be done. Rules hold for the whole: what goes itself, `going` too,
// which others delete, restricts nothing and is left as it is. Errors: commit_too_large over
// kLinksMax other references; what the reader reports.
Result<Removal> plan_removal(const Reader& reader, const Schema& schema, const RecordRef& root,
                             const std::set<RecordRef>& going, const std::string& path,
                             Violations& violations);

// Adds to records that go together what goes with them by `cascade`. Errors: commit_too_large when
// these are more than `most`, or more than `looked_max` references have to be looked at for it;
// what the reader reports.
Status add_cascades(const Reader& reader, const Schema& schema, std::size_t most,
                    std::size_t looked_max, std::set<RecordRef>& going);

// What is taken back, `root` and `going`, takes nothing along: whatever else leads to `root` came
// later, and is a violation.
Status refuse_references(const Reader& reader, const Schema& schema, const RecordRef& root,
                         const std::set<RecordRef>& going, const std::string& path,
                         Violations& violations);

// Which records lead to `target` by `field` of `owner`, by their ids. Errors: commit_too_large over
// kLinksMax.
Result<std::vector<RecordId>> referrers_to(const Reader& reader, const RecordRef& target,
                                           const Entity& owner, const Field& field);

}  // namespace emstore::store
