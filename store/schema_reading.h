// What the readers of a schema share: the schema as far as it is read, its violations, and the
// words in which they are told. Pure.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/wanted_schema.h"

namespace emstore::store {

class SchemaReading {
 public:
  using Names = std::span<const std::string_view>;

  WantedSchema result;
  // Entities of type "generated", which stand for the connections of many-to-many.
  std::vector<Entity> generated;

  void refuse(std::string path, std::string message, std::string hint = {},
              ErrorCode code = ErrorCode::invalid_schema);
  // Nothing more would be told: looking for suggestions would be wasted.
  bool is_full() const { return result.violations.size() >= kSchemaViolationsMax; }

  // The map under `name`; empty when there is none, and when it has too many members to look at.
  const Map& map_under(const Map& map, std::string_view name, const std::string& path);
  // Null when there is none; what is no text is refused.
  const std::string* text_under(const Map& map, std::string_view name, const std::string& path);
  void check_keys(const Map& map, const std::string& path, Names known);
  bool check_name(std::string_view name, const std::string& path, std::size_t bytes_max);
  // Takes an option into the field, or refuses it.
  void read_option(const Entity& entity, Field& field, const Map::Member& given,
                   const std::string& path);

  // Places of entities and fields that were refused: what names them is not refused for that again.
  void mark_broken(const std::string& path) { broken_.insert(path); }
  bool is_broken(const std::string& path) const { return broken_.contains(path); }

  Entity* entity_named(std::string_view name);
  std::vector<std::string_view> entity_names() const;
  // The entity, or null and a violation unless it is broken itself.
  Entity* find_entity(std::string_view name, const std::string& path);

 private:
  std::set<std::string> broken_;
};

}  // namespace emstore::store
