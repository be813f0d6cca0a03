#include "store/schema_reading.h"

#include <algorithm>
#include <utility>

#include "base/suggest.h"
#include "store/field_options.h"
#include "store/schema_words.h"

namespace emstore::store {

void SchemaReading::refuse(std::string path, std::string message, std::string hint,
                           ErrorCode code) {
  if (is_full()) return;
  result.violations.push_back(
      Error{code, std::move(message), std::move(path), std::move(hint), {}});
}

const Map& SchemaReading::map_under(const Map& map, std::string_view name,
                                    const std::string& path) {
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

const std::string* SchemaReading::text_under(const Map& map, std::string_view name,
                                             const std::string& path) {
  const Value* value = map.find(name);
  if (value == nullptr || value->is_null()) return nullptr;
  if (value->if_text() == nullptr) {
    refuse(path + "." + std::string(name), quoted(name) + " is a text, not " + brief(*value));
  }
  return value->if_text();
}

void SchemaReading::check_keys(const Map& map, const std::string& path, Names known) {
  for (const Map::Member& member : map) {
    if (is_full()) return;
    if (std::find(known.begin(), known.end(), member.name) != known.end()) continue;
    refuse(path.empty() ? member.name : path + "." + member.name,
           "unknown key " + quoted(member.name), did_you_mean(member.name, known));
  }
}

bool SchemaReading::check_name(std::string_view name, const std::string& path,
                               std::size_t bytes_max) {
  if (is_name(name, bytes_max)) return true;
  refuse(path, quoted(name) + " cannot be a name",
         "use 1 to " + std::to_string(bytes_max) +
             " letters, digits and underscores, with no digit first");
  return false;
}

Entity* SchemaReading::entity_named(std::string_view name) {
  for (Entity& entity : result.entities) {
    if (entity.name == name) return &entity;
  }
  return nullptr;
}

std::vector<std::string_view> SchemaReading::entity_names() const {
  std::vector<std::string_view> names;
  for (const Entity& entity : result.entities) names.emplace_back(entity.name);
  return names;
}

Entity* SchemaReading::find_entity(std::string_view name, const std::string& path) {
  if (Entity* entity = entity_named(name)) return entity;
  if (!is_broken("entities." + std::string(name))) {
    refuse(path, "no entity " + quoted(name), did_you_mean(name, entity_names()));
  }
  return nullptr;
}

void SchemaReading::read_option(const Entity& entity, Field& field, const Map::Member& given,
                                const std::string& path) {
  const auto& [name, value] = given;
  if (value.is_null() || is_full()) return;
  if (name == "renamed_from") {
    if (const std::string* before = value.if_text()) {
      result.renamed[path_of_field(entity.name, field.name)] = *before;
      return;
    }
    return refuse(path, "renamed_from is the name of a field, not " + brief(value));
  }
  if (is_link(field.kind) && name == "entity") {
    if (value == Value(entity.name)) return;
    return refuse(
        path, "\"entity\" names the owner, " + quoted(entity.name) + ", and not " + brief(value));
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

}  // namespace emstore::store
