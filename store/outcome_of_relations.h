// What a mutation answers about relations: derived from what was asked and from its events. Pure.
#pragma once

#include <span>
#include <vector>

#include "store/commands.h"
#include "store/events.h"
#include "store/resolved.h"

namespace emstore::store {

// Of a relation by the name of the record it leads to: `added` is where it leads now, `removed`
// where it led.
FieldOutcome outcome_of_reference(const LinkRequest& request, const RecordRef& record,
                                  std::span<const Event> events);
// Of what leads to `record`: the records that lead to it now, and those that did.
FieldOutcome outcome_of_inverse(const LinkRequest& request, const RecordRef& record,
                                std::span<const Event> events);

// The items that changed nothing.
std::vector<RecordId> without_effect(const std::vector<LinkItem>& items,
                                     const std::vector<RecordId>& changed,
                                     const std::vector<RecordId>& moved);

// What the events of a commit do to records, each record once, in the order of the events.
std::vector<Effect> effects_of(const Schema& schema, std::span<const Event> events);

}  // namespace emstore::store
