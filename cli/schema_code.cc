#include "cli/schema_code.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "cli/code_literals.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

// What media has by itself.
bool is_own_field(std::string_view entity, std::string_view field) {
  constexpr std::array<std::string_view, 7> kOfMedia{"name", "mime_type", "claimed_type", "size",
                                                     "blob", "sha256",    "metadata"};
  return entity == "media" && std::find(kOfMedia.begin(), kOfMedia.end(), field) != kOfMedia.end();
}

// The config of an entity as far as it differs from what is meant without it.
Map config_of(const Map& entity) {
  Map config;
  for (const Map::Member& option : map_at(entity, "config")) {
    const bool is_usual = (option.name == "sort_field" && option.value == Value("id")) ||
                          (option.name == "sort_dir" && option.value == Value("asc")) ||
                          (option.name == "primary_format" && option.value == Value("integer"));
    if (!is_usual) config.append(option.name, option.value);
  }
  return config;
}

// Calls `visit` for each field that a schema has to name.
template <typename Visit>
void each_field(const std::string& name, const Map& entity, Visit visit) {
  for (const Map::Member& field : map_at(entity, "fields")) {
    const Map* map = field.value.if_map();
    if (map == nullptr || is_own_field(name, field.name)) continue;
    visit(field.name, text_at(*map, "type"), map_at(*map, "config"));
  }
}

// Fields that a relation makes.
bool is_of_relation(std::string_view type) { return type == "relation" || type == "links"; }

std::string derived_name(const Map& index) {
  std::string name = value_at(index, "unique") == Value(true) ? "idx_unique_" : "idx_";
  name += text_at(index, "entity");
  if (const List* fields = value_at(index, "fields").if_list()) {
    for (const Value& field : *fields) name += "_" + cell_text(field);
  }
  return name;
}

// ---- The document -------------------------------------------------------------------------------

Map portable_field(const std::string& entity, const std::string& type, const Map& config) {
  Map options = config;
  std::string name = type;
  if (type == "medium" || type == "media") {
    name = "media";
    options.set("entity", entity);
    options.set("virtual", true);
  }
  if (type == "datetime") {
    name = "date";
    options.set("type", "datetime");
  }
  return {{"type", name}, {"config", std::move(options)}};
}

Map portable_entity(const std::string& name, const Map& entity) {
  const bool is_uuid = text_at(entity, "config.primary_format") == "uuid";
  Map fields{{"id", Map{{"type", "primary"},
                        {"config", Map{{"format", is_uuid ? "uuid" : "integer"},
                                       {"fillable", false},
                                       {"required", false}}}}}};
  each_field(name, entity,
             [&](const std::string& field, const std::string& type, const Map& config) {
               fields.append(field, portable_field(name, type, config));
             });
  return {{"type", text_at(entity, "type")},
          {"fields", std::move(fields)},
          {"config", map_at(entity, "config")}};
}

// ---- TypeScript ---------------------------------------------------------------------------------

struct Builder {
  std::string_view type, typescript, cpp;
};
constexpr std::array kBuilders{
    Builder{"text", "text", "text"},
    Builder{"number", "number", "number"},
    Builder{"boolean", "boolean", "boolean"},
    Builder{"date", "date", "date"},
    Builder{"datetime", "datetime", "datetime"},
    Builder{"enum", "enumm", "enumeration"},
    Builder{"json", "json", "json"},
    Builder{"jsonschema", "jsonSchema", "json_schema"},
    Builder{"medium", "medium", "medium"},
    Builder{"media", "media", "media"},
};

const Builder* builder_of(std::string_view type) {
  const auto* place = std::find_if(kBuilders.begin(), kBuilders.end(),
                                   [type](const Builder& known) { return known.type == type; });
  return place == kBuilders.end() ? nullptr : place;
}

// `price: number({ minimum: 0 }).required(),`
class TypeScript {
 public:
  explicit TypeScript(const Map& document) : document_(document) {}

  std::string text() && {
    for (const Map::Member& entity : map_at(document_, "entities")) {
      if (const Map* map = entity.value.if_map()) add_entity(entity.name, *map);
    }
    for (const Map::Member& relation : map_at(document_, "relations")) {
      if (const Map* map = relation.value.if_map()) add_relation(*map);
    }
    for (const Map::Member& index : map_at(document_, "indices")) {
      if (const Map* map = index.value.if_map()) add_index(*map);
    }
    std::string text = "import { em";
    for (const std::string& name : used_) text += ", " + name;
    text += " } from \"bknd\";\n\nexport const schema = em({\n" + entities_ + "}";
    if (!rules_.empty()) {
      // Returned, so that the types know the relations.
      text += ", ({ relation, index }, { " + names_ + " }) => [\n" + rules_ + "]";
    }
    return text + ");\n";
  }

 private:
  void add_entity(const std::string& name, const Map& entity) {
    if (text_at(entity, "type") == "generated") return;  // Its relation makes it.
    const bool is_system = text_at(entity, "type") == "system";
    const std::string builder = is_system ? "systemEntity" : "entity";
    used_.insert(builder);
    names_ += (names_.empty() ? "" : ", ") + name;
    std::string fields;
    each_field(name, entity, [&](const std::string& field, const std::string& type, Map config) {
      if (is_of_relation(type)) return;
      fields += "    " + field + ": " + field_text(type, std::move(config)) + ",\n";
    });
    entities_ += "  " + name + ": " + builder + "(" + in_typescript(Value(name)) + ", {";
    entities_ += fields.empty() ? "}" : "\n" + fields + "  }";
    if (const Map config = config_of(entity); !config.empty()) {
      entities_ += ", " + in_typescript(Value(config));
    }
    entities_ += "),\n";
  }

  std::string field_text(const std::string& type, Map config) {
    const Builder* builder = builder_of(type);
    const std::string name(builder == nullptr ? type : builder->typescript);
    used_.insert(name);
    const bool is_required = config.erase("required");
    if (type == "medium") config.erase("max_items");  // It says so itself.
    if (const Value* values = config.find("options"); values != nullptr && type == "enum") {
      const Value choices = value_at(*values->if_map(), "values");
      config.erase("options");
      config.set("enum", choices);
    }
    std::string text = name + "(" + (config.empty() ? "" : in_typescript(Value(config))) + ")";
    return is_required ? text + ".required()" : text;
  }

  void add_relation(const Map& relation) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kCalls{
        {{"n:1", "manyToOne"}, {"1:1", "oneToOne"}, {"m:n", "manyToMany"}}};
    const std::string type = text_at(relation, "type");
    Map config = map_at(relation, "config");
    std::string call;
    if (type == "poly") {
      call = config.erase("targetCardinality") ? "polyToOne" : "polyToMany";
    }
    for (const auto& [name, known] : kCalls) {
      if (name == type) call = std::string(known);
    }
    if (type == "1:1") config.erase("sourceCardinality");
    const std::string source = text_at(relation, "source");
    const std::string held = type == "m:n" ? fields_of_links(relation) : std::string();
    rules_ += "  relation(" + source + ")." + call + "(" + text_at(relation, "target") +
              (config.empty() && held.empty() ? "" : ", " + in_typescript(Value(config))) +
              (held.empty() ? "" : ", { " + held + " }") + "),\n";
  }

  // What a link holds, as the entity says that stands for the relation.
  std::string fields_of_links(const Map& relation) {
    const std::string named = text_at(relation, "config.connectionTable");
    const std::string connection =
        named.empty() ? text_at(relation, "source") + "_" + text_at(relation, "target") : named;
    std::string fields;
    each_field(connection, map_at(map_at(document_, "entities"), connection),
               [&](const std::string& field, const std::string& type, Map config) {
                 if (is_of_relation(type)) return;
                 fields += (fields.empty() ? "" : ", ") + field + ": " +
                           field_text(type, std::move(config));
               });
    return fields;
  }

  void add_index(const Map& index) {
    const bool is_unique = value_at(index, "unique") == Value(true);
    rules_ += "  index(" + text_at(index, "entity") + ").on(" +
              in_typescript(value_at(index, "fields")) + (is_unique ? ", true" : "") + "),\n";
  }

  const Map& document_;
  std::set<std::string> used_;
  std::string entities_, names_, rules_;
};

// ---- C++ ----------------------------------------------------------------------------------------

// Options of a field that have a method of their own.
struct Method {
  std::string_view option, method;
};
constexpr std::array kMethods{
    Method{"required", "required"},
    Method{"default_value", "default_value"},
    Method{"label", "label"},
    Method{"description", "description"},
    Method{"minLength", "min_length"},
    Method{"maxLength", "max_length"},
    Method{"pattern", "pattern"},
    Method{"minimum", "minimum"},
    Method{"maximum", "maximum"},
    Method{"exclusiveMinimum", "exclusive_minimum"},
    Method{"exclusiveMaximum", "exclusive_maximum"},
    Method{"multipleOf", "multiple_of"},
    Method{"min_items", "min_items"},
    Method{"max_items", "max_items"},
    Method{"max_bytes", "max_bytes"},
    Method{"on_delete", "on_delete"},
    Method{"with_limit", "with_limit"},
    Method{"default_from_schema", "default_from_schema"},
};

std::string option_call(const Map::Member& option) {
  if (const List* list = option.value.if_list()) {
    std::string_view method;
    if (option.name == "hidden") method = "hidden_in";
    if (option.name == "fillable") method = "fillable_in";
    if (option.name == "mime_types") method = "mime_types";
    if (!method.empty()) return "." + std::string(method) + "(" + texts_in_cpp(*list) + ")";
  }
  if (option.value == Value(true) && option.name == "hidden") return ".hidden()";
  if (option.value == Value(false) && option.name == "fillable") return ".fillable(false)";
  for (const Method& known : kMethods) {
    if (known.option != option.name) continue;
    const std::string argument = option.value == Value(true) && option.name != "default_value"
                                     ? std::string()
                                     : in_cpp(option.value);
    return "." + std::string(known.method) + "(" + argument + ")";
  }
  return ".option(" + in_cpp(Value(option.name)) + ", " + in_cpp(option.value) + ")";
}

std::string field_in_cpp(const std::string& name, const std::string& type, Map config) {
  const Builder* builder = builder_of(type);
  std::string text = builder == nullptr
                         ? "Field(" + in_cpp(Value(name)) + ", " + in_cpp(Value(type))
                         : std::string(builder->cpp) + "(" + in_cpp(Value(name));
  if (type == "medium") config.erase("max_items");
  if (type == "jsonschema") {
    text += ", " + in_cpp(Value(map_at(config, "schema")));
    config.erase("schema");
  }
  if (type == "enum") text += ", {}";  // The option that follows says them with their labels.
  text += ")";
  for (const Map::Member& option : config) text += option_call(option);
  return text;
}

std::string relation_in_cpp(const Map& relation) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kCalls{
      {{"n:1", "many_to_one"}, {"1:1", "one_to_one"}, {"m:n", "many_to_many"}}};
  const std::string type = text_at(relation, "type");
  std::string text = "      ";
  for (const auto& [name, call] : kCalls) {
    if (name == type) text += call;
  }
  text += "(" + in_cpp(value_at(relation, "source")) + ", " + in_cpp(value_at(relation, "target")) +
          ")";
  for (const Map::Member& option : map_at(relation, "config")) {
    text += ".option(" + in_cpp(Value(option.name)) + ", " + in_cpp(option.value) + ")";
  }
  return text;
}

std::string entity_in_cpp(const std::string& name, const Map& entity) {
  const bool is_system = text_at(entity, "type") == "system";
  const bool is_generated = text_at(entity, "type") == "generated";
  std::string text = std::string("      ") +
                     (is_system      ? "system_entity"
                      : is_generated ? "connection"
                                     : "entity") +
                     "(" + in_cpp(Value(name)) + ", {";
  std::string fields;
  each_field(
      name, entity, [&](const std::string& field, const std::string& type, const Map& config) {
        fields +=
            (fields.empty() ? "\n          " : ",\n          ") + field_in_cpp(field, type, config);
      });
  text += fields + "})";
  for (const Map::Member& option : config_of(entity)) {
    if (option.name == "primary_format") {
      text += ".uuid_ids()";
    } else {
      text += ".option(" + in_cpp(Value(option.name)) + ", " + in_cpp(option.value) + ")";
    }
  }
  return text;
}

std::string index_in_cpp(const std::string& name, const Map& index) {
  const List* fields = value_at(index, "fields").if_list();
  std::string text = "      index(" + in_cpp(value_at(index, "entity")) + ", " +
                     texts_in_cpp(fields == nullptr ? List{} : *fields) + ")";
  if (value_at(index, "unique") == Value(true)) text += ".unique()";
  if (name != derived_name(index)) text += ".name(" + in_cpp(Value(name)) + ")";
  return text;
}

}  // namespace

Map portable_schema(const Map& document) {
  Map entities;
  for (const Map::Member& entity : map_at(document, "entities")) {
    if (const Map* map = entity.value.if_map()) {
      entities.append(entity.name, portable_entity(entity.name, *map));
    }
  }
  Map indices;
  for (const Map::Member& index : map_at(document, "indices")) {
    Map own = *index.value.if_map();
    own.erase("id");
    indices.append(index.name, std::move(own));
  }
  return {{"entities", std::move(entities)},
          {"relations", map_at(document, "relations")},
          {"indices", std::move(indices)}};
}

std::string typescript_of(const Map& document) { return TypeScript(document).text(); }

std::string cpp_of(const Map& document) {
  std::vector<std::string> parts;
  for (const Map::Member& entity : map_at(document, "entities")) {
    if (const Map* map = entity.value.if_map()) parts.push_back(entity_in_cpp(entity.name, *map));
  }
  for (const Map::Member& relation : map_at(document, "relations")) {
    const Map* map = relation.value.if_map();  // Media fields make theirs.
    if (map != nullptr && text_at(*map, "type") != "poly") parts.push_back(relation_in_cpp(*map));
  }
  for (const Map::Member& index : map_at(document, "indices")) {
    if (const Map* map = index.value.if_map()) parts.push_back(index_in_cpp(index.name, *map));
  }
  std::string text =
      "#include <emstore/client.hpp>\n\ninline emstore::Schema wanted_schema() {\n"
      "  using namespace emstore::schema;\n  using emstore::List;\n  using emstore::Map;\n"
      "  using emstore::Value;\n  return {\n";
  for (const std::string& part : parts) text += part + ",\n";
  return text + "  };\n}\n";
}

}  // namespace emstore::cli
