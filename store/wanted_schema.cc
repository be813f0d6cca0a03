#include "store/wanted_schema.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/suggest.h"
#include "store/field_checks.h"
#include "store/field_options.h"
#include "store/field_rules.h"
#include "store/schema_reading.h"
#include "store/schema_words.h"
#include "store/wanted_relations.h"

namespace emstore::store {
namespace {

// Reads one schema; gathers all that is wrong with it.
class Reading : private SchemaReading {
 public:
  WantedSchema read(const Map& wanted) &&;
  WantedSchema read_answer(const Map& answer, const Map& schema) &&;

 private:
  void read_entity(const std::string& name, const Value& given);
  bool read_entity_type(Entity& entity, const Map& given, const std::string& path);
  void read_entity_config(Entity& entity, const Map& config, const std::string& path);
  void read_field(Entity& entity, const std::string& name, const Value& given);
  void read_id_format(Entity& entity, const Map& config, std::string_view name,
                      const std::string& path);
  bool is_there_anyway(Entity& entity, const std::string& name, const std::string& type,
                       const Map& config, const std::string& path);
  void check_own_config(const Entity& entity, const Field& own, const Map& config,
                        const std::string& path);
  std::optional<FieldKind> read_kind(const std::string& type, const std::string& path);
  void check_entity(Entity& entity);
  void check_sort_field(const Entity& entity, const std::string& path);

  void read_index(const std::string& name, const Value& given);
  bool read_index_field(WantedIndex& index, const Entity& entity, const std::string& field,
                        const std::string& path);
};

// ---- Entities and fields ------------------------------------------------------------------------

bool Reading::read_entity_type(Entity& entity, const Map& given, const std::string& path) {
  const std::string* type = text_under(given, "type", path);
  if (entity.system) {
    if (type == nullptr || *type == "system") return true;
    refuse(path + ".type", "media is emstore's own entity, of type \"system\"");
    return false;
  }
  if (type == nullptr || *type == "regular" || *type == "generated") return true;
  if (*type == "system") {
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
  static constexpr std::array<std::string_view, 8> kKnown{
      "label", "description",   "sort_field",     "sort_dir",
      "name",  "name_singular", "primary_format", "renamed_from"};
  check_keys(config, path, kKnown);
  const std::string* label = text_under(config, "label", path);
  if (label == nullptr) label = text_under(config, "name", path);
  if (label != nullptr) entity.label = *label;
  text_under(config, "name_singular", path);
  if (const auto* before = text_under(config, "renamed_from", path)) {
    result.renamed["entities." + entity.name] = *before;
  }
  if (const auto* text = text_under(config, "description", path)) entity.description = *text;
  if (const auto* field = text_under(config, "sort_field", path)) entity.sort_field = *field;
  if (const auto* direction = text_under(config, "sort_dir", path)) {
    entity.sort_direction = *direction;
    if (*direction != "asc" && *direction != "desc") {
      refuse(path + ".sort_dir", "sort_dir cannot be " + quoted(*direction),
             "use \"asc\" or \"desc\"");
    }
  }
  read_id_format(entity, config, "primary_format", path);
}

// In bknd both the entity and its primary field may say it.
void Reading::read_id_format(Entity& entity, const Map& config, std::string_view name,
                             const std::string& path) {
  const std::string* format = text_under(config, name, path);
  if (format == nullptr || *format == "integer") return;
  const std::string place = path + "." + std::string(name);
  if (*format != kUuidFormat) {
    refuse(place, "ids cannot be of format " + quoted(*format), "use \"integer\" or \"uuid\"");
  } else if (entity.system) {
    refuse(place, "ids of media are integers", "use \"integer\"", ErrorCode::unsupported);
  } else {
    entity.ids = IdFormat::uuid;
  }
}

void Reading::read_entity(const std::string& name, const Value& given) {
  const std::string path = "entities." + name;
  const bool is_named = check_name(name, path, kNameBytesMax);
  const Map* map = given.if_map();
  if (map == nullptr) {
    refuse(path, "an entity is a map {fields, config}, not " + brief(given));
    mark_broken(path);
    return;
  }
  static constexpr std::array<std::string_view, 5> kKnown{"type", "fields", "config", "id",
                                                          "next_field"};
  check_keys(*map, path, kKnown);
  Entity* media = name == kMediaEntityName ? entity_named(name) : nullptr;
  Entity entity = media != nullptr ? *media : Entity{};
  entity.name = name;
  if (!read_entity_type(entity, *map, path) || !is_named) mark_broken(path);
  read_entity_config(entity, map_under(*map, "config", path + ".config"), path + ".config");
  for (const Map::Member& field : map_under(*map, "fields", path + ".fields")) {
    read_field(entity, field.name, field.value);
  }
  const Value* type = map->find("type");
  if (media != nullptr) {
    *media = std::move(entity);
  } else if (type != nullptr && *type == Value("generated")) {
    generated.push_back(std::move(entity));
  } else {
    result.entities.push_back(std::move(entity));
  }
}

// Whether the field is one that emstore has by itself, and so is not kept as one of the user's.
bool Reading::is_there_anyway(Entity& entity, const std::string& name, const std::string& type,
                              const Map& config, const std::string& path) {
  if (name == kIdName) {
    if (type != "primary") {
      refuse(path, "every record has an id; \"id\" cannot be of type " + quoted(type),
             "use another name");
    }
    static constexpr std::array<std::string_view, 3> kKnown{"format", "fillable", "required"};
    check_keys(config, path + ".config", kKnown);
    read_id_format(entity, config, "format", path + ".config");
    return true;
  }
  Field own;
  // Of media the fields read so far begin with emstore's own, which have ids.
  if (const Field* stored = entity.field(name); stored != nullptr && stored->id != FieldId{}) {
    own = *stored;
  } else if (const auto kind = field_kind_named(type_of_undeclared(entity.name, name))) {
    own.name = name;
    own.kind = *kind;
    own.fillable = 0;
  } else {
    return false;
  }
  if (type == name_of(own.kind)) {
    check_own_config(entity, own, config, path + ".config");
    return true;
  }
  refuse(path,
         entity.name + "." + name + " is emstore's own, of type \"" +
             std::string(name_of(own.kind)) + "\", and cannot be of type " + quoted(type),
         "use another name");
  return true;
}

// The config may repeat what holds anyway. Bknd says more than that of what emstore computes: that
// it is required, and of media that it is hidden, and given when a media is made.
void Reading::check_own_config(const Entity& entity, const Field& own, const Map& config,
                               const std::string& path) {
  const bool is_computed = own.fillable == 0;
  const bool is_of_bknd =
      own.id == FieldId{} && own.name != kCreatedName && own.name != kUpdatedName;
  for (const Map::Member& option : config) {
    const bool changes_nothing =
        option.value.is_null() || (is_computed && option.name == "required") ||
        (is_of_bknd && (option.name == "hidden" || option.name == "fillable"));
    Field said = own;
    const bool is_renaming = option.name == "renamed_from";
    if (!is_renaming) read_option(entity, said, option, path + "." + option.name);
    if (changes_nothing || (!is_renaming && said == own)) continue;
    refuse(path + "." + option.name,
           entity.name + "." + own.name + " is emstore's own; its " + quoted(option.name) +
               " cannot be changed",
           "leave it out");
  }
}

std::optional<FieldKind> Reading::read_kind(const std::string& type, const std::string& path) {
  const auto kind = field_kind_named(type == kJsonSchemaType ? "json" : type);
  const bool is_own = kind == FieldKind::address || kind == FieldKind::digest;
  if (kind && !is_own) return kind;
  if (const std::string_view instead = instead_of_type(type); !instead.empty()) {
    refuse(path + ".type", "fields of type " + quoted(type) + " are not supported",
           std::string(instead), ErrorCode::unsupported);
    return std::nullopt;
  }
  static constexpr std::array<std::string_view, 12> kTypes{
      "text", "number",     "boolean", "date",  "datetime", "enum",
      "json", "jsonschema", "medium",  "media", "relation", "links"};
  std::string hint = did_you_mean(type, kTypes);
  if (hint.empty()) {
    hint =
        "use text, number, boolean, date, datetime, enum, json, jsonschema, medium, media, "
        "relation "
        "or links";
  }
  refuse(path + ".type", "no field can be of type " + quoted(type), std::move(hint));
  return std::nullopt;
}

// Bknd's datetime() and week() are of type "date", and tell in their config what they are.
std::string effective_type(const std::string& type, const Map& config) {
  const Value* calendar = config.find("type");
  const bool is_date = type == name_of(FieldKind::date) && calendar != nullptr;
  return is_date && calendar->if_text() != nullptr ? *calendar->if_text() : type;
}

void Reading::read_field(Entity& entity, const std::string& name, const Value& given) {
  const std::string path = path_of_field(entity.name, name);
  const Map* map = given.if_map();
  const std::string* given_type = map == nullptr ? nullptr : text_under(*map, "type", path);
  if (given_type == nullptr) {
    refuse(path, "a field is a map {type, config}", "give it a type, such as \"text\"");
    mark_broken(path);
    return;
  }
  static constexpr std::array<std::string_view, 3> kKnown{"type", "config", "id"};
  check_keys(*map, path, kKnown);
  const Map& config = map_under(*map, "config", path + ".config");
  const std::string type = effective_type(*given_type, config);
  if (is_there_anyway(entity, name, type, config, path)) return;

  const bool is_named = check_name(name, path, kNameBytesMax);
  const auto kind = read_kind(type, path);
  if (!kind || !is_named) {
    mark_broken(path);
    return;
  }
  if (entity.system && (name == "file" || name == "type")) {
    return refuse(path,
                  quoted(name) + " is what $create and media.upload call the " +
                      (name == "file" ? "bytes" : "type that is claimed for them"),
                  "use another name");
  }
  if (entity.system && is_link(*kind)) {
    mark_broken(path);
    return refuse(path, "media fields of media itself are not supported",
                  "link media from another entity", ErrorCode::unsupported);
  }
  Field field;
  field.name = name;
  field.kind = *kind;
  if (type == kJsonSchemaType) field.json_schema = JsonSchema();  // Until its option says more.
  for (const Map::Member& option : config) {
    read_option(entity, field, option, path + ".config." + option.name);
  }
  entity.fields.push_back(std::move(field));
}

// ---- Whole entities -----------------------------------------------------------------------------

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
                          : "records cannot be sorted by the links of " + quoted(name),
         did_you_mean(name, names));
}

// In stored form, as far as it has one; whether it fits is checked with the other options.
void take_schema_default(Field& field) {
  const auto made = field.json_schema ? field.json_schema->default_value() : std::nullopt;
  if (!made) return;
  if (auto stored = literal_form(field, *made)) field.default_value = *std::move(stored);
}

void Reading::check_entity(Entity& entity) {
  for (Field& field : entity.fields) {
    const std::string path = path_of_field(entity.name, field.name);
    if (field.default_from_schema && !field.default_value) take_schema_default(field);
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
  result.indexes.push_back(std::move(index));
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
  result.entities = initial_schema().entities;
  for (const Map::Member& member : map_under(wanted, "entities", "entities")) {
    read_entity(member.name, member.value);
  }
  read_relations(*this, map_under(wanted, "relations", "relations"));
  for (Entity& entity : result.entities) check_entity(entity);
  for (const Map::Member& member : map_under(wanted, "indices", "indices")) {
    read_index(member.name, member.value);
  }
  add_unique_indexes(*this);
  return std::move(result);
}

// The schema that an answer of schema.get holds; what stands beside it is emstore's to say.
WantedSchema Reading::read_answer(const Map& answer, const Map& schema) && {
  static constexpr std::array<std::string_view, 3> kKnown{"version", "schema", "indexes"};
  check_keys(answer, "", kKnown);
  return std::move(*this).read(schema);
}

}  // namespace

WantedSchema read_wanted_schema(const Map& wanted) {
  const Value* within = wanted.contains("entities") ? nullptr : wanted.find("schema");
  const bool is_answer = within != nullptr && within->if_map() != nullptr;
  return is_answer ? Reading().read_answer(wanted, *within->if_map()) : Reading().read(wanted);
}

std::string path_of_field(std::string_view entity, std::string_view field) {
  return "entities." + std::string(entity) + ".fields." + std::string(field);
}

}  // namespace emstore::store
