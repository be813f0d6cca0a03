// Columns: what a query can name of a record. A field, or what every record has without declaring
// it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/schema.h"

namespace emstore::store {

enum class Pseudo : std::uint8_t {
  none,
  id,
  created_at,
  updated_at,
  version,      // "$version": only when selected.
  modified_at,  // The rest of media only, and only when selected: updated_at by another name,
  path,         // the address,
  etag,         // the SHA-256 within quotes,
  reference,    // "posts.images": entity and field of the oldest link to it,
  entity_id,    // and the id of the owner.
};

struct Column {
  Pseudo pseudo = Pseudo::none;
  const Field* field = nullptr;  // When pseudo is none.
  bool operator==(const Column&) const = default;
};

// As the user writes it: "price", "created_at", "$version".
std::string_view name_of(const Column& column);

// The column with that name. Errors: unknown_field, with a suggestion and without a path.
Result<Column> find_column(const Entity& entity, std::string_view name);

// The column that an alias stands for: `path` of media is its blob, `modified_at` its updated_at.
// Others are themselves.
Column without_alias(const Column& column, const Entity& entity);

// The field by whose rules the values of a column are read and shown; for times a datetime. Null
// for what has rules of its own: id, $version, aliases, etag, reference, entity_id.
const Field* rules_of(const Column& column);

// The names of a way into json, `width` and `0.name`: at least one. Errors: invalid_request,
// without a path.
Result<std::vector<std::string>> names_within(std::string_view way);

// A path with one more step: `where` and `price` make `where.price`; with an index, `$or[1]`.
std::string step(std::string_view path, std::string_view name);
std::string step(std::string_view path, std::size_t index);

}  // namespace emstore::store
