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

Field text(std::string name) { return {std::move(name), "text"}; }
Field number(std::string name) { return {std::move(name), "number"}; }
Field boolean(std::string name) { return {std::move(name), "boolean"}; }
Field date(std::string name) { return {std::move(name), "date"}; }
Field datetime(std::string name) { return {std::move(name), "datetime"}; }
Field json(std::string name) { return {std::move(name), "json"}; }
Field medium(std::string name) { return {std::move(name), "medium"}; }
Field media(std::string name) { return {std::move(name), "media"}; }
Field enumeration(std::string name, const std::vector<std::string>& values) {
  Field field(std::move(name), "enum");
  field.option("options", Map{{"type", "strings"}, {"values", list_of(values)}});
  return field;
}

Entity entity(std::string name, std::vector<Field> fields) {
  return {std::move(name), std::move(fields), false};
}
Entity system_entity(std::string name, std::vector<Field> fields) {
  return {std::move(name), std::move(fields), true};
}
Index index(std::string entity, std::vector<std::string> fields) {
  return {std::move(entity), std::move(fields)};
}

}  // namespace schema

Schema::Schema(std::initializer_list<Part> parts) {
  for (const Part& part : parts) add(part);
}

Schema& Schema::add(const Part& part) {
  if (part.is_entity_) {
    add_entity(part.entity_);
  } else {
    add_index(part.index_);
  }
  return *this;
}

void Schema::add_entity(const schema::Entity& entity) {
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
  entities_.set(entity.name,
                Map{{"type", entity.system ? "system" : "regular"}, {"fields", std::move(fields)}});
}

void Schema::add_index(const schema::Index& index) {
  std::string name = index.unique_ ? "idx_unique_" : "idx_";
  name += index.entity_;
  List fields;
  for (const std::string& field : index.fields_) {
    name += "_" + field;
    fields.emplace_back(field);
  }
  indices_.set(
      name,
      Map{{"entity", index.entity_}, {"fields", std::move(fields)}, {"unique", index.unique_}});
}

Map Schema::to_map() const {
  return {{"entities", entities_}, {"relations", relations_}, {"indices", indices_}};
}

}  // namespace emstore
