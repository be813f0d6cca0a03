// Says what a schema is to be. A media field makes its relation by itself.
//
//   using namespace emstore::schema;
//   client.apply({entity("products", {text("name").required(), number("price"),
//   medium("thumbnail"),
//                                     media("gallery").max_items(20)}),
//                 system_entity("media", {text("alt")}),
//                 index("products", {"name"}).unique()});
#pragma once

#include <emstore/value.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace emstore {

class Schema;

namespace schema {

class Field {
 public:
  Field(std::string name, std::string type);

  Field& required(bool yes = true) { return option("required", yes); }
  Field& default_value(Value value) { return option("default_value", std::move(value)); }
  Field& label(std::string text) { return option("label", std::move(text)); }
  Field& description(std::string text) { return option("description", std::move(text)); }
  Field& hidden(bool yes = true) { return option("hidden", yes); }
  Field& fillable(bool yes = true) { return option("fillable", yes); }
  // Left out, and to be given, in these contexts alone: "create", "read", "update", …
  Field& hidden_in(const std::vector<std::string>& contexts);
  Field& fillable_in(const std::vector<std::string>& contexts);
  // The name that the field had in the schema before: it keeps its values.
  Field& renamed_from(std::string name) { return option("renamed_from", std::move(name)); }
  // text
  Field& min_length(std::uint64_t count) { return option("minLength", count); }
  Field& max_length(std::uint64_t count) { return option("maxLength", count); }
  Field& pattern(std::string re2) { return option("pattern", std::move(re2)); }
  // number
  Field& minimum(double bound) { return option("minimum", bound); }
  Field& maximum(double bound) { return option("maximum", bound); }
  Field& exclusive_minimum(double bound) { return option("exclusiveMinimum", bound); }
  Field& exclusive_maximum(double bound) { return option("exclusiveMaximum", bound); }
  Field& multiple_of(double step) { return option("multipleOf", step); }
  // date: "2026-11-22"; datetime: "2026-11-22T15:09:26Z"
  Field& min_date(std::string bound) { return option("min_date", std::move(bound)); }
  Field& max_date(std::string bound) { return option("max_date", std::move(bound)); }
  // enumeration: what people read, one for each value.
  Field& labels(const std::vector<std::string>& texts);
  // json_schema
  Field& ui_schema(Map hints) { return option("ui_schema", std::move(hints)); }
  Field& default_from_schema(bool yes = true) { return option("default_from_schema", yes); }
  // medium, media
  Field& min_items(std::uint64_t count) { return option("min_items", count); }
  Field& max_items(std::uint64_t count) { return option("max_items", count); }
  Field& mime_types(const std::vector<std::string>& globs);
  Field& max_bytes(std::uint64_t bytes) { return option("max_bytes", bytes); }  // Of each media.
  Field& on_delete(std::string what) { return option("on_delete", std::move(what)); }
  Field& with_limit(std::uint64_t count) { return option("with_limit", count); }
  // Any option by its name on the wire.
  Field& option(std::string name, Value value);

  const std::string& name() const { return name_; }
  const std::string& type() const { return type_; }
  const Map& config() const { return config_; }

 private:
  std::string name_, type_;
  Map config_;
};

Field text(std::string name);
Field number(std::string name);
Field boolean(std::string name);
Field date(std::string name);
Field datetime(std::string name);
Field enumeration(std::string name, const std::vector<std::string>& values);
Field json(std::string name);
Field json_schema(std::string name, Map schema);  // JSON that fits a JSON Schema.
Field medium(std::string name);                   // One media, or none.
Field media(std::string name);                    // Many media, in order.

struct Entity {
  std::string name;
  std::vector<Field> fields;
  bool system = false;
  Map config = {};
  bool generated = false;  // A connection.

  Entity& label(std::string text) { return option("label", std::move(text)); }
  Entity& description(std::string text) { return option("description", std::move(text)); }
  // The order of records where a query names none.
  Entity& sorted_by(std::string field) { return option("sort_field", std::move(field)); }
  Entity& descending(bool yes = true) { return option("sort_dir", yes ? "desc" : "asc"); }
  // Ids are uuids, not integers. To be said before the first record.
  Entity& uuid_ids(bool yes = true) { return option("primary_format", yes ? "uuid" : "integer"); }
  Entity& renamed_from(std::string before) { return option("renamed_from", std::move(before)); }
  Entity& option(std::string option_name, Value value);
};
Entity entity(std::string name, std::vector<Field> fields);
Entity system_entity(std::string name, std::vector<Field> fields);  // "media": fields added to it.

// What the links of a many-to-many relation hold of their own, under the name of its connection.
Entity connection(std::string name, std::vector<Field> fields);

// A relation between two entities. Its field (author_id, or the list of links) is made by itself;
// declared among the fields of the source, it can have options.
class Relation {
 public:
  Relation(std::string type, std::string source, std::string target)
      : type_(std::move(type)), source_(std::move(source)), target_(std::move(target)) {}
  // What the source calls what it leads to, and the target what leads to it.
  Relation& mapped_by(std::string name) { return option("mappedBy", std::move(name)); }
  Relation& inversed_by(std::string name) { return option("inversedBy", std::move(name)); }
  Relation& with_limit(std::uint64_t count) { return option("with_limit", count); }
  Relation& option(std::string name, Value value);

 private:
  friend class emstore::Schema;
  std::string type_, source_, target_;
  Map config_;
};
Relation many_to_one(std::string source, std::string target);
Relation one_to_one(std::string source, std::string target);
Relation many_to_many(std::string source, std::string target);

class Index {
 public:
  Index(std::string entity, std::vector<std::string> fields)
      : entity_(std::move(entity)), fields_(std::move(fields)) {}
  Index& unique(bool yes = true) { return unique_ = yes, *this; }
  // Its name; left out, one is made of entity and fields.
  Index& name(std::string text) { return name_ = std::move(text), *this; }

 private:
  friend class emstore::Schema;
  std::string entity_;
  std::vector<std::string> fields_;
  bool unique_ = false;
  std::string name_;
};
Index index(std::string entity, std::vector<std::string> fields);

}  // namespace schema

class Schema {
 public:
  class Part {
   public:
    Part(schema::Entity entity) : content_(std::move(entity)) {}
    Part(schema::Relation relation) : content_(std::move(relation)) {}
    Part(schema::Index index) : content_(std::move(index)) {}

   private:
    friend class Schema;
    std::variant<schema::Entity, schema::Relation, schema::Index> content_;
  };

  Schema() = default;
  Schema(std::initializer_list<Part> parts);
  Schema& add(const Part& part);
  // As `schema.apply` takes it: the shape of bknd's schema.toJSON().
  Map to_map() const;

 private:
  void add(const schema::Entity& entity);
  void add(const schema::Relation& relation);
  void add(const schema::Index& index);
  Map entities_, relations_, indices_;
};

}  // namespace emstore
