// The rules of one link field: $set, $detach, $attach, $create in that order, on what is there. Pure.
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
  std::string mime_type;
};

// The change of one field; `created` are the new media of its $create, in order. Nothing when no link
// changes. `owner` and `previous` of the result are the caller's to fill in.
std::optional<LinksChanged> decide_links(const Entity& entity, const LinkRequest& request,
                                         const KnownLinks& known, const Known& store,
                                         const std::vector<CreatedMedia>& created,
                                         Violations& violations);

// Whether a field of an owner may hold `count` links; adds the violation when not.
void check_count(const Entity& entity, const Field& field, std::uint64_t count, const std::string& path,
                 Violations& violations);

}  // namespace emstore::store
