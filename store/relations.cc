#include "store/relations.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"

namespace emstore::store {
namespace {

Side forward_side(const Schema& schema, const Entity& entity, const Field& field) {
  const bool many = field.kind == FieldKind::media || field.kind == FieldKind::links;
  return {side_name(field), &field, &entity, &target_of(schema, field), many, false};
}

Side inverse_side(const Referrer& referrer) {
  const Field& field = *referrer.field;
  const bool many = field.kind == FieldKind::links || !field.unique;
  return {field.inverse, &field, referrer.owner, referrer.owner, many, true};
}

bool is_side(const Field& field) { return is_link(field.kind) || is_relation(field.kind); }

// ---- The canonical form -------------------------------------------------------------------------

std::string_view type_of(const Field& field) {
  if (is_media_link(field.kind)) return "poly";
  if (field.kind == FieldKind::links) return "m:n";
  return field.unique ? "1:1" : "n:1";
}

std::string_view target_name(const Field& field) {
  return is_media_link(field.kind) ? kMediaEntityName : std::string_view(field.target);
}

// As bknd puts it together: what is as usual is left out.
std::string relation_name(const Entity& entity, const Field& field) {
  if (field.kind == FieldKind::links) return "mn_" + field.connection;
  const bool is_media = is_media_link(field.kind);
  std::string name = is_media ? "poly" : field.unique ? "11" : "n1";
  name += "_" + entity.name + "_" + std::string(target_name(field));
  if (is_media || side_name(field) != field.target) name += "_" + std::string(side_name(field));
  if (!is_media && field.inverse != entity.name) name += "_" + field.inverse;
  return name;
}

Map config_of(const Entity& entity, const Field& field) {
  Map config;
  if (is_media_link(field.kind)) {
    config.append("mappedBy", field.name);
    if (field.kind == FieldKind::medium) config.append("targetCardinality", 1);
    return config;
  }
  if (side_name(field) != field.target) config.append("mappedBy", side_name(field));
  if (field.inverse != entity.name) config.append("inversedBy", field.inverse);
  if (field.unique) config.append("sourceCardinality", 1);
  if (field.kind == FieldKind::links &&
      field.connection != connection_name(entity.name, field.target)) {
    config.append("connectionTable", field.connection);
  }
  if (field.with_limit) config.append("with_limit", *field.with_limit);
  return config;
}

Field end_of_connection(std::string_view reference, const std::string& target) {
  Field field;
  field.name = relation_field_name(reference);
  field.kind = FieldKind::relation;
  field.reference = reference;
  field.target = target;
  field.on_delete = OnDelete::cascade;
  return field;
}

}  // namespace

std::string_view side_name(const Field& field) {
  return field.kind == FieldKind::relation ? field.reference : field.name;
}

const Entity& target_of(const Schema& schema, const Field& field) {
  const Entity* target =
      is_media_link(field.kind) ? schema.entity(kMediaEntity) : schema.entity(field.target);
  EMSTORE_CHECK(target != nullptr);  // As read_wanted_schema() and schema_of() promise.
  return *target;
}

std::vector<Referrer> referrers_of(const Schema& schema, const Entity& entity) {
  std::vector<Referrer> referrers;
  for (const Entity& owner : schema.entities) {
    for (const Field& field : owner.fields) {
      if (is_relation(field.kind) && field.target == entity.name) {
        referrers.push_back({&owner, &field});
      }
    }
  }
  return referrers;
}

std::vector<Side> sides_of(const Schema& schema, const Entity& entity) {
  std::vector<Side> sides;
  for (const Field& field : entity.fields) {
    if (is_side(field)) sides.push_back(forward_side(schema, entity, field));
  }
  for (const Referrer& referrer : referrers_of(schema, entity)) {
    sides.push_back(inverse_side(referrer));
  }
  return sides;
}

std::optional<Side> find_side(const Schema& schema, const Entity& entity, std::string_view name) {
  for (const Field& field : entity.fields) {
    if (is_side(field) && side_name(field) == name) return forward_side(schema, entity, field);
  }
  for (const Entity& owner : schema.entities) {
    for (const Field& field : owner.fields) {
      const bool leads_here = is_relation(field.kind) && field.target == entity.name;
      if (leads_here && field.inverse == name) return inverse_side({&owner, &field});
    }
  }
  return std::nullopt;
}

std::string relation_field_name(std::string_view reference) {
  return std::string(reference) + "_id";
}

std::string connection_name(std::string_view source, std::string_view target) {
  return std::string(source) + "_" + std::string(target);
}

bool is_end_of_connection(const Field& field, std::string_view source, std::string_view target) {
  return field.kind == FieldKind::relation && (field.target == source || field.target == target);
}

Map canonical_relations(const Schema& schema) {
  Map relations;
  for (const Entity& entity : schema.entities) {
    for (const Field& field : entity.fields) {
      if (!is_side(field)) continue;
      relations.append(relation_name(entity, field), Map{{"type", type_of(field)},
                                                         {"source", entity.name},
                                                         {"target", target_name(field)},
                                                         {"config", config_of(entity, field)}});
    }
  }
  return relations;
}

Map canonical_connection(const Entity& owner, const Field& links,
                         Map (*canonical_field)(const Field& field)) {
  const bool is_self = links.target == owner.name;
  Map fields;
  for (const Field& end : {end_of_connection(is_self ? links.inverse : owner.name, owner.name),
                           end_of_connection(is_self ? links.name : links.target, links.target)}) {
    fields.append(end.name, canonical_field(end));
  }
  for (const Field& field : links.link_fields) fields.append(field.name, canonical_field(field));
  return {{"type", "generated"}, {"fields", std::move(fields)}};
}

}  // namespace emstore::store
