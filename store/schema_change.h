// From what a user sends to the next schema. Pure.
//
// Accepted: the output of bknd's schema.toJSON() as it stands, and emstore's own equal forms:
//   {entities: {name: {type?, fields: {name: {type, config}}, config?}},
//    relations: {any: {type: "poly", source, target: "media", config: {mappedBy,
//    targetCardinality?}}}, indices: {name: {entity, fields, unique?}}}
// Relations between entities ("n:1", "1:1", "m:n") are read by wanted_relations.h.
// Fields of type "media" with max_items 1 or a relation of cardinality 1 are medium(); "medium" and
// "media" name them directly. On import `fillable` of media fields counts as true, `mime_types: []`
// as any, `with_limit` as the default limit of the relation.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/schema.h"

namespace emstore::store {

struct SchemaChange {
  Schema next;  // `version` is still the current one's.
  bool changed = false;
  std::vector<std::string>
      difference;  // One line each: "+ products.sku text", "- pages", "~ posts.title required".
  std::vector<std::string>
      destructive;  // Those of them that drop data or change what records show.
  std::vector<IndexId> added_indexes;
  // Fields that became required without a default: allowed only while the entity has no record.
  std::vector<std::pair<EntityId, FieldId>> newly_required;
};

// Entities, fields and indexes keep their ids and places by name; new ones get the next ids.
// An entity or a field whose config has `renamed_from` keeps the id, and so the data, of the one
// that had that name; where there is none, or this one is there already, the option says nothing.
// Where both are there and the old one would go, it is refused: its data is not kept.
// Members "id" and `next`, as schema.get gives them, are ignored. What `wanted` leaves out is
// dropped, which is destructive; a tighter rule leaves older values as they are. A media field
// without a relation, a relation whose mappedBy names no field, unknown keys, options that do not
// fit their kind, another kind for a field: invalid_schema, all of them listed, with paths
// (`entities.products.fields.gallery`) and suggestions. What emstore cannot do
// is `unsupported`, by name.
Result<SchemaChange> change_schema(const Schema& current, const Map& wanted);

// What change_schema() told when `applied`, as the log has it, came after `before`: what has the id
// of something of another name was renamed. Errors: corrupt_log.
Result<std::vector<std::string>> difference_of(const Schema& before, const Map& applied);

}  // namespace emstore::store
