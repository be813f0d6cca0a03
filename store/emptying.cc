#include "store/emptying.h"

#include <algorithm>

#include "store/events.h"
#include "store/relations.h"

namespace emstore::store {

bool loses_data(const Entity& before, const Schema& next) {
  const Entity* after = next.entity(before.id);
  return after == nullptr ||
         std::any_of(before.fields.begin(), before.fields.end(),
                     [&](const Field& field) { return after->field(field.id) == nullptr; });
}

Schema schema_for_emptying(const Schema& current, const Schema& next) {
  Schema schema = current;
  for (Entity& entity : schema.entities) {
    const Entity* after = next.entity(entity.id);
    for (Field& field : entity.fields) {
      if (after != nullptr && after->field(field.id) != nullptr) continue;
      field.required = false;
      field.min_items.reset();
      const bool obliges = is_relation(field.kind) || field.on_delete == OnDelete::restrict_;
      if (obliges) field.on_delete = OnDelete::detach;
    }
  }
  return schema;
}

Result<std::optional<Resolved>> emptying_of(const Schema& emptying, const Entity& entity,
                                            const Schema& next, const RecordId& id,
                                            const StoredRecord& record) {
  Resolved resolved{.verb = Verb::update, .entity = &entity, .id = id};
  const Entity* after = next.entity(entity.id);
  if (after == nullptr) {
    resolved.verb = Verb::remove;
    return resolved;
  }
  EMSTORE_TRY(const FieldValues values, unpack_fields(record.fields()));
  for (const Field& field : entity.fields) {
    if (after->field(field.id) != nullptr) continue;
    const Value* value = values.find(field.id);
    if (value != nullptr && !value->is_null()) resolved.values.set(field.id, Value());
    if (!is_link(field.kind) || record.row.links_of(field.id).count == 0) continue;
    LinkRequest clear{.field = &field, .path = field.name, .operators = kOperatorSet};
    clear.side = *find_side(emptying, entity, side_name(field));
    clear.set.emplace();
    resolved.links.push_back(std::move(clear));
  }
  if (resolved.values.empty() && resolved.links.empty()) return std::nullopt;
  return resolved;
}

}  // namespace emstore::store
