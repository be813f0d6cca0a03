#include "store/wanted_relations.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/suggest.h"
#include "store/field_options.h"
#include "store/relations.h"
#include "store/schema_words.h"

namespace emstore::store {
namespace {

// One relation as it stands in the schema.
struct Given {
  std::string name;
  std::string path;
  std::string type;
  std::string source;
  std::string target;
  const Map* config = nullptr;

  std::string place(std::string_view option) const {
    return path + ".config." + std::string(option);
  }
};

class Relations {
 public:
  explicit Relations(SchemaReading& reading) : reading_(reading) {}

  void read(const Map& relations) {
    for (const Map::Member& member : relations) read_one(member.name, member.value);
    for (const Entity& connection : reading_.generated) check_connection(connection);
    for (Entity& entity : reading_.result.entities) {
      for (Field& field : entity.fields) check_field(entity, field);
    }
    name_inverses();
    for (const Entity& entity : reading_.result.entities) check_names(entity);
  }

 private:
  void read_one(const std::string& name, const Value& value);
  void read_media(const Given& given, Entity& source);
  void read_cardinality(const Given& given, const std::string& path, Field& field);
  void read_to_one(const Given& given, Entity& source);
  void read_to_many(const Given& given, Entity& source);
  void read_source_cardinality(const Given& given, Field& field);

  Field* field_for(Entity& source, const std::string& name, FieldKind kind, const Given& given);
  bool takes_relation(const Entity& source, const Entity& target, const Given& given);
  void take_names(const Given& given, const std::string& reference, Field& field);
  void take_text(const Given& given, std::string_view option, std::string& into);
  void take_option(const Given& given, std::string_view option, Field& field);
  void take_connection(const Given& given, const Entity& source, Field& links);

  void check_field(const Entity& entity, Field& field);
  void check_media(Field& field) const;
  void check_connection(const Entity& connection);
  void check_names(const Entity& entity);
  void name_inverses();
  void name_inverse(const Entity& source, Field& field, std::size_t siblings);
  bool is_taken(const Entity& entity, std::string_view name) const;

  void refuse(std::string path, std::string message, std::string hint = {},
              ErrorCode code = ErrorCode::invalid_schema) {
    reading_.refuse(std::move(path), std::move(message), std::move(hint), code);
  }

  SchemaReading& reading_;
  std::map<std::string, std::string>
      related_;  // Places of fields that have their relation: its own.
  std::set<std::string> connections_;
};

void Relations::read_one(const std::string& name, const Value& value) {
  Given given{name, "relations." + name, {}, {}, {}, nullptr};
  const Map* map = value.if_map();
  if (map == nullptr) return refuse(given.path, "a relation is a map, not " + brief(value));
  static constexpr std::array<std::string_view, 4> kKnown{"type", "source", "target", "config"};
  reading_.check_keys(*map, given.path, kKnown);
  const std::string* type = reading_.text_under(*map, "type", given.path);
  const std::string* source = reading_.text_under(*map, "source", given.path);
  const std::string* target = reading_.text_under(*map, "target", given.path);
  if (type == nullptr || source == nullptr || target == nullptr) {
    return refuse(given.path, "a relation needs type, source and target",
                  "{type: \"poly\", source: \"products\", target: \"media\", config: {mappedBy: "
                  "\"gallery\"}}");
  }
  given.type = *type;
  given.source = *source;
  given.target = *target;
  given.config = &reading_.map_under(*map, "config", given.path + ".config");
  static constexpr std::array<std::string_view, 4> kTypes{"poly", "n:1", "1:1", "m:n"};
  if (std::find(kTypes.begin(), kTypes.end(), given.type) == kTypes.end()) {
    std::string hint = did_you_mean(given.type, kTypes);
    if (hint.empty()) hint = "use \"poly\", \"n:1\", \"1:1\" or \"m:n\"";
    return refuse(given.path + ".type", "no relation can be of type " + quoted(given.type),
                  std::move(hint));
  }
  Entity* found = reading_.find_entity(given.source, given.path + ".source");
  if (found == nullptr) return;
  if (given.type == "poly") return read_media(given, *found);
  const Entity* leads_to = reading_.find_entity(given.target, given.path + ".target");
  if (leads_to == nullptr || !takes_relation(*found, *leads_to, given)) return;
  given.type == "m:n" ? read_to_many(given, *found) : read_to_one(given, *found);
}

// ---- Media --------------------------------------------------------------------------------------

void Relations::read_media(const Given& given, Entity& source) {
  if (given.target != kMediaEntityName) {
    return refuse(given.path + ".target",
                  "relations of type \"poly\" lead to media, not to " + quoted(given.target),
                  "use \"n:1\", \"1:1\" or \"m:n\"");
  }
  const std::string path = given.path + ".config";
  static constexpr std::array<std::string_view, 3> kKnown{"mappedBy", "targetCardinality",
                                                          "with_limit"};
  reading_.check_keys(*given.config, path, kKnown);
  const std::string* mapped_by = reading_.text_under(*given.config, "mappedBy", path);
  if (mapped_by == nullptr) {
    return refuse(path, "the relation names no field of " + source.name,
                  "give it config: {mappedBy: <the media field>}");
  }
  if (reading_.is_broken(path_of_field(source.name, *mapped_by))) return;
  std::vector<std::string_view> names;
  for (Field& field : source.fields) {
    if (is_media_link(field.kind)) names.emplace_back(field.name);
    if (field.name != *mapped_by) continue;
    if (!is_media_link(field.kind)) {
      return refuse(path + ".mappedBy",
                    source.name + "." + field.name + " is of type " +
                        std::string(name_of(field.kind)) + ", which has no relation to media",
                    "use type \"medium\" or \"media\"");
    }
    if (!related_.emplace(path_of_field(source.name, field.name), given.path).second) {
      return refuse(path + ".mappedBy", source.name + "." + field.name + " has two relations",
                    "leave one out");
    }
    take_option(given, "with_limit", field);
    return read_cardinality(given, path, field);
  }
  refuse(path + ".mappedBy", "no field " + quoted(*mapped_by) + " on " + source.name,
         did_you_mean(*mapped_by, names));
}

void Relations::read_cardinality(const Given& given, const std::string& path, Field& field) {
  const Value* cardinality = given.config->find("targetCardinality");
  if (cardinality == nullptr || cardinality->is_null()) return;
  if (*cardinality == Value(1) || *cardinality == Value(1.0)) {
    field.kind = FieldKind::medium;
    return;
  }
  refuse(path + ".targetCardinality",
         "targetCardinality is 1 or left out, not " + brief(*cardinality),
         "bound the number of media by max_items of the field");
}

// ---- Between entities ---------------------------------------------------------------------------

bool Relations::takes_relation(const Entity& source, const Entity& target, const Given& given) {
  if (target.id == kMediaEntity) {
    refuse(given.path + ".target", "a relation of type " + quoted(given.type) + " to media",
           "give " + source.name + " a medium or media field, and it a relation of type \"poly\"",
           ErrorCode::unsupported);
    return false;
  }
  if (source.id == kMediaEntity && given.type == "m:n") {
    refuse(given.path + ".source", "links of media itself are not supported",
           "declare the relation from " + target.name, ErrorCode::unsupported);
    return false;
  }
  return true;
}

// The declared field, or a new one; null when it cannot be had.
Field* Relations::field_for(Entity& source, const std::string& name, FieldKind kind,
                            const Given& given) {
  const std::string path = path_of_field(source.name, name);
  if (reading_.is_broken(path)) return nullptr;
  if (const auto [place, is_first] = related_.emplace(path, given.path); !is_first) {
    refuse(given.path, path + " has the relation " + place->second + " already",
           "give one of them another mappedBy");
    return nullptr;
  }
  for (Field& field : source.fields) {
    if (field.name != name) continue;
    if (field.kind == kind) return &field;
    refuse(given.path,
           source.name + "." + name + " is of type " + std::string(name_of(field.kind)) +
               ", and the relation needs " + std::string(name_of(kind)) + " of that name",
           "give the relation another mappedBy, or the field another name");
    return nullptr;
  }
  if (!reading_.check_name(name, given.place("mappedBy"), kNameBytesMax)) return nullptr;
  Field field;
  field.name = name;
  field.kind = kind;
  source.fields.push_back(std::move(field));
  return &source.fields.back();
}

// What field and relation both may say, they say alike.
void Relations::take_text(const Given& given, std::string_view option, std::string& into) {
  const std::string* text = reading_.text_under(*given.config, option, given.path + ".config");
  if (text == nullptr) return;
  if (!into.empty() && into != *text) {
    return refuse(given.place(option), std::string(option) + " is " + quoted(*text) +
                                           " here, and " + quoted(into) + " in the field");
  }
  into = *text;
}

void Relations::take_option(const Given& given, std::string_view option, Field& field) {
  const Value* value = given.config->find(option);
  if (value == nullptr || value->is_null()) return;
  const std::string wanted = field_option_named(option)->take(*value, field);
  if (wanted.empty()) return;
  refuse(given.place(option), std::string(option) + " is " + wanted + ", not " + brief(*value));
}

void Relations::take_names(const Given& given, const std::string& reference, Field& field) {
  if (!field.target.empty() && field.target != given.target) {
    refuse(given.path + ".target", "the relation leads to " + quoted(given.target) +
                                       ", and its field " + field.name + " to " +
                                       quoted(field.target));
  }
  if (!field.reference.empty() && field.reference != reference) {
    refuse(given.place("mappedBy"), "the relation is called " + quoted(reference) +
                                        ", and its field " + field.name + " says " +
                                        quoted(field.reference));
  }
  field.target = given.target;
  take_text(given, "inversedBy", field.inverse);
  if (!field.inverse.empty()) {
    reading_.check_name(field.inverse, given.place("inversedBy"), kNameBytesMax);
  }
  take_option(given, "required", field);
  take_option(given, "on_delete", field);
}

std::string reference_of(const Given& given, SchemaReading& reading) {
  const std::string* mapped_by =
      reading.text_under(*given.config, "mappedBy", given.path + ".config");
  return mapped_by == nullptr ? given.target : *mapped_by;
}

void Relations::read_to_one(const Given& given, Entity& source) {
  static constexpr std::array<std::string_view, 7> kKnown{
      "mappedBy",   "inversedBy",  "required", "sourceCardinality",
      "with_limit", "fieldConfig", "on_delete"};
  reading_.check_keys(*given.config, given.path + ".config", kKnown);
  const std::string reference = reference_of(given, reading_);
  Field* field = field_for(source, relation_field_name(reference), FieldKind::relation, given);
  if (field == nullptr) return;
  const std::string config_path = given.place("fieldConfig");
  for (const Map::Member& option : reading_.map_under(*given.config, "fieldConfig", config_path)) {
    reading_.read_option(source, *field, option, config_path + "." + option.name);
  }
  take_names(given, reference, *field);
  field->reference = reference;
  read_source_cardinality(given, *field);
  if (!field->unique) take_option(given, "with_limit", *field);
  if (source.id == kMediaEntity && field->on_delete == OnDelete::cascade) {
    refuse(given.place("on_delete"), "media do not go with what they refer to",
           "use \"set null\" or \"restrict\"", ErrorCode::unsupported);
  }
}

// One-to-one is many-to-one with one record on the other side.
void Relations::read_source_cardinality(const Given& given, Field& field) {
  const Value* cardinality = given.config->find("sourceCardinality");
  const bool is_given = cardinality != nullptr && !cardinality->is_null();
  const bool is_one = is_given && (*cardinality == Value(1) || *cardinality == Value(1.0));
  if (is_given && !is_one) {
    return refuse(given.place("sourceCardinality"),
                  "sourceCardinality is 1 or left out, not " + brief(*cardinality));
  }
  if (field.unique && given.type == "n:1" && !is_one) {
    return refuse(given.path + ".type",
                  "the relation is n:1, and its field " + field.name + " says unique",
                  "use type \"1:1\", or leave out unique");
  }
  field.unique = given.type == "1:1" || is_one;
}

void Relations::read_to_many(const Given& given, Entity& source) {
  static constexpr std::array<std::string_view, 7> kKnown{
      "mappedBy",   "inversedBy", "required", "connectionTable", "connectionTableMappedName",
      "with_limit", "on_delete"};
  reading_.check_keys(*given.config, given.path + ".config", kKnown);
  const std::string reference = reference_of(given, reading_);
  Field* field = field_for(source, reference, FieldKind::links, given);
  if (field == nullptr) return;
  take_names(given, reference, *field);
  take_text(given, "connectionTable", field->connection);
  if (field->connection.empty()) field->connection = connection_name(source.name, given.target);
  reading_.text_under(*given.config, "connectionTableMappedName", given.path + ".config");
  take_option(given, "with_limit", *field);
  take_connection(given, source, *field);
}

// What the generated entity has beside its two ends is what a link holds.
void Relations::take_connection(const Given& given, const Entity& source, Field& links) {
  constexpr std::size_t kBytesMax = 2 * kNameBytesMax + 1;  // Of the two entities.
  if (!reading_.check_name(links.connection, given.place("connectionTable"), kBytesMax)) return;
  if (!connections_.insert(links.connection).second) {
    return refuse(given.place("connectionTable"),
                  "two relations have the connection " + quoted(links.connection),
                  "give one of them another connectionTable");
  }
  if (reading_.entity_named(links.connection) != nullptr) {
    return refuse(given.place("connectionTable"),
                  "the connection " + quoted(links.connection) + " has the name of an entity",
                  "give it a connectionTable that is no entity");
  }
  for (const Entity& connection : reading_.generated) {
    if (connection.name != links.connection) continue;
    for (const Field& field : connection.fields) {
      if (!is_end_of_connection(field, source.name, links.target))
        links.link_fields.push_back(field);
    }
  }
}

// ---- What all of them make ----------------------------------------------------------------------

void Relations::check_connection(const Entity& connection) {
  const std::string path = "entities." + connection.name;
  if (!connections_.contains(connection.name) && !reading_.is_broken(path)) {
    refuse(path,
           connection.name + " is of type \"generated\", and no relation of type \"m:n\" has it",
           "use type \"regular\"");
  }
}

void Relations::check_media(Field& field) const {
  if (field.max_items == 1) field.kind = FieldKind::medium;
  if (field.kind == FieldKind::medium && !field.max_items) field.max_items = 1;
}

void Relations::check_field(const Entity& entity, Field& field) {
  const std::string path = path_of_field(entity.name, field.name);
  if (is_media_link(field.kind)) check_media(field);
  for (const Field& held : field.link_fields) {
    if (!is_link(held.kind) && !is_relation(held.kind)) continue;
    refuse(path_of_field(field.connection, held.name),
           "a link cannot hold a field of type " + std::string(name_of(held.kind)),
           "make the connection an entity of its own", ErrorCode::unsupported);
  }
  if (related_.contains(path)) return;
  if (is_media_link(field.kind)) {
    refuse(path, entity.name + "." + field.name + " is a media field without a relation",
           "add to relations: \"poly_" + entity.name + "_media_" + field.name +
               "\": {type: \"poly\", source: \"" + entity.name +
               "\", target: \"media\", config: {mappedBy: \"" + field.name + "\"}}");
  } else if (is_relation(field.kind)) {
    const bool to_one = field.kind == FieldKind::relation;
    refuse(path,
           entity.name + "." + field.name + " is a field of type " +
               std::string(name_of(field.kind)) + " without a relation",
           "add to relations: {type: " + std::string(to_one ? "\"n:1\"" : "\"m:n\"") +
               ", source: \"" + entity.name + "\", target: …" +
               (to_one ? ", config: {mappedBy: …}}; its field is called <mappedBy>_id" : "}"));
  }
}

bool Relations::is_taken(const Entity& entity, std::string_view name) const {
  if (name == kIdName || name == "reference" || !type_of_undeclared(entity.name, name).empty()) {
    return true;
  }
  for (const Field& field : entity.fields) {
    if (field.name == name || (is_relation(field.kind) && side_name(field) == name)) return true;
  }
  for (const Entity& source : reading_.result.entities) {
    for (const Field& field : source.fields) {
      if (is_relation(field.kind) && field.target == entity.name && field.inverse == name) {
        return true;
      }
    }
  }
  return false;
}

void Relations::name_inverse(const Entity& source, Field& field, std::size_t siblings) {
  const Entity* target = reading_.entity_named(field.target);
  if (target == nullptr) return;
  const bool is_free = siblings == 1 && !is_taken(*target, source.name);
  field.inverse = is_free ? source.name : source.name + "_" + std::string(side_name(field));
}

// Whatever the order in which the relations stand: first counted, then named.
void Relations::name_inverses() {
  std::map<std::pair<std::string, std::string>, std::size_t> siblings;
  std::vector<std::pair<const Entity*, Field*>> unnamed;
  for (Entity& entity : reading_.result.entities) {
    for (Field& field : entity.fields) {
      if (!is_relation(field.kind) || !field.inverse.empty()) continue;
      ++siblings[{entity.name, field.target}];
      unnamed.emplace_back(&entity, &field);
    }
  }
  for (const auto& [entity, field] : unnamed) {
    name_inverse(*entity, *field, siblings.at({entity->name, field->target}));
  }
}

// No two things of an entity have one name: fields, and the sides of its relations.
void Relations::check_names(const Entity& entity) {
  std::map<std::string_view, std::string> names;
  for (const Field& field : entity.fields)
    names.emplace(field.name, path_of_field(entity.name, field.name));
  const auto add = [&](std::string_view name, std::string_view option, const std::string& place) {
    const auto relation = related_.find(place);
    const std::string path = relation == related_.end() ? place : relation->second;
    const bool is_own = name == kIdName || !type_of_undeclared(entity.name, name).empty() ||
                        (entity.id == kMediaEntity && name == "reference");
    const auto [known, is_new] = names.emplace(name, place);
    if (is_new && !is_own) return;
    refuse(path + ".config." + std::string(option),
           entity.name + " would have two things called " + quoted(name) +
               (is_own ? "; one is emstore's own" : ": this relation and " + known->second),
           "give the relation another " + std::string(option));
  };
  for (const Field& field : entity.fields) {
    if (field.kind != FieldKind::relation || field.reference.empty()) continue;
    add(field.reference, "mappedBy", path_of_field(entity.name, field.name));
  }
  for (const Entity& source : reading_.result.entities) {
    for (const Field& field : source.fields) {
      if (!is_relation(field.kind) || field.target != entity.name || field.inverse.empty())
        continue;
      add(field.inverse, "inversedBy", path_of_field(source.name, field.name));
    }
  }
}

}  // namespace

void read_relations(SchemaReading& reading, const Map& relations) {
  Relations(reading).read(relations);
}

void add_unique_indexes(SchemaReading& reading) {
  for (const Entity& entity : reading.result.entities) {
    for (const Field& field : entity.fields) {
      if (field.kind != FieldKind::relation || !field.unique) continue;
      WantedIndex wanted{
          "idx_unique_" + entity.name + "_" + field.name, entity.name, {field.name}, true};
      std::vector<WantedIndex>& indexes = reading.result.indexes;
      const auto is_same = [&](const WantedIndex& index) {
        return index.entity == entity.name && index.fields == wanted.fields && index.unique;
      };
      if (std::any_of(indexes.begin(), indexes.end(), is_same)) continue;
      const auto has_name = [&](const WantedIndex& index) { return index.name == wanted.name; };
      if (std::any_of(indexes.begin(), indexes.end(), has_name)) {
        reading.refuse(
            "indices." + wanted.name,
            entity.name + "." + field.name + " is one-to-one, and its index has this name",
            "give the other index another name");
        continue;
      }
      indexes.push_back(std::move(wanted));
    }
  }
}

}  // namespace emstore::store
