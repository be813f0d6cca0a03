// The values of a record's fields, by field, in the form in which rows and events hold them:
//
//   text enum        text                       number    number (finite double; -0 is 0)
//   boolean          boolean                    date      integer, days since 1970-01-01
//   datetime         integer, microseconds      json      any value without binary and time
//   address          binary, 17 bytes           digest    binary, 32 bytes
//   relation         integer, or the 16 bytes of a uuid: the id of the record it leads to
//
// A field without a value is absent; null stands only where a change says "cleared".
#pragma once

#include <compare>
#include <utility>
#include <vector>

#include "base/types.h"

namespace emstore::store {

class FieldValues {
 public:
  using Entry = std::pair<FieldId, Value>;

  const Value* find(FieldId field) const;
  void set(FieldId field, Value value);
  void erase(FieldId field);
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }  // Ordered by field.
  auto end() const { return entries_.end(); }
  bool operator==(const FieldValues&) const = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace emstore::store
