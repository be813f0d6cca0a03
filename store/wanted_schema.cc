#include "store/wanted_schema.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "base/suggest.h"
#include "store/field_checks.h"
#include "store/field_options.h"
#include "store/schema_words.h"

namespace emstore::store {
namespace {

using Names = std::span<const std::string_view>;

// A value within a message: what is long is only named.
std::string brief(const Value& value) {
  constexpr std::size_t kBytesMax = 80;
  std::string text = to_string(value);
  return text.size() <= kBytesMax ? text : "a long " + std::string(name_of(value.kind()));
}

// Reads one schema; gathers all that is wrong with it.
class Reading {
 public:
  WantedSchema read(const Map& wanted) &&;

 private:
  void refuse(std::string path, std::string message, std::string hint = {},
              ErrorCode code = ErrorCode::invalid_schema);
  // The map under `name`; empty when there is none, and when it has too many members to look at.
  const Map& map_under(const Map& map, std::string_view name, const std::string& path);
  const std::string* text_under(const Map& map, std::string_view name, const std::string& path);
  void check_keys(const Map& map, const std::string& path, Names known);
  bool check_name(std::string_view name, const std::string& path, std::size_t bytes_max);

  void read_entity(const std::string& name, const Value& given);
  bool read_entity_type(Entity& entity, const Map& given, const std::string& path);
  void read_entity_config(Entity& entity, const Map& config, const std::string& path);
  void read_field(Entity& entity, const std::string& name, const Value& given);
  bool is_there_anyway(const Entity& entity, const std::string& name, const std::string& type,
                       const Map& config, const std::string& path);
  std::optional<FieldKind> read_kind(const std::string& type, const std::string& path);
  void read_option(const Entity& entity, Field& field, const Map::Member& given,
                   const std::string& path);

  void read_relation(const std::string& name, const Value& given);
  void read_relation_config(Entity& source, const Map& config, const std::string& path);
  void relate(Entity& source, Field& field, const Map& config, const std::string& path);
  void check_entity(Entity& entity);
  void check_sort_field(const Entity& entity, const std::string& path);
  void check_link(const Entity& entity, Field& field, const std::string& path);

  void read_index(const std::string& name, const Value& given);
  bool read_index_field(WantedIndex& index, const Entity& entity, const std::string& field,
                        const std::string& path);

  Entity* entity_named(std::string_view name);
  std::vector<std::string_view> entity_names() const;
  // Nothing more would be told: looking for suggestions would be wasted.
  bool is_full() const { return result_.violations.size() >= kSchemaViolationsMax; }
  bool is_broken(const std::string& path) const { return broken_.contains(path); }

  WantedSchema result_;
  // Places of entities and fields that were refused: what names them is not refused for that again.
  std::set<std::string> broken_;
  std::set<std::string> related_;  // Places of media fields that have their relation.
};

void Reading::refuse(std::string path, std::string message, std::string hint, ErrorCode code) {
  if (is_full()) return;
  result_.violations.push_back(
      Error{code, std::move(message), std::move(path), std::move(hint), {}});
}

const Map& Reading::map_under(const Map& map, std::string_view name, const std::string& path) {
  static const Map kEmpty;
  const Value* value = map.find(name);
  if (value == nullptr || value->is_null()) return kEmpty;
  if (const Map* found = value->if_map()) {
    if (found->size() <= kSchemaMembersMax) return *found;
    refuse(path, quoted(name) + " has " + std::to_string(found->size()) + " members, more than " +
                     std::to_string(kSchemaMembersMax));
    return kEmpty;
  }
  refuse(path,
         "\"" + std::string(name) + "\" is a map, not " + std::string(name_of(value->kind())));
  return kEmpty;
}

const std::string* Reading::text_under(const Map& map, std::string_view name,
                                       const std::string& path) {
  const Value* value = map.find(name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->if_text() == nullptr) {
    refuse(path + "." + std::string(name), quoted(name) + " is a text, not " + brief(*value));
  }
  return value->if_text();
}

void Reading::check_keys(const Map& map, const std::string& path, Names known) {
  for (const Map::Member& member : map) {
    if (is_full()) return;
    if (std::find(known.begin(), known.end(), member.name) != known.end()) continue;
    refuse(path.empty() ? member.name : path + "." + member.name,
           "unknown key " + quoted(member.name), did_you_mean(member.name, known));
  }
}

bool Reading::check_name(std::string_view name, const std::string& path, std::size_t bytes_max) {
  if (is_name(name, bytes_max)) return true;
  refuse(path, quoted(name) + " cannot be a name",
         "use 1 to " + std::to_string(bytes_max) +
             " letters, digits and underscores, with no digit first");
  return false;
}

Entity* Reading::entity_named(std::string_view name) {
  for (Entity& entity : result_.entities) {
    if (entity.name == name) return &entity;
  }
  return nullptr;
}

std::vector<std::string_view> Reading::entity_names() const {
  std::vector<std::string_view> names;
  for (const Entity& entity : result_.entities) names.emplace_back(entity.name);
  return names;
}

// ---- Entities and fields ------------------------------------------------------------------------

bool Reading::read_entity_type(Entity& entity, const Map& given, const std::string& path) {
  const std::string* type = text_under(given, "type", path);
  if (entity.system) {
    if (type == nullptr || *type == "system") return true;
    refuse(path + ".type", "media is emstore's own entity, of type \"system\"");
    return false;
  }
  if (type == nullptr || *type == "regular") return true;
  if (*type == "generated" || *type == "system") {
    refuse(path + ".type",
           entity.name + " is of type " + quoted(*type) + ", which this version does not know",
           "use type \"regular\"", ErrorCode::unsupported);
    return false;
  }
  refuse(path + ".type", entity.name + " cannot be of type " + quoted(*type),
         "use type \"regular\"");
  return false;
}

void Reading::read_entity_config(Entity& entity, const Map& config, const std::string& path) {
  // "name" and "name_singular" are bknd's labels; emstore shows one.
  static constexpr std::array<std::string_view, 7> kKnown{
      "label", "description", "sort_field", "sort_dir", "name", "name_singular", "primary_format"};
  check_keys(config, path, kKnown);
  const std::string* label = text_under(config, "label", path);
  if (label == nullptr) label = text_under(config, "name", path);
  if (label != nullptr) entity.label = *label;
  text_under(config, "name_singular", path);
  if (const auto* text = text_under(config, "description", path)) entity.description = *text;
  if (const auto* field = text_under(config, "sort_field", path)) entity.sort_field = *field;
  if (const auto* direction = text_under(config, "sort_dir", path)) {
    entity.sort_direction = *direction;
    if (*direction != "asc" && *direction != "desc") {
      refuse(path + ".sort_dir", "sort_dir cannot be " + quoted(*direction),
             "use \"asc\" or \"desc\"");
    }
  }
  const std::string* format = text_under(config, "primary_format", path);
  if (format != nullptr && *format != "integer") {
    refuse(path + ".primary_format", "ids of format " + quoted(*format) + " are not supported",
           "use \"integer\"", ErrorCode::unsupported);
  }
}

void Reading::read_entity(const std::string& name, const Value& given) {
  const std::string path = "entities." + name;
  const bool is_named = check_name(name, path, kNameBytesMax);
  const Map* map = given.if_map();
  if (map == nullptr) {
    refuse(path, "an entity is a map {fields, config}, not " + brief(given));
    broken_.insert(path);
    return;
  }
  static constexpr std::array<std::string_view, 5> kKnown{"type", "fields", "config", "id",
                                                          "next_field"};
  check_keys(*map, path, kKnown);
  Entity* media = name == kMediaEntityName ? entity_named(name) : nullptr;
  Entity entity = media != nullptr ? *media : Entity{};
  entity.name = name;
  if (!read_entity_type(entity, *map, path) || !is_named) broken_.insert(path);
  read_entity_config(entity, map_under(*map, "config", path + ".config"), path + ".config");
  for (const Map::Member& field : map_under(*map, "fields", path + ".fields")) {
    read_field(entity, field.name, field.value);
  }
  if (media != nullptr) {
    *media = std::move(entity);
  } else {
    result_.entities.push_back(std::move(entity));
  }
}

// Whether the field is one that emstore has by itself, and so is not kept as one of the user's.
bool Reading::is_there_anyway(const Entity& entity, const std::string& name,
                              const std::string& type, const Map& config, const std::string& path) {
  if (name == kIdName) {
    if (type != "primary") {
      refuse(path, "every record has an id; \"id\" cannot be of type " + quoted(type),
             "use another name");
    }
    const std::string* format = text_under(config, "format", path + ".config");
    if (format != nullptr && *format != "integer") {
      refuse(path + ".config.format", "ids of format " + quoted(*format) + " are not supported",
             "use \"integer\"", ErrorCode::unsupported);
    }
    return true;
  }
  std::string_view expected = type_of_undeclared(entity.name, name);
  // Of media the fields read so far begin with emstore's own, which have ids.
  if (const Field* own = entity.field(name); own != nullptr && own->id != FieldId{}) {
    expected = name_of(own->kind);
  }
  if (expected.empty()) return false;
  if (type != expected) {
    refuse(path,
           entity.name + "." + name + " is emstore's own, of type \"" + std::string(expected) +
               "\", and cannot be of type " + quoted(type),
           "use another name");
  }
  return true;
}

std::optional<FieldKind> Reading::read_kind(const std::string& type, const std::string& path) {
  const auto kind = field_kind_named(type);
  const bool is_own = kind == FieldKind::address || kind == FieldKind::digest;
  if (kind && !is_own) return kind;
  if (const std::string_view instead = instead_of_type(type); !instead.empty()) {
    refuse(path + ".type", "fields of type " + quoted(type) + " are not supported",
           std::string(instead), ErrorCode::unsupported);
    return std::nullopt;
  }
  static constexpr std::array<std::string_view, 9> kTypes{
      "text", "number", "boolean", "date", "datetime", "enum", "json", "medium", "media"};
  std::string hint = did_you_mean(type, kTypes);
  if (hint.empty()) hint = "use text, number, boolean, date, datetime, enum, json, medium or media";
  refuse(path + ".type", "no field can be of type " + quoted(type), std::move(hint));
  return std::nullopt;
}

void Reading::read_option(const Entity& entity, Field& field, const Map::Member& given,
                          const std::string& path) {
  const auto& [name, value] = given;
  if (value.is_null() || is_full()) return;
  if (is_link(field.kind) && name == "entity") {
    if (value == Value(entity.name)) return;
    return refuse(
        path, "\"entity\" names the owner, " + quoted(entity.name) + ", and not " + brief(value));
  }
  if (const std::string_view instead = instead_of_option(name); !instead.empty()) {
    return refuse(path, "the option " + quoted(name) + " is not supported", std::string(instead),
                  ErrorCode::unsupported);
  }
  const std::string described = std::string(name_of(field.kind)) + " fields";
  const FieldOption* option = field_option_named(name);
  if (option == nullptr || !option->is_for(field.kind)) {
    std::vector<std::string_view> known;
    for (const FieldOption& candidate : field_options()) {
      if (candidate.is_for(field.kind)) known.push_back(candidate.name);
    }
    return refuse(path, described + " have no option " + quoted(name), did_you_mean(name, known));
  }
  if (const std::string wanted = option->take(value, field); !wanted.empty()) {
    refuse(path, quoted(name) + " is " + wanted + ", not " + brief(value));
  }
}

void Reading::read_field(Entity& entity, const std::string& name, const Value& given) {
  const std::string path = path_of_field(entity.name, name);
  const Map* map = given.if_map();
  const std::string* type = map == nullptr ? nullptr : text_under(*map, "type", path);
  if (type == nullptr) {
    refuse(path, "a field is a map {type, config}", "give it a type, such as \"text\"");
    broken_.insert(path);
    return;
  }
  static constexpr std::array<std::string_view, 3> kKnown{"type", "config", "id"};
  check_keys(*map, path, kKnown);
  const Map& config = map_under(*map, "config", path + ".config");
  if (is_there_anyway(entity, name, *type, config, path)) return;

  const bool is_named = check_name(name, path, kNameBytesMax);
  const auto kind = read_kind(*type, path);
  if (!kind || !is_named) {
    broken_.insert(path);
    return;
  }
  if (entity.system && is_link(*kind)) {
    broken_.insert(path);
    return refuse(path, "media fields of media itself are not supported",
                  "link media from another entity", ErrorCode::unsupported);
  }
  Field field;
  field.name = name;
  field.kind = *kind;
  for (const Map::Member& option : config) {
    read_option(entity, field, option, path + ".config." + option.name);
  }
  entity.fields.push_back(std::move(field));
}

// ---- Relations ----------------------------------------------------------------------------------

void Reading::read_relation(const std::string& name, const Value& given) {
  const std::string path = "relations." + name;
  const Map* map = given.if_map();
  if (map == nullptr) return refuse(path, "a relation is a map, not " + brief(given));
  static constexpr std::array<std::string_view, 4> kKnown{"type", "source", "target", "config"};
  check_keys(*map, path, kKnown);
  const std::string* type = text_under(*map, "type", path);
  const std::string* source_name = text_under(*map, "source", path);
  const std::string* target = text_under(*map, "target", path);
  if (type == nullptr || source_name == nullptr || target == nullptr) {
    return refuse(path, "a relation needs type, source and target",
                  "{type: \"poly\", source: \"products\", target: \"media\", config: {mappedBy: "
                  "\"gallery\"}}");
  }
  if (const std::string_view instead = instead_of_relation(*type); !instead.empty()) {
    return refuse(path, "relations of type " + quoted(*type) + " are not supported",
                  std::string(instead), ErrorCode::unsupported);
  }
  if (*type != "poly") {
    return refuse(path + ".type", "no relation can be of type " + quoted(*type), "use \"poly\"");
  }
  if (*target != kMediaEntityName) {
    return refuse(path + ".target", "relations to " + quoted(*target) + " are not supported",
                  "relate to \"media\"", ErrorCode::unsupported);
  }
  Entity* source = entity_named(*source_name);
  if (source != nullptr) {
    const Map& config = map_under(*map, "config", path + ".config");
    read_relation_config(*source, config, path + ".config");
  } else if (!is_broken("entities." + *source_name)) {
    refuse(path + ".source", "no entity " + quoted(*source_name),
           did_you_mean(*source_name, entity_names()));
  }
}

void Reading::read_relation_config(Entity& source, const Map& config, const std::string& path) {
  static constexpr std::array<std::string_view, 3> kKnown{"mappedBy", "targetCardinality",
                                                          "with_limit"};
  check_keys(config, path, kKnown);
  const std::string* mapped_by = text_under(config, "mappedBy", path);
  if (mapped_by == nullptr) {
    return refuse(path, "the relation names no field of " + source.name,
                  "give it config: {mappedBy: <the media field>}");
  }
  if (is_broken(path_of_field(source.name, *mapped_by))) return;
  std::vector<std::string_view> names;
  for (Field& field : source.fields) {
    if (is_link(field.kind)) names.emplace_back(field.name);
    if (field.name != *mapped_by) continue;
    if (is_link(field.kind)) return relate(source, field, config, path);
    return refuse(path + ".mappedBy",
                  source.name + "." + field.name + " is of type " +
                      std::string(name_of(field.kind)) + ", which has no relation",
                  "use type \"medium\" or \"media\"");
  }
  refuse(path + ".mappedBy", "no field " + quoted(*mapped_by) + " on " + source.name,
         did_you_mean(*mapped_by, names));
}

void Reading::relate(Entity& source, Field& field, const Map& config, const std::string& path) {
  if (!related_.insert(path_of_field(source.name, field.name)).second) {
    return refuse(path + ".mappedBy", source.name + "." + field.name + " has two relations",
                  "leave one out");
  }
  if (const Value* limit = config.find("with_limit"); limit != nullptr && !limit->is_null()) {
    const std::string wanted = field_option_named("with_limit")->take(*limit, field);
    if (!wanted.empty()) {
      refuse(path + ".with_limit", "with_limit is " + wanted + ", not " + brief(*limit));
    }
  }
  const Value* cardinality = config.find("targetCardinality");
  if (cardinality == nullptr || cardinality->is_null()) return;
  if (*cardinality == Value(1) || *cardinality == Value(1.0)) {
    field.kind = FieldKind::medium;
    return;
  }
  refuse(path + ".targetCardinality",
         "targetCardinality is 1 or left out, not " + brief(*cardinality),
         "bound the number of media by max_items of the field");
}

// ---- Whole entities -----------------------------------------------------------------------------

void Reading::check_link(const Entity& entity, Field& field, const std::string& path) {
  if (field.max_items == 1) field.kind = FieldKind::medium;
  if (field.kind == FieldKind::medium && !field.max_items) field.max_items = 1;
  if (related_.contains(path)) return;
  refuse(path, entity.name + "." + field.name + " is a media field without a relation",
         "add to relations: \"poly_" + entity.name + "_media_" + field.name +
             "\": {type: \"poly\", source: \"" + entity.name +
             "\", target: \"media\", config: {mappedBy: \"" + field.name + "\"}}");
}

void Reading::check_sort_field(const Entity& entity, const std::string& path) {
  const std::string& name = entity.sort_field;
  if (name == kIdName || !type_of_undeclared(entity.name, name).empty()) return;
  if (is_broken(path_of_field(entity.name, name))) return;
  const Field* field = entity.field(name);
  if (field != nullptr && !is_link(field->kind)) return;
  std::vector<std::string_view> names{kIdName, kCreatedName, kUpdatedName};
  for (const Field& known : entity.fields) names.emplace_back(known.name);
  refuse(path,
         field == nullptr ? "no field " + quoted(name) + " on " + entity.name
                          : "records cannot be sorted by the media of " + quoted(name),
         did_you_mean(name, names));
}

void Reading::check_entity(Entity& entity) {
  for (Field& field : entity.fields) {
    const std::string path = path_of_field(entity.name, field.name);
    if (is_link(field.kind)) check_link(entity, field, path);
    for (FieldComplaint& complaint : complaints_about(field)) {
      refuse(path + ".config." + std::string(complaint.option),
             entity.name + "." + field.name + " " + complaint.message, std::move(complaint.hint));
    }
  }
  check_sort_field(entity, "entities." + entity.name + ".config.sort_field");
}

// ---- Indexes ------------------------------------------------------------------------------------

// False when the index is one that emstore has no need of: over fields it computes.
bool Reading::read_index_field(WantedIndex& index, const Entity& entity, const std::string& name,
                               const std::string& path) {
  if (is_broken(path_of_field(entity.name, name))) return true;
  const Field* field = entity.field(name);
  if (field == nullptr && !type_of_undeclared(entity.name, name).empty()) {
    if (entity.system) return false;
    refuse(path, "an index over " + quoted(name) + " is not supported", "leave it out",
           ErrorCode::unsupported);
    return true;
  }
  if (field == nullptr) {
    std::vector<std::string_view> names;
    for (const Field& known : entity.fields) names.emplace_back(known.name);
    const bool is_id = name == kIdName;
    refuse(path,
           is_id ? "records are found by id without an index"
                 : "no field " + quoted(name) + " on " + entity.name,
           is_id ? "leave it out" : did_you_mean(name, names));
  } else if (is_link(field->kind) || field->kind == FieldKind::json) {
    refuse(path, entity.name + "." + name + " is of type " + std::string(name_of(field->kind)) +
                     ", which has no order and so no index");
  } else if (std::find(index.fields.begin(), index.fields.end(), name) != index.fields.end()) {
    refuse(path, "the index names " + quoted(name) + " twice");
  } else {
    index.fields.push_back(name);
  }
  return true;
}

void Reading::read_index(const std::string& name, const Value& given) {
  const std::string path = "indices." + name;
  check_name(name, path, kIndexNameBytesMax);
  const Map* map = given.if_map();
  if (map == nullptr) return refuse(path, "an index is a map, not " + brief(given));
  static constexpr std::array<std::string_view, 4> kKnown{"entity", "fields", "unique", "id"};
  check_keys(*map, path, kKnown);
  WantedIndex index;
  index.name = name;
  const std::string* entity_name = text_under(*map, "entity", path);
  const Value* fields = map->find("fields");
  const List* list = fields == nullptr ? nullptr : fields->if_list();
  if (entity_name == nullptr || list == nullptr || list->empty()) {
    return refuse(path, "an index needs an entity and a list of its fields");
  }
  if (const Value* unique = map->find("unique"); unique != nullptr && !unique->is_null()) {
    if (unique->if_boolean() == nullptr) {
      refuse(path + ".unique", "\"unique\" is true or false, not " + brief(*unique));
    } else {
      index.unique = *unique->if_boolean();
    }
  }
  if (list->size() > kIndexFieldsMax) {
    return refuse(path + ".fields", "the index has " + std::to_string(list->size()) +
                                        " fields, more than " + std::to_string(kIndexFieldsMax));
  }
  const Entity* entity = entity_named(*entity_name);
  if (entity == nullptr) {
    if (is_broken("entities." + *entity_name)) return;
    return refuse(path + ".entity", "no entity " + quoted(*entity_name),
                  did_you_mean(*entity_name, entity_names()));
  }
  index.entity = *entity_name;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::string place = path + ".fields[" + std::to_string(i) + "]";
    const std::string* field = (*list)[i].if_text();
    if (field == nullptr) {
      refuse(place, "a field is named by a text, not " + brief((*list)[i]));
    } else if (!read_index_field(index, *entity, *field, place)) {
      return;
    }
  }
  result_.indexes.push_back(std::move(index));
}

WantedSchema Reading::read(const Map& wanted) && {
  // "next" and "version" stand in what schema.get gives; both are emstore's to decide.
  static constexpr std::array<std::string_view, 5> kKnown{"entities", "relations", "indices",
                                                          "next", "version"};
  check_keys(wanted, "", kKnown);
  if (!wanted.contains("entities")) {
    refuse("entities", "a schema needs its entities",
           "send {entities: {…}, relations: {…}, indices: {…}}");
  }
  result_.entities = initial_schema().entities;
  for (const Map::Member& member : map_under(wanted, "entities", "entities")) {
    read_entity(member.name, member.value);
  }
  for (const Map::Member& member : map_under(wanted, "relations", "relations")) {
    read_relation(member.name, member.value);
  }
  for (Entity& entity : result_.entities) check_entity(entity);
  for (const Map::Member& member : map_under(wanted, "indices", "indices")) {
    read_index(member.name, member.value);
  }
  return std::move(result_);
}

}  // namespace

WantedSchema read_wanted_schema(const Map& wanted) { return Reading().read(wanted); }

std::string path_of_field(std::string_view entity, std::string_view field) {
  return "entities." + std::string(entity) + ".fields." + std::string(field);
}

}  // namespace emstore::store
