// The schema: entities with typed fields, media fields, relations, indexes. A plain value with ids;
// how it is read from what a user sends, and how one schema becomes the next, is schema_change.h;
// how relations look from both sides is relations.h. Threads: immutable once made; share it freely.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "store/json_schema.h"

namespace emstore::store {

enum class FieldKind : std::uint8_t {
  text,
  number,
  boolean,
  date,
  datetime,
  enumeration,
  json,      // With a json_schema: what schemas call "jsonschema".
  medium,    // Link to one media.
  media,     // Links to many media, in order.
  address,   // Of media only: where the bytes lie.
  digest,    // Of media only: SHA-256 of the bytes.
  relation,  // The id of a record of another entity: many-to-one, one-to-one.
  links,     // Links to many records of another entity, in order: many-to-many.
};

inline constexpr std::string_view kJsonSchemaType = "jsonschema";
// The name in schemas: "text", "enum", "medium" …
std::string_view name_of(FieldKind kind);
std::optional<FieldKind> field_kind_named(std::string_view name);
constexpr bool is_media_link(FieldKind kind) {
  return kind == FieldKind::medium || kind == FieldKind::media;
}
// Whether the field is no value of the record, but rows of their own (row_bytes.h).
constexpr bool is_link(FieldKind kind) { return is_media_link(kind) || kind == FieldKind::links; }
// Whether the field leads to records of an entity that the schema names.
constexpr bool is_relation(FieldKind kind) {
  return kind == FieldKind::relation || kind == FieldKind::links;
}

// Of media fields: what deleting an owner does to its media. Of relations: what deleting a record
// does to what refers to it.
enum class OnDelete : std::uint8_t {
  detach,     // Links go, media stay. A relation becomes null, a link to the record goes.
  collect,    // Media fields: links go; media without any link left go with them.
  restrict_,  // Nothing can be deleted while the field has links, or while something refers to it.
  cascade,    // Relations: what refers to the record goes with it.
};

// What an option of a field may be bound to, as in bknd. The last three are the views of its
// administration: kept for it, and of no effect here.
enum Contexts : std::uint8_t {
  kInCreate = 1,
  kInRead = 2,
  kInUpdate = 4,
  kInDelete = 8,
  kInForm = 16,
  kInTable = 32,
  kInSubmit = 64,
  kInMutations = kInCreate | kInRead | kInUpdate | kInDelete,
  kEverywhere = 127,
};

struct Field {
  FieldId id{};
  std::string name;
  FieldKind kind = FieldKind::text;

  bool required = false;
  // Contexts in which it is left out: kInRead of queries that do not select it, kInCreate and
  // kInUpdate of what inserts and updates answer.
  std::uint8_t hidden = 0;
  // Contexts in which documents may give it: kInCreate, kInUpdate. Of emstore's own: none.
  std::uint8_t fillable = kInMutations;
  std::optional<Value>
      default_value;  // In stored form; also read for records older than the field.
  std::string label, description;

  // text
  std::optional<std::uint64_t> min_length, max_length;  // In code points.
  std::string pattern;                                  // RE2, matched anywhere; empty: none.
  // number
  std::optional<double> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
  // enumeration
  std::vector<std::string> values;
  std::vector<std::string> value_labels;  // As many as values, or none.
  // date, datetime
  std::optional<std::int64_t> min_date, max_date;  // In stored form.
  // json
  std::optional<JsonSchema> json_schema;
  Map ui_schema;                     // For programs that draw forms.
  bool default_from_schema = false;  // Where default_value is left out.
  // medium, media
  std::optional<std::uint64_t> min_items, max_items;
  std::vector<std::string> mime_types;      // Globs: "image/*". Empty: any.
  std::optional<std::uint64_t> max_bytes;   // Of each media.
  OnDelete on_delete = OnDelete::detach;    // Of relations too.
  std::optional<std::uint64_t> with_limit;  // How many items `with` gives when it does not say.
  // relation, links
  std::string target;     // The name of the entity that they lead to.
  std::string reference;  // relation: what the record it leads to is called; "author" of author_id.
  std::string inverse;    // What the target calls the records that lead to it: "posts".
  bool unique = false;    // relation: one-to-one.
  // links
  std::string connection;          // What bknd calls the connection: "posts_categories".
  std::vector<Field> link_fields;  // What the meta of a link holds; empty: any map. Without ids.

  bool is_fillable(Contexts context) const { return (fillable & context) != 0; }
  bool is_hidden(Contexts context) const { return (hidden & context) != 0; }
  bool operator==(const Field&) const = default;
};

// The type as schemas say it: of json with a schema "jsonschema", else the name of the kind.
std::string_view type_name_of(const Field& field);

// Names every record has without declaring them: id, created_at, updated_at.
inline constexpr std::string_view kIdName = "id";
inline constexpr std::string_view kCreatedName = "created_at";
inline constexpr std::string_view kUpdatedName = "updated_at";

struct Entity {
  EntityId id{};
  std::string name;
  bool system = false;  // media
  IdFormat ids = IdFormat::integer;
  std::vector<Field> fields;  // As declared; those of emstore first.
  std::uint32_t next_field = 1;
  std::string label, description, sort_field = "id", sort_direction = "asc";

  const Field* field(std::string_view name) const;
  const Field* field(FieldId id) const;
  bool operator==(const Entity&) const = default;
};

struct Index {
  IndexId id{};
  std::string name;  // "idx_products_name", "idx_unique_posts_slug"
  EntityId entity{};
  std::vector<FieldId> fields;
  bool unique = false;
  bool operator==(const Index&) const = default;
};

inline constexpr std::string_view kUuidFormat = "uuid";  // In schemas: primary_format.

// The media entity exists in every schema, with these ids; a schema may add fields to it.
inline constexpr std::string_view kMediaEntityName = "media";
inline constexpr EntityId kMediaEntity{1};
inline constexpr FieldId kMediaName{1};         // text
inline constexpr FieldId kMediaType{2};         // text: from the content
inline constexpr FieldId kMediaClaimedType{3};  // text: as the sender said
inline constexpr FieldId kMediaSize{4};         // number
inline constexpr FieldId kMediaBlob{5};         // address
inline constexpr FieldId kMediaSha256{6};       // digest
inline constexpr FieldId kMediaMetadata{7};     // json
inline constexpr std::uint32_t kFirstUserFieldOfMedia = 32;

struct Schema {
  Sequence version = 0;  // Of the commit that applied it; 0: only the media entity.
  std::vector<Entity> entities;
  std::vector<Index> indexes;
  std::uint32_t next_entity = 2;
  std::uint32_t next_index = 1;

  const Entity* entity(std::string_view name) const;
  const Entity* entity(EntityId id) const;
  // The indexes of an entity, in the order of their ids.
  std::vector<const Index*> indexes_of(EntityId entity) const;
  bool operator==(const Schema&) const = default;
};

// A schema with nothing but the media entity.
Schema initial_schema();

// The canonical form with its ids: the payload of schema_applied and the row of Family::schema.
// Also the shape of bknd's schema.toJSON(), with "id" added to entities, fields and indices.
Map to_value(const Schema& schema);
// Reads the canonical form back. Errors: corrupt_log.
Result<Schema> schema_of(const Map& canonical, Sequence version);

// "products.gallery", for messages.
std::string title(const Entity& entity, const Field& field);

// Errors of look-ups by name, with a suggestion.
Result<const Entity*> find_entity(const Schema& schema, std::string_view name);
Result<const Field*> find_field(const Entity& entity, std::string_view name);

}  // namespace emstore::store
