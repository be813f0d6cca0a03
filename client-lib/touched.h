// The records that commits touched, and what they are called at both ends of a comparison.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <emstore/difference.hpp>

#include "base/result.h"
#include "client-lib/core.h"
#include "client-lib/past_schema.h"

namespace emstore {

// One end of a comparison: the store as a commit left it.
struct End {
  std::uint64_t commit = 0;
  const PastSchema* schema = nullptr;
};

// Entities and fields are called as they are at the later end, or as they were when they are no
// more.
struct Ends {
  End before, after;

  // Null for what is at neither end.
  const PastSchema::Entity* entity(std::int64_t id) const;
  const PastSchema::Entity* entity(std::string_view name) const;
  // What a field of one end is called, and whether that is another field's name by now.
  std::pair<std::string, bool> name_of(std::int64_t entity, const PastSchema::Field& field) const;
};

struct TouchedRecord {
  std::string entity_name;
  std::int64_t entity = 0;
  Value id;
  std::set<std::int64_t> links;  // Fields whose links changed.
};

// Those that the query asks for, of entities that are at one end at least, by entities' names and
// by ids. Errors: unknown_entity, invalid_request and wrong_type for what the query names;
// result_too_large for a commit of which nobody tells what it did.
Result<std::vector<TouchedRecord>> touched_records(Core& core, PastSchemas& schemas,
                                                   const Ends& ends, const DiffQuery& query);

}  // namespace emstore
