// A schema as a user writes it, read and checked: names instead of ids. What it becomes, beside the
// schema that is in force, is schema_change.h. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/schema.h"

namespace emstore::store {

inline constexpr std::size_t kSchemaViolationsMax = 100;
inline constexpr std::size_t kSchemaMembersMax = 1000;  // Of a schema's entities, relations and
                                                        // indices; of an entity's fields.
inline constexpr std::size_t kNameBytesMax = 64;
inline constexpr std::size_t kIndexNameBytesMax = 255;
inline constexpr std::size_t kIndexFieldsMax = 16;

struct WantedIndex {
  std::string name;
  std::string entity;
  std::vector<std::string> fields;
  bool unique = false;
};

struct WantedSchema {
  std::vector<Entity> entities;  // Without ids, but media's own fields; media is always among them.
  std::vector<WantedIndex> indexes;
  // What `renamed_from` says of entities and fields: by their paths, the names they had.
  std::map<std::string, std::string> renamed;
  std::vector<Error> violations;  // With paths; at most kSchemaViolationsMax.
};

// Names that every record or every media has anyway (id, created_at, path …) may be declared with
// their own type, and are left out. What media has of itself keeps emstore's options.
WantedSchema read_wanted_schema(const Map& wanted);

// "entities.products.fields.gallery"
std::string path_of_field(std::string_view entity, std::string_view field);

}  // namespace emstore::store
