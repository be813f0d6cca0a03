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
  // medium, media
  Field& min_items(std::uint64_t count) { return option("min_items", count); }
  Field& max_items(std::uint64_t count) { return option("max_items", count); }
  Field& mime_types(const std::vector<std::string>& globs);
  Field& on_delete(std::string what) { return option("on_delete", std::move(what)); }
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
Field medium(std::string name);  // One media, or none.
Field media(std::string name);   // Many media, in order.

struct Entity {
  std::string name;
  std::vector<Field> fields;
  bool system = false;
};
Entity entity(std::string name, std::vector<Field> fields);
Entity system_entity(std::string name, std::vector<Field> fields);  // "media": fields added to it.

class Index {
 public:
  Index(std::string entity, std::vector<std::string> fields)
      : entity_(std::move(entity)), fields_(std::move(fields)) {}
  Index& unique(bool yes = true) { return unique_ = yes, *this; }

 private:
  friend class emstore::Schema;
  std::string entity_;
  std::vector<std::string> fields_;
  bool unique_ = false;
};
Index index(std::string entity, std::vector<std::string> fields);

}  // namespace schema

class Schema {
 public:
  class Part {
   public:
    Part(schema::Entity entity) : entity_(std::move(entity)), is_entity_(true) {}
    Part(schema::Index index) : index_(std::move(index)) {}

   private:
    friend class Schema;
    schema::Entity entity_;
    schema::Index index_{"", {}};
    bool is_entity_ = false;
  };

  Schema() = default;
  Schema(std::initializer_list<Part> parts);
  Schema& add(const Part& part);
  // As `schema.apply` takes it: the shape of bknd's schema.toJSON().
  Map to_map() const;

 private:
  void add_entity(const schema::Entity& entity);
  void add_index(const schema::Index& index);
  Map entities_, relations_, indices_;
};

}  // namespace emstore
