// Relations as both of their ends see them. A relation is one field of one entity: `medium`,
// `media`, `links`, or a `relation`, which holds the id of a record. Each end has a name, by which
// documents, `with` and paths call it. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "store/schema.h"

namespace emstore::store {

// One end of a relation. Views and pointers are the schema's.
struct Side {
  std::string_view name;           // "gallery"; "author" of the field author_id; "posts" of users.
  const Field* field = nullptr;    // The field that makes the relation,
  const Entity* owner = nullptr;   // and the entity that has it.
  const Entity* target = nullptr;  // What this side leads to.
  bool many = false;               // A list of records; otherwise one or none.
  bool inverse = false;            // Seen from what the field leads to: then `target` is `owner`.

  // Whether it stands on rows of Family::links; otherwise on the value of the field.
  bool has_links() const { return is_link(field->kind); }
  bool leads_to_media() const { return target->id == kMediaEntity; }
  bool operator==(const Side&) const = default;
};

// Every side of an entity: those of its own fields in their order, then what leads to it.
std::vector<Side> sides_of(const Schema& schema, const Entity& entity);
// The side with that name. What refers to media (`reference`) is none: it can be of any entity.
std::optional<Side> find_side(const Schema& schema, const Entity& entity, std::string_view name);

// The name by which the entity of `field` calls what it leads to.
std::string_view side_name(const Field& field);
// The entity a media, links or relation field leads to.
const Entity& target_of(const Schema& schema, const Field& field);
// The fields of any entity that lead to records of `entity` by value or by links; of media, those
// that are no media fields: none.
struct Referrer {
  const Entity* owner = nullptr;
  const Field* field = nullptr;
};
std::vector<Referrer> referrers_of(const Schema& schema, const Entity& entity);

// What bknd calls the field of a relation and the entity of a connection when nobody says.
std::string relation_field_name(std::string_view reference);                    // author_id
std::string connection_name(std::string_view source, std::string_view target);  // posts_categories

// Members of the canonical form (schema.h) that follow from the fields: the relations, and the
// entities that bknd generates for many-to-many. `canonical_field` shows one field.
Map canonical_relations(const Schema& schema);
Map canonical_connection(const Entity& owner, const Field& links,
                         Map (*canonical_field)(const Field& field));
// Whether a field of a generated entity is one of the two that make the connection.
bool is_end_of_connection(const Field& field, std::string_view source, std::string_view target);

}  // namespace emstore::store
