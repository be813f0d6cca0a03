#include "store/schema.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/suggest.h"
#include "store/field_options.h"
#include "store/relations.h"

namespace emstore::store {
namespace {

constexpr std::array<std::pair<FieldKind, std::string_view>, 13> kKinds{{
    {FieldKind::text, "text"},
    {FieldKind::number, "number"},
    {FieldKind::boolean, "boolean"},
    {FieldKind::date, "date"},
    {FieldKind::datetime, "datetime"},
    {FieldKind::enumeration, "enum"},
    {FieldKind::json, "json"},
    {FieldKind::medium, "medium"},
    {FieldKind::media, "media"},
    {FieldKind::address, "address"},
    {FieldKind::digest, "digest"},
    {FieldKind::relation, "relation"},
    {FieldKind::links, "links"},
}};

template <typename Items, typename Is>
auto* find_where(Items& items, Is is) {
  const auto place = std::find_if(items.begin(), items.end(), is);
  return place == items.end() ? nullptr : &*place;
}

// ---- The canonical form -------------------------------------------------------------------------

Map canonical(const Field& field) {
  Map config;
  for (const FieldOption& option : field_options()) {
    if (!option.is_for(field.kind)) continue;
    if (auto shown = option.show(field)) config.append(std::string(option.name), *std::move(shown));
  }
  Map shown;  // What a link holds of its own has no id.
  if (field.id != FieldId{}) shown.append("id", static_cast<std::uint32_t>(field.id));
  shown.append("type", type_name_of(field));
  shown.append("config", std::move(config));
  return shown;
}

Map canonical(const Entity& entity) {
  Map fields;
  for (const Field& field : entity.fields) fields.append(field.name, canonical(field));
  Map config;
  if (!entity.label.empty()) config.append("label", entity.label);
  if (!entity.description.empty()) config.append("description", entity.description);
  if (entity.ids == IdFormat::uuid) config.append("primary_format", kUuidFormat);
  config.append("sort_field", entity.sort_field);
  config.append("sort_dir", entity.sort_direction);
  return {{"id", static_cast<std::uint32_t>(entity.id)},
          {"type", entity.system ? "system" : "regular"},
          {"next_field", entity.next_field},
          {"fields", std::move(fields)},
          {"config", std::move(config)}};
}

Map canonical(const Index& index, const Entity& entity) {
  List fields;
  for (const FieldId id : index.fields) fields.emplace_back(entity.field(id)->name);
  return {{"id", static_cast<std::uint32_t>(index.id)},
          {"entity", entity.name},
          {"fields", std::move(fields)},
          {"unique", index.unique}};
}

// ---- Reading it back ----------------------------------------------------------------------------

tl::unexpected<Error> corrupt_schema(const std::string& what) {
  return failure(ErrorCode::corrupt_log, "a schema in the log is damaged: " + what);
}

Result<const Map*> map_in(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  if (value == nullptr || value->if_map() == nullptr)
    return corrupt_schema("no map " + quoted(name));
  return value->if_map();
}

Result<std::uint32_t> number_in(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  const std::int64_t* number = value == nullptr ? nullptr : value->if_integer();
  if (number == nullptr || *number < 1 || *number > std::numeric_limits<std::uint32_t>::max()) {
    return corrupt_schema("no id " + quoted(name));
  }
  return static_cast<std::uint32_t>(*number);
}

Result<std::string> text_in(const Map& map, std::string_view name) {
  const Value* value = map.find(name);
  if (value == nullptr || value->if_text() == nullptr)
    return corrupt_schema("no text " + quoted(name));
  return *value->if_text();
}

Result<Field> field_of(const std::string& name, const Map& canonical) {
  Field field;
  field.name = name;
  if (canonical.contains("id")) {
    EMSTORE_TRY(const std::uint32_t id, number_in(canonical, "id"));
    field.id = FieldId{id};
  }
  EMSTORE_TRY(const std::string type, text_in(canonical, "type"));
  const auto kind = field_kind_named(type == kJsonSchemaType ? "json" : type);
  if (!kind) return corrupt_schema("field " + quoted(name) + " of type " + quoted(type));
  field.kind = *kind;
  EMSTORE_TRY(const Map* config, map_in(canonical, "config"));
  for (const Map::Member& member : *config) {
    const FieldOption* option = field_option_named(member.name);
    if (option == nullptr || !option->take(member.value, field).empty()) {
      return corrupt_schema("option " + quoted(member.name) + " of field " + quoted(name));
    }
  }
  return field;
}

Result<Entity> entity_of(const std::string& name, const Map& canonical) {
  Entity entity;
  entity.name = name;
  EMSTORE_TRY(const std::uint32_t id, number_in(canonical, "id"));
  entity.id = EntityId{id};
  EMSTORE_TRY(const std::string type, text_in(canonical, "type"));
  entity.system = type == "system";
  EMSTORE_TRY(entity.next_field, number_in(canonical, "next_field"));
  EMSTORE_TRY(const Map* fields, map_in(canonical, "fields"));
  for (const Map::Member& member : *fields) {
    EMSTORE_TRY(const Map* map, map_in(*fields, member.name));
    EMSTORE_TRY(Field field, field_of(member.name, *map));
    if (field.id == FieldId{})
      return corrupt_schema("field " + quoted(member.name) + " without an id");
    entity.fields.push_back(std::move(field));
  }
  EMSTORE_TRY(const Map* config, map_in(canonical, "config"));
  if (config->contains("label")) {
    EMSTORE_TRY(entity.label, text_in(*config, "label"));
  }
  if (config->contains("description")) {
    EMSTORE_TRY(entity.description, text_in(*config, "description"));
  }
  if (config->contains("primary_format")) {
    EMSTORE_TRY(const std::string format, text_in(*config, "primary_format"));
    if (format != kUuidFormat) return corrupt_schema("ids of format " + quoted(format));
    entity.ids = IdFormat::uuid;
  }
  EMSTORE_TRY(entity.sort_field, text_in(*config, "sort_field"));
  EMSTORE_TRY(entity.sort_direction, text_in(*config, "sort_dir"));
  return entity;
}

// Holds the links of an entity against what they lead to, and gives them the fields of their
// connection.
Status connect(const Map& entities, const Schema& schema, Entity& entity) {
  for (Field& field : entity.fields) {
    if (!is_relation(field.kind)) continue;
    const Entity* target = schema.entity(field.target);
    if (target == nullptr) return corrupt_schema("no entity " + quoted(field.target));
    if (field.kind != FieldKind::links) continue;
    EMSTORE_TRY(const Map* connection, map_in(entities, field.connection));
    EMSTORE_TRY(const Map* fields, map_in(*connection, "fields"));
    for (const Map::Member& member : *fields) {
      EMSTORE_TRY(const Map* map, map_in(*fields, member.name));
      EMSTORE_TRY(Field own, field_of(member.name, *map));
      if (is_end_of_connection(own, entity.name, target->name)) continue;
      field.link_fields.push_back(std::move(own));
    }
  }
  return {};
}

Result<Index> index_of(const Schema& schema, const std::string& name, const Map& canonical) {
  Index index;
  index.name = name;
  EMSTORE_TRY(const std::uint32_t id, number_in(canonical, "id"));
  index.id = IndexId{id};
  EMSTORE_TRY(const std::string entity_name, text_in(canonical, "entity"));
  const Entity* entity = schema.entity(entity_name);
  const Value* fields = canonical.find("fields");
  const Value* unique = canonical.find("unique");
  const bool is_whole = entity != nullptr && fields != nullptr && fields->if_list() != nullptr &&
                        unique != nullptr && unique->if_boolean() != nullptr;
  if (!is_whole) return corrupt_schema("index " + quoted(name));
  index.entity = entity->id;
  index.unique = *unique->if_boolean();
  for (const Value& item : *fields->if_list()) {
    const Field* field = item.if_text() == nullptr ? nullptr : entity->field(*item.if_text());
    if (field == nullptr) return corrupt_schema("a field of index " + quoted(name));
    index.fields.push_back(field->id);
  }
  return index;
}

Field media_field(FieldId id, std::string_view name, FieldKind kind, std::uint8_t fillable) {
  Field field;
  field.id = id;
  field.name = name;
  field.kind = kind;
  field.fillable = fillable;
  return field;
}

}  // namespace

std::string_view name_of(FieldKind kind) {
  const auto* named = find_where(kKinds, [kind](const auto& pair) { return pair.first == kind; });
  return named == nullptr ? std::string_view() : named->second;
}

std::string_view type_name_of(const Field& field) {
  return field.json_schema ? kJsonSchemaType : name_of(field.kind);
}

std::optional<FieldKind> field_kind_named(std::string_view name) {
  const auto* named = find_where(kKinds, [name](const auto& pair) { return pair.second == name; });
  if (named == nullptr) return std::nullopt;
  return named->first;
}

const Field* Entity::field(std::string_view wanted) const {
  return find_where(fields, [wanted](const Field& field) { return field.name == wanted; });
}
const Field* Entity::field(FieldId wanted) const {
  return find_where(fields, [wanted](const Field& field) { return field.id == wanted; });
}

const Entity* Schema::entity(std::string_view wanted) const {
  return find_where(entities, [wanted](const Entity& entity) { return entity.name == wanted; });
}
const Entity* Schema::entity(EntityId wanted) const {
  return find_where(entities, [wanted](const Entity& entity) { return entity.id == wanted; });
}

std::vector<const Index*> Schema::indexes_of(EntityId entity) const {
  std::vector<const Index*> found;
  for (const Index& index : indexes) {
    if (index.entity == entity) found.push_back(&index);
  }
  std::sort(found.begin(), found.end(),
            [](const Index* a, const Index* b) { return a->id < b->id; });
  return found;
}

Schema initial_schema() {
  Entity media;
  media.id = kMediaEntity;
  media.name = kMediaEntityName;
  media.system = true;
  media.next_field = kFirstUserFieldOfMedia;
  media.fields = {
      media_field(kMediaName, "name", FieldKind::text, kInMutations),
      media_field(kMediaType, "mime_type", FieldKind::text, /*fillable=*/0),
      media_field(kMediaClaimedType, "claimed_type", FieldKind::text, /*fillable=*/0),
      media_field(kMediaSize, "size", FieldKind::number, /*fillable=*/0),
      media_field(kMediaBlob, "blob", FieldKind::address, /*fillable=*/0),
      media_field(kMediaSha256, "sha256", FieldKind::digest, /*fillable=*/0),
      media_field(kMediaMetadata, "metadata", FieldKind::json, kInMutations),
  };
  Schema schema;
  schema.entities.push_back(std::move(media));
  return schema;
}

Map to_value(const Schema& schema) {
  Map entities;
  for (const Entity& entity : schema.entities) entities.append(entity.name, canonical(entity));
  for (const Entity& entity : schema.entities) {
    for (const Field& field : entity.fields) {
      if (field.kind != FieldKind::links) continue;
      entities.append(field.connection, canonical_connection(entity, field, canonical));
    }
  }
  Map indices;
  for (const Index& index : schema.indexes) {
    indices.append(index.name, canonical(index, *schema.entity(index.entity)));
  }
  return {{"entities", std::move(entities)},
          {"relations", canonical_relations(schema)},
          {"indices", std::move(indices)},
          {"next", Map{{"entity", schema.next_entity}, {"index", schema.next_index}}}};
}

Result<Schema> schema_of(const Map& canonical, Sequence version) {
  Schema schema;
  schema.version = version;
  EMSTORE_TRY(const Map* entities, map_in(canonical, "entities"));
  for (const Map::Member& member : *entities) {
    EMSTORE_TRY(const Map* map, map_in(*entities, member.name));
    if (map->find("type") != nullptr && *map->find("type") == Value("generated")) continue;
    EMSTORE_TRY(Entity entity, entity_of(member.name, *map));
    schema.entities.push_back(std::move(entity));
  }
  for (Entity& entity : schema.entities) EMSTORE_CHECKED(connect(*entities, schema, entity));
  if (schema.entity(kMediaEntity) == nullptr) return corrupt_schema("no entity \"media\"");
  EMSTORE_TRY(const Map* indices, map_in(canonical, "indices"));
  for (const Map::Member& member : *indices) {
    EMSTORE_TRY(const Map* map, map_in(*indices, member.name));
    EMSTORE_TRY(Index index, index_of(schema, member.name, *map));
    schema.indexes.push_back(std::move(index));
  }
  EMSTORE_TRY(const Map* next, map_in(canonical, "next"));
  EMSTORE_TRY(schema.next_entity, number_in(*next, "entity"));
  EMSTORE_TRY(schema.next_index, number_in(*next, "index"));
  return schema;
}

std::string title(const Entity& entity, const Field& field) {
  return entity.name + "." + field.name;
}

Result<const Entity*> find_entity(const Schema& schema, std::string_view name) {
  if (const Entity* entity = schema.entity(name)) return entity;
  std::vector<std::string_view> names;
  for (const Entity& entity : schema.entities) names.emplace_back(entity.name);
  return failure(ErrorCode::unknown_entity, "no entity " + quoted(name), {},
                 did_you_mean(name, names));
}

Result<const Field*> find_field(const Entity& entity, std::string_view name) {
  if (const Field* field = entity.field(name)) return field;
  std::vector<std::string_view> names;
  for (const Field& field : entity.fields) names.emplace_back(field.name);
  return failure(ErrorCode::unknown_field, "no field " + quoted(name) + " on " + entity.name, {},
                 did_you_mean(name, names));
}

}  // namespace emstore::store
