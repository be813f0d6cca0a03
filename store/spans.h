// Spans: where the values of one field, or the ids, lie that meet a condition, as ranges of their
// bytes in index keys. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/where.h"

namespace emstore::store {

// Bytes from `from` up to but not including `until`; neither is empty.
struct Span {
  std::string from, until;
  bool is_point = false;  // One value: `from` is its bytes, and `until` ends what begins with them.
  bool operator==(const Span&) const = default;
};
// Ascending and apart. None: no record meets the condition.
using Spans = std::vector<Span>;

Spans common(const Spans& a, const Spans& b);
Spans either(Spans a, const Spans& b);

// The bytes of a value of a column in index keys. Nothing for what no index can hold: a value that
// is too long, or of a column without an order.
std::optional<std::string> index_bytes(const Column& column, const OwnedScalar& value);

// The spans in which `column` lies in every record that meets `condition`; there may be others in
// them. Nothing when the condition does not say.
std::optional<Spans> spans_of(const Condition& condition, const Column& column);

// Whether any record can meet the condition, as far as that can be told without looking.
bool can_be_met(const Condition& condition);

}  // namespace emstore::store
