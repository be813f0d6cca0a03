#include "tests/property/oracle.h"

namespace emstore::testing {

const OracleField* OracleSchema::field(const std::string& entity, const std::string& name) const {
  for (const OracleField& field : entities.at(entity)) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

namespace {

Map config_of(const OracleField& field) {
  Map config;
  if (field.required) config.set("required", true);
  if (field.default_value) config.set("default_value", *field.default_value);
  if (field.minimum) config.set("minimum", *field.minimum);
  if (field.max_length) config.set("maxLength", *field.max_length);
  if (field.min_items) config.set("min_items", *field.min_items);
  if (field.max_items) config.set("max_items", *field.max_items);
  if (!field.mime_type.empty()) config.set("mime_types", List{field.mime_type});
  if (field.max_bytes) config.set("max_bytes", *field.max_bytes);
  if (field.on_delete == OracleField::OnDelete::collect) config.set("on_delete", "collect");
  if (field.on_delete == OracleField::OnDelete::restricted) config.set("on_delete", "restrict");
  return config;
}

Map relation_of(const std::string& entity, const OracleField& field) {
  Map config{{"mappedBy", field.name}};
  if (field.kind == OracleField::Kind::medium) config.set("targetCardinality", 1);
  return Map{{"type", "poly"}, {"source", entity}, {"target", "media"}, {"config", config}};
}

}  // namespace

Map OracleSchema::to_map() const {
  Map all, relations, indices;
  for (const auto& [entity, declared] : entities) {
    Map fields;
    for (const OracleField& field : declared) {
      if (entity == "media" && field.name == "name") continue;  // Is there anyway.
      const char* type = field.kind == OracleField::Kind::text     ? "text"
                         : field.kind == OracleField::Kind::number ? "number"
                                                                   : "media";
      fields.set(field.name, Map{{"type", type}, {"config", config_of(field)}});
      if (field.is_link()) relations.set(entity + "_" + field.name, relation_of(entity, field));
    }
    all.set(entity, entity == "media" ? Map{{"type", "system"}, {"fields", fields}}
                                      : Map{{"fields", fields}});
  }
  for (const auto& [name, index] : indexes) {
    const List fields(index.fields.begin(), index.fields.end());
    indices.set(name, Map{{"entity", index.entity}, {"fields", fields}, {"unique", index.unique}});
  }
  return Map{{"entities", all}, {"relations", relations}, {"indices", indices}};
}

}  // namespace emstore::testing
