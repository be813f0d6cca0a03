// Schemas that were in force at some time, by the ids of what they name: an entity or a field that
// is renamed keeps its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <emstore/value.hpp>

#include "base/result.h"
#include "client-lib/core.h"

namespace emstore {

class PastSchema {
 public:
  PastSchema();                              // Before the first one: media alone.
  explicit PastSchema(const Map& document);  // As the event schema_applied has it.

  struct Field {
    std::int64_t id = 0;
    std::string name, type;
  };
  struct Entity {
    std::int64_t id = 0;
    std::string name;
    std::vector<Field> fields;
    bool has_uuids = false;  // As ids, rather than integers.

    // Null for what the entity does not have.
    const Field* field(std::string_view name) const;
    const Field* field(std::int64_t id) const;
  };

  // Null for what the schema does not have.
  const Entity* entity(std::string_view name) const;
  const Entity* entity(std::int64_t id) const;
  const std::vector<Entity>& entities() const { return entities_; }

 private:
  std::vector<Entity> entities_;
};

// What it gives lives as long as it does.
class PastSchemas {
 public:
  explicit PastSchemas(Core& core) : core_(core) {}

  // The one that the commit of that number applied, asked for once; 0: before the first one.
  Result<const PastSchema*> version(std::uint64_t sequence);
  // The one in force after a commit; 0: before the first one. Errors: out_of_range for a commit
  // that has not been made.
  Result<const PastSchema*> as_of(std::uint64_t sequence);

 private:
  Core& core_;
  std::map<std::uint64_t, PastSchema> versions_;
};

// The events of a commit as the log tells it. Errors: result_too_large for one that is told by its
// bytes only.
Result<List> events_of(Map commit);

}  // namespace emstore
