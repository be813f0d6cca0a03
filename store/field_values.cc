#include "store/field_values.h"

#include <algorithm>

namespace emstore::store {
namespace {

bool is_before(const FieldValues::Entry& entry, FieldId field) { return entry.first < field; }

}  // namespace

const Value* FieldValues::find(FieldId field) const {
  const auto place = std::lower_bound(entries_.begin(), entries_.end(), field, is_before);
  return place != entries_.end() && place->first == field ? &place->second : nullptr;
}

void FieldValues::set(FieldId field, Value value) {
  const auto place = std::lower_bound(entries_.begin(), entries_.end(), field, is_before);
  if (place != entries_.end() && place->first == field) {
    place->second = std::move(value);
  } else {
    entries_.emplace(place, field, std::move(value));
  }
}

void FieldValues::erase(FieldId field) {
  const auto place = std::lower_bound(entries_.begin(), entries_.end(), field, is_before);
  if (place != entries_.end() && place->first == field) entries_.erase(place);
}

}  // namespace emstore::store
