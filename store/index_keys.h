// Keys of Family::values: what an index holds of a record. A pure function of the record's values,
// so the same rows come from a commit, from the fill of a new index and from a rebuild.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "store/field_values.h"
#include "store/reader.h"
#include "store/schema.h"

namespace emstore::store {

// The value of a field as readers see it: what the record holds, or the field's default when the
// record is older than the field.
const Value& effective_value(const Field& field, const FieldValues& values);

// The key without the record's id: what all records with these values share. Errors:
// value_too_large.
Result<std::string> index_values_prefix(const Entity& entity, const Index& index,
                                        const FieldValues& values);
// The whole key. Errors: value_too_large.
Result<std::string> index_key(const Entity& entity, const Index& index, const FieldValues& values,
                              const RecordId& id);
// As index_key(), but nothing for values too large for an index: such a record was there before the
// index, which is then never ready (index_states.h).
Result<std::optional<std::string>> index_key_if_any(const Entity& entity, const Index& index,
                                                    const FieldValues& values, const RecordId& id);

// Another record with the same values in a unique index, if there is one. `key` is the whole key of
// `record`. Errors: corrupt_index and what the reader reports.
Result<std::optional<RecordId>> other_with_same_values(const Reader& reader, const Entity& entity,
                                                       const Index& index, std::string_view key,
                                                       const RecordRef& record);

}  // namespace emstore::store
