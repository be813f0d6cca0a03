// The rules of one link field: $set, $detach, $attach, $create in that order, on what is there.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/events.h"
#include "store/known.h"
#include "store/resolved.h"

namespace emstore::store {

// A media that the same mutation creates.
struct CreatedMedia {
  RecordRef record;
  MediaTraits traits;
};

// The change of one field; `created` are the new media of its $create, in order. Nothing when no
// link changes. `owner` and `previous` of the result are the caller's to fill in.
std::optional<LinksChanged> decide_links(const Entity& entity, const LinkRequest& request,
                                         const KnownLinks& known, const Known& store,
                                         const std::vector<CreatedMedia>& created,
                                         Violations& violations);

// How many links a field has and would have.
struct LinkCount {
  std::uint64_t before = 0, after = 0;
  bool is_new = false;   // The owner is being inserted.
  bool is_whole = true;  // Otherwise some were refused, and too few is not for want of asking.
};

// Whether a field may hold that many; adds the violation when not. A rule that was tightened since
// does not stand against a change towards it.
void check_count(const Entity& entity, const Field& field, const LinkCount& count,
                 const std::string& path, Violations& violations);

}  // namespace emstore::store
