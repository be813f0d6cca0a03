#include <emstore/schema.hpp>

namespace emstore {
namespace schema {
namespace {

List list_of(const std::vector<std::string>& texts) {
  List list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

}  // namespace

Field::Field(std::string name, std::string type) : name_(std::move(name)), type_(std::move(type)) {}

Field& Field::option(std::string name, Value value) {
  config_.set(std::move(name), std::move(value));
  return *this;
}

Field& Field::mime_types(const std::vector<std::string>& globs) {
  return option("mime_types", list_of(globs));
}

Field& Field::hidden_in(const std::vector<std::string>& contexts) {
  return option("hidden", list_of(contexts));
}
Field& Field::fillable_in(const std::vector<std::string>& contexts) {
  return option("fillable", list_of(contexts));
}

Field& Field::labels(const std::vector<std::string>& texts) {
  Value* options = config_.find("options");
  const Value* values = options == nullptr ? nullptr : options->if_map()->find("values");
  if (values == nullptr) return *this;
  List pairs;
  for (std::size_t i = 0; i < values->if_list()->size(); ++i) {
    const Value& given = (*values->if_list())[i];
    const Value* labelled = given.if_map() ? given.if_map()->find("value") : nullptr;
    const Value& value = labelled ? *labelled : given;
    pairs.push_back(Map{{"label", i < texts.size() ? Value(texts[i]) : value}, {"value", value}});
  }
  return option("options", Map{{"type", "objects"}, {"values", std::move(pairs)}});
}

Entity& Entity::option(std::string option_name, Value value) {
  config.set(std::move(option_name), std::move(value));
  return *this;
}

Field text(std::string name) { return {std::move(name), "text"}; }
Field number(std::string name) { return {std::move(name), "number"}; }
Field boolean(std::string name) { return {std::move(name), "boolean"}; }
Field date(std::string name) { return {std::move(name), "date"}; }
Field datetime(std::string name) { return {std::move(name), "datetime"}; }
Field json(std::string name) { return {std::move(name), "json"}; }
Field json_schema(std::string name, Map schema) {
  Field field(std::move(name), "jsonschema");
  field.option("schema", std::move(schema));
  return field;
}
Field medium(std::string name) { return {std::move(name), "medium"}; }
Field media(std::string name) { return {std::move(name), "media"}; }
Field enumeration(std::string name, const std::vector<std::string>& values) {
  Field field(std::move(name), "enum");
  field.option("options", Map{{"type", "strings"}, {"values", list_of(values)}});
  return field;
}

Entity entity(std::string name, std::vector<Field> fields) {
  return {std::move(name), std::move(fields), false, {}, false};
}
Entity system_entity(std::string name, std::vector<Field> fields) {
  return {std::move(name), std::move(fields), true, {}, false};
}
Entity connection(std::string name, std::vector<Field> fields) {
  return {std::move(name), std::move(fields), false, {}, true};
}

Relation& Relation::option(std::string name, Value value) {
  config_.set(std::move(name), std::move(value));
  return *this;
}
Relation many_to_one(std::string source, std::string target) {
  return {"n:1", std::move(source), std::move(target)};
}
Relation one_to_one(std::string source, std::string target) {
  return {"1:1", std::move(source), std::move(target)};
}
Relation many_to_many(std::string source, std::string target) {
  return {"m:n", std::move(source), std::move(target)};
}

Index index(std::string entity, std::vector<std::string> fields) {
  return {std::move(entity), std::move(fields)};
}

}  // namespace schema

Schema::Schema(std::initializer_list<Part> parts) {
  for (const Part& part : parts) add(part);
}

Schema& Schema::add(const Part& part) {
  std::visit([this](const auto& content) { add(content); }, part.content_);
  return *this;
}

void Schema::add(const schema::Entity& entity) {
  Map fields;
  for (const schema::Field& field : entity.fields) {
    fields.set(field.name(), Map{{"type", field.type()}, {"config", field.config()}});
    const bool one = field.type() == "medium";
    if (!one && field.type() != "media") continue;
    Map config{{"mappedBy", field.name()}};
    if (one) config.append("targetCardinality", 1);
    relations_.set("poly_" + entity.name + "_media_" + field.name(),
                   Map{{"type", "poly"},
                       {"source", entity.name},
                       {"target", "media"},
                       {"config", std::move(config)}});
  }
  entities_.set(entity.name, Map{{"type", entity.system      ? "system"
                                          : entity.generated ? "generated"
                                                             : "regular"},
                                 {"fields", std::move(fields)},
                                 {"config", entity.config}});
}

void Schema::add(const schema::Relation& relation) {
  std::string name;
  for (const char letter : relation.type_) {
    if (letter != ':') name += letter;
  }
  name += "_" + relation.source_ + "_" + relation.target_;
  for (const char* option : {"mappedBy", "inversedBy"}) {
    const Value* value = relation.config_.find(option);
    if (value != nullptr && value->if_text() != nullptr) name += "_" + *value->if_text();
  }
  relations_.set(name, Map{{"type", relation.type_},
                           {"source", relation.source_},
                           {"target", relation.target_},
                           {"config", relation.config_}});
}

void Schema::add(const schema::Index& index) {
  std::string name = index.unique_ ? "idx_unique_" : "idx_";
  name += index.entity_;
  List fields;
  for (const std::string& field : index.fields_) {
    name += "_" + field;
    fields.emplace_back(field);
  }
  indices_.set(
      index.name_.empty() ? name : index.name_,
      Map{{"entity", index.entity_}, {"fields", std::move(fields)}, {"unique", index.unique_}});
}

Map Schema::to_map() const {
  return {{"entities", entities_}, {"relations", relations_}, {"indices", indices_}};
}

}  // namespace emstore
