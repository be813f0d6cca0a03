#include "store/index_keys.h"

#include <algorithm>

#include "store/facts.h"
#include "store/field_rules.h"
#include "store/row_bytes.h"

namespace emstore::store {
namespace {

// A unique index lets any number of records share values of which one is null, as in SQL.
bool is_exempt(const Entity& entity, const Index& index, const FieldValues& values) {
  return std::any_of(index.fields.begin(), index.fields.end(), [&](FieldId id) {
    return effective_value(*entity.field(id), values).is_null();
  });
}

}  // namespace

const Value& effective_value(const Field& field, const FieldValues& values) {
  static const Value kNull;
  if (const Value* value = values.find(field.id)) return *value;
  return field.default_value ? *field.default_value : kNull;
}

Result<std::string> index_values_prefix(const Entity& entity, const Index& index,
                                        const FieldValues& values) {
  std::string key = index_prefix(index.id);
  for (const FieldId id : index.fields) {
    const Field& field = *entity.field(id);
    EMSTORE_CHECKED(append_index_value(field.kind, effective_value(field, values), key));
  }
  return key;
}

Result<std::string> index_key(const Entity& entity, const Index& index, const FieldValues& values,
                              const RecordId& id) {
  EMSTORE_TRY(std::string key, index_values_prefix(entity, index, values));
  append_id(id, key);
  return key;
}

Result<std::optional<std::string>> index_key_if_any(const Entity& entity, const Index& index,
                                                    const FieldValues& values, const RecordId& id) {
  Result<std::string> key = index_key(entity, index, values, id);
  if (key) return *std::move(key);
  if (key.error().code == ErrorCode::value_too_large) return std::nullopt;
  return failure(std::move(key).error());
}

Result<std::optional<RecordId>> other_with_same_values(const Reader& reader, const Entity& entity,
                                                       const Index& index, std::string_view key,
                                                       const RecordRef& record) {
  EMSTORE_TRY(const std::optional<StoredRecord> stored, read_record(reader, record));
  if (!stored) return std::nullopt;
  EMSTORE_TRY(const FieldValues values, unpack_fields(stored->fields()));
  if (is_exempt(entity, index, values)) return std::nullopt;
  EMSTORE_TRY(const std::string prefix, index_values_prefix(entity, index, values));
  std::optional<RecordId> other;
  EMSTORE_CHECKED(reader.try_scan(Family::values, range_of_prefix(prefix),
                                  [&](std::string_view found, std::string_view) -> Result<bool> {
                                    if (found == key) return true;
                                    EMSTORE_TRY(other, id_at_end(found, entity.ids));
                                    return false;
                                  }));
  return other;
}

}  // namespace emstore::store
