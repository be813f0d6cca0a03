// Pieces that both event payloads and rows are made of: ids, records, digests, field values. Pure.
#pragma once

#include "base/hash.h"
#include "base/pack.h"
#include "base/result.h"
#include "base/types.h"
#include "store/field_values.h"

namespace emstore::store {

// Fails unless a list of exactly `size` values is next.
tl::unexpected<Error> other_size(std::size_t found, std::size_t size);
inline Status take_list(pack::Cursor& cursor, std::size_t size) {
  EMSTORE_TRY(const std::size_t found, cursor.begin_list());
  return found == size ? Status() : other_size(found, size);
}

// An id is an integer or 16 bytes; a record is two values, entity and id.
void put(pack::Writer& writer, const RecordId& id);
void put(pack::Writer& writer, const RecordRef& record);
Result<RecordId> take_id(pack::Cursor& cursor);
Result<RecordRef> take_record(pack::Cursor& cursor);

void put(pack::Writer& writer, const Sha256& digest);
Result<Sha256> take_sha256(pack::Cursor& cursor);

// A map of field id to stored value, by field.
void put(pack::Writer& writer, const FieldValues& values);
Result<FieldValues> take_values(pack::Cursor& cursor);

}  // namespace emstore::store
