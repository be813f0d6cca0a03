#include "store/names_of_then.h"

#include <algorithm>

#include "store/event_bytes.h"
#include "store/log.h"

namespace emstore::store {

Result<std::optional<EntityId>> NamesOfThen::entity(const View& view, const std::string& name) {
  const std::lock_guard lock(guard_);
  EMSTORE_CHECKED(learn(view));
  const auto found = names_.entities.find(name);
  return found == names_.entities.end() ? std::nullopt : std::optional(found->second);
}

Result<std::optional<FieldId>> NamesOfThen::field(const View& view, EntityId entity,
                                                  const std::string& name) {
  const std::lock_guard lock(guard_);
  EMSTORE_CHECKED(learn(view));
  const auto found = names_.fields.find({entity, name});
  return found == names_.fields.end() ? std::nullopt : std::optional(found->second);
}

// Each commit says which schema was in force before it, so that those of the log lead back from the
// last one.
Status NamesOfThen::learn(const View& view) {
  Names learnt;
  for (Sequence version = view.schema->version; version > learnt_;) {
    EMSTORE_TRY(const Schema schema, schema_applied_at(*view.reader, version));
    for (const Entity& entity : schema.entities) {
      learnt.entities.try_emplace(entity.name, entity.id);
      for (const Field& field : entity.fields) {
        learnt.fields.try_emplace({entity.id, field.name}, field.id);
      }
    }
    EMSTORE_TRY(const auto bytes, view.reader->get(Family::log, log_key(version)));
    if (!bytes) return failure(ErrorCode::corrupt_log, "no commit " + std::to_string(version));
    EMSTORE_TRY(const HeaderView header, decode_header(*bytes));
    if (header.info.schema >= version) {
      return failure(ErrorCode::corrupt_log,
                     "commit " + std::to_string(version) + " names a schema that is not before it");
    }
    version = header.info.schema;
  }
  learnt.entities.merge(names_.entities);
  learnt.fields.merge(names_.fields);
  names_ = std::move(learnt);
  learnt_ = std::max(learnt_, view.schema->version);
  return {};
}

}  // namespace emstore::store
