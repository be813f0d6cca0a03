// What a field accepts, in what form it is stored and shown, and how it is ordered. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/pack.h"
#include "base/pack_buffer.h"
#include "base/result.h"
#include "base/sink.h"
#include "store/schema.h"

namespace emstore::store {

// The stored form of `given` (field_values.h), or the violation: wrong_type, required (null),
// too_long, too_short, pattern_mismatch, out_of_range, not_in_enum, schema_mismatch. The error's
// path is left to the caller. Not for link fields. Datetimes: Time or RFC 3339 text; dates:
// "YYYY-MM-DD" text.
Result<Value> stored_form(const Field& field, const Value& given);

// As stored_form(), but checks the type only: for literals in queries, which may lie outside the
// bounds.
Result<Value> literal_form(const Field& field, const Value& given);

// Whether values of the kind are shown just as they are stored.
constexpr bool is_shown_as_stored(FieldKind kind) {
  return kind != FieldKind::date && kind != FieldKind::datetime && kind != FieldKind::address &&
         kind != FieldKind::digest && kind != FieldKind::relation;
}

// Shows a stored value: dates as text, datetimes as time, addresses and digests as text.
void show(FieldKind kind, const Value& stored, Sink& sink);
Value shown(const Field& field, const Value& stored);
// The same straight from the bytes of one packed value, without a tree. Errors: corrupt_index, when
// it has to be taken apart and is not of that kind.
Status show_packed(FieldKind kind, std::string_view packed, pack::Buffer& shown);

// The stored form of a `relation`: an integer id, or the 16 bytes of a uuid; and the id that it
// holds, nothing for what is none.
Value stored_reference(const RecordId& id);
std::optional<RecordId> reference_of(const Value& stored);

// Whether a mime type fits one of the globs ("image/*", "application/pdf"); any when there is none.
bool mime_fits(std::string_view mime_type, const std::vector<std::string>& globs);

// The order-preserving bytes of a stored value in index keys (like FoundationDB's tuple layer):
// null sorts first; texts in binary order; numbers by value. Concatenations keep the order of
// lists, and no value's bytes begin those of another. Errors: value_too_large when the bytes would
// exceed kIndexValueBytesMax.
inline constexpr std::size_t kIndexValueBytesMax = 1024;
Status append_index_value(FieldKind kind, const Value& stored, std::string& key);

}  // namespace emstore::store
