// Cells: one record taken apart in place, value by value, for conditions and orders. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/columns.h"
#include "store/row_bytes.h"

namespace emstore::store {

// One value that can be compared; monostate is null. Two values of one column have the same
// alternative, or one of them is null, or the column holds ids, where integers come before uuids,
// or they are within json, where anything stands: integers then as they are, for those beyond 2^53
// have no double of their own.
//
//   text enum address digest uuid   std::string_view     number   double
//   date datetime, times, integer ids   std::int64_t     boolean  bool
//   relation: as the id it holds    within json: as the value is
using Scalar = std::variant<std::monostate, bool, std::int64_t, double, std::string_view>;
// The same, owning its text.
using OwnedScalar = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

inline bool is_null(const Scalar& scalar) { return std::holds_alternative<std::monostate>(scalar); }
Scalar view_of(const OwnedScalar& scalar);
OwnedScalar owned(const Scalar& scalar);

// Null first, then booleans, numbers and texts; texts in binary order; numbers, which are finite,
// by value, integers and doubles alike.
std::strong_ordering compare(const Scalar& a, const Scalar& b);
// Whether both are booleans, numbers, texts, or null.
bool is_of_one_kind(const Scalar& a, const Scalar& b);

// A value in stored form as a scalar that looks into it. Not for json and link fields.
Scalar scalar_of(FieldKind kind, const Value& stored);

// A number, text or boolean within json as a scalar that looks into it; nothing for a list or a
// map.
std::optional<Scalar> json_scalar(const Value& value);

// The value at the end of a way into json, by the names of maps and the places in lists; null when
// there is none.
const Value& json_at(const Value& whole, std::span<const std::string> way);

// Reused from record to record, so that looking at a record costs no allocation. What it gives are
// views of what take() was given.
class Cells {
 public:
  // `fields` are packed (row_bytes.h); they may be empty when no field will be asked for.
  // Errors: corrupt_index.
  Status take(const RecordId& id, const RecordView& view, std::string_view fields);

  // The packed value of a field; empty when the record has none. A default is not applied.
  std::string_view packed(FieldId field) const;
  // The value of a column, with the default of its field where the record has none. Not for json
  // fields and the columns that need other rows. Errors: corrupt_index.
  Result<Scalar> scalar(const Column& column) const;
  // The value of a json field, or null. Errors: corrupt_index.
  Result<Value> json(const Field& field) const;
  // The one within it, for an order: lists and maps have no place in an order and are null. Errors:
  // corrupt_index.
  Result<Scalar> scalar_within(const Field& field, std::span<const std::string> way) const;

 private:
  RecordId id_;
  Version version_ = 0;
  Time created_, updated_;
  std::vector<std::pair<FieldId, std::string_view>> fields_;
};

}  // namespace emstore::store
