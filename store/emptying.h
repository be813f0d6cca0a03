// What a schema drops is emptied before it goes: records of entities that go are deleted, values
// and links of fields that go are cleared, by ordinary events. Pure.
#pragma once

#include <optional>

#include "store/facts.h"
#include "store/resolved.h"
#include "store/schema.h"

namespace emstore::store {

// Whether `next` lacks the entity, or one of its fields.
bool loses_data(const Entity& before, const Schema& next);

// The current schema, but that nothing obliges what goes: it may be empty, and its owner deleted.
Schema schema_for_emptying(const Schema& current, const Schema& next);

// What has to happen to a record of `entity`, which is one of `emptying`, made by
// schema_for_emptying(); nothing when it holds nothing that goes.
Result<std::optional<Resolved>> emptying_of(const Schema& emptying, const Entity& entity,
                                            const Schema& next, const RecordId& id,
                                            const StoredRecord& record);

}  // namespace emstore::store
