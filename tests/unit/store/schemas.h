// Schemas as a user writes them, and what change_schema() makes of them: for the tests of schemas.
#pragma once

#include <string>
#include <vector>

#include "store/schema_change.h"

namespace emstore::store {

Map field(const char* type, Map config = {});
Map primary();
Map media_of(const char* owner);
Map medium_of(const char* owner);
Map entity(Map fields);
// What bknd adds to a media entity that polymorphic relations lead to.
Map media_entity();
void relate(Map& relations, const std::string& source, const std::string& mapped_by, bool to_one);
Map schema_of_entities(Map entities, Map relations = {}, Map indices = {});
Map seed_posts();
Map seed_products();
Map seed_shared();
Map seed_shop();
// A schema with one entity, of these fields.
Map things(Map fields, Map indices = {});
// The schema after `wanted`, which must be accepted.
Schema applied(const Map& wanted, const Schema& current = initial_schema());
SchemaChange changed(const Map& before, const Map& after);
// Every violation: "path: message (hint) [code]".
std::vector<std::string> violations(const Map& wanted, const Schema& current = initial_schema());
std::vector<std::string> violations_of_field(const char* type, Map config);

}  // namespace emstore::store
