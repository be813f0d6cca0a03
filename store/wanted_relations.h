// The relations of a schema as a user writes it: bknd's four types, with their names and
// configurations (research of what it accepts: docs/protocol.md, Schema). Each becomes what its
// field holds (schema.h). Pure.
//
//   poly   source's media field `mappedBy`                           source, target "media"
//   n:1    source's relation field `<mappedBy or target>_id`, made when it is not declared
//   1:1    the same, with a unique index over it
//   m:n    source's links field `<mappedBy or target>`, made when it is not declared; the entity of
//          type "generated" that goes with it says what a link holds of its own
//
// The other side is called `inversedBy`, else as the source; where that is taken, or where several
// relations of the same source would share it, `<source>_<mappedBy>`.
#pragma once

#include "store/schema_reading.h"

namespace emstore::store {

// After the entities: reads the relations into their fields. Media, links and relation fields
// without a relation, names that clash, generated entities that belong to none: violations.
void read_relations(SchemaReading& reading, const Map& relations);

// After the indices: what one-to-one stands on, unless the schema has it.
void add_unique_indexes(SchemaReading& reading);

}  // namespace emstore::store
