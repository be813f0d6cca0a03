// The options of fields, once: what each is called in a schema, for which kinds it is, how it is
// read and shown. Reading, the canonical form, differences and suggestions all come from this
// table. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/schema.h"

namespace emstore::store {

// What an option allows of values, and so which change of it refuses what was accepted before.
enum class Bound : std::uint8_t { none, lower, upper, exact, choice };

struct FieldOption {
  std::string_view name;
  Bound bound = Bound::none;
  bool (*is_for)(FieldKind kind);
  // Puts what a schema says into the field. The text says what the option should be; empty: taken.
  std::string (*take)(const Value& given, Field& field);
  // As the canonical form has it; nothing when it is as if left out.
  std::optional<Value> (*show)(const Field& field);
};

// In the order of the canonical form.
std::span<const FieldOption> field_options();
const FieldOption* field_option_named(std::string_view name);

// Whether a value that `before` allows may be refused by `after`, both as shown.
bool is_tighter(Bound bound, const std::optional<Value>& before, const std::optional<Value>& after);

}  // namespace emstore::store
