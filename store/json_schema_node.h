// A JSON Schema as read: what check() walks. Known to json_schema*.cc alone.
#pragma once

#include <re2/re2.h>

#include <emstore/value.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace emstore::store {

enum class JsonFormat : std::uint8_t {
  none,
  date,
  date_time,
  time,
  email,
  hostname,
  ipv4,
  uri,
  uuid
};

// The kinds of `type`, or-ed.
enum JsonTypes : std::uint8_t {
  kJsonNull = 1,
  kJsonBoolean = 2,
  kJsonNumber = 4,
  kJsonInteger = 8,
  kJsonString = 16,
  kJsonArray = 32,
  kJsonObject = 64,
};

// Pointers are into the nodes that the root owns.
struct JsonSchemaNode {
  using Named = std::vector<std::pair<std::string, const JsonSchemaNode*>>;

  bool nothing_fits = false;  // The schema `false`.
  std::uint8_t types = 0;     // 0: any.
  std::string types_text;
  std::optional<std::vector<std::string>> choices;  // In canonical text.

  std::optional<double> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;

  std::optional<std::uint64_t> min_length, max_length;
  std::unique_ptr<RE2> pattern;
  JsonFormat format = JsonFormat::none;

  std::optional<std::uint64_t> min_items, max_items;
  bool unique_items = false;
  std::vector<const JsonSchemaNode*> tuple;  // `items` as a list.
  const JsonSchemaNode* items = nullptr;     // Of the others.
  const JsonSchemaNode* contains = nullptr;

  std::optional<std::uint64_t> min_properties, max_properties;
  std::vector<std::string> required;
  Named properties;  // Ordered by name.
  std::vector<std::pair<std::unique_ptr<RE2>, const JsonSchemaNode*>> patterns;
  const JsonSchemaNode* other_properties = nullptr;
  const JsonSchemaNode* names = nullptr;
  std::vector<std::pair<std::string, std::vector<std::string>>> required_with;
  Named schema_with;

  std::vector<const JsonSchemaNode*> all, any, one;
  const JsonSchemaNode* negated = nullptr;
  const JsonSchemaNode* condition = nullptr;
  const JsonSchemaNode* consequence = nullptr;
  const JsonSchemaNode* alternative = nullptr;
  const JsonSchemaNode* reference = nullptr;

  // Of the root: all the others.
  std::vector<std::unique_ptr<JsonSchemaNode>> owned;
};

// One text for values that are equal in JSON: numbers by value, members in any order.
std::string canonical_json(const Value& value);
// Whether a text has the format, and what the format is called in schemas.
bool has_json_format(JsonFormat format, std::string_view text);
std::optional<JsonFormat> json_format_named(std::string_view name);
std::string_view name_of(JsonFormat format);

// Errors: as JsonSchema::read().
Result<std::unique_ptr<JsonSchemaNode>> read_json_schema(const Map& source);

}  // namespace emstore::store
