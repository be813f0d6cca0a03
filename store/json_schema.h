// JSON Schema for values of jsonschema fields: read once when a schema is applied, held against
// every value that is written. Pure.
//
// Taken is draft 7 without what leads out of the document, and with `$defs` and `dependent…` of
// 2019-09; docs/protocol.md lists the keywords. Patterns are RE2. A keyword that is not taken is
// refused by name rather than left unchecked. Threads: immutable once read; share it freely.
#pragma once

#include <emstore/value.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace emstore::store {

struct JsonSchemaNode;

// Of one schema: objects and booleans that stand where a schema can.
inline constexpr std::size_t kJsonSchemaNodesMax = 1000;
// Of one check: pairs of a schema and a value that are looked at, and texts that are compared, by
// 64 bytes.
inline constexpr std::uint64_t kJsonSchemaStepsMax = 1'000'000;

class JsonSchema {
 public:
  // The schema {}, which every value fits.
  JsonSchema();
  // Errors: invalid_schema and unsupported, with the place within the schema as path
  // ("properties.size.minimum").
  static Result<JsonSchema> read(const Map& source);

  const Map& source() const { return *source_; }
  // Errors: schema_mismatch, whose message begins with `name` and the place within the value;
  // value_too_large when the check would take more than kJsonSchemaStepsMax steps.
  Status check(const Value& value, std::string_view name) const;
  // What the schema's `default`, or the defaults of its properties, make of nothing.
  std::optional<Value> default_value() const;

  bool operator==(const JsonSchema& other) const { return *source_ == *other.source_; }

 private:
  JsonSchema(std::shared_ptr<const Map> source, std::shared_ptr<const JsonSchemaNode> root);

  std::shared_ptr<const Map> source_;
  std::shared_ptr<const JsonSchemaNode> root_;  // Owns every other node, too.
};

}  // namespace emstore::store
