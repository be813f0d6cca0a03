// A shop in memory, for tests of queries: rows made by hand through row_bytes.h, read through a
// Scratch.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "store/query.h"
#include "store/row_bytes.h"
#include "store/schema.h"
#include "store/scratch.h"

namespace emstore::store {

// A value from JSON in which quotes may be single, and words go without: {where: {kind: {$in:
// [book]}}}. There are no escapes.
Value value_of(std::string_view json);
Map map_of(std::string_view json);

// products: name text (unique), price number, active boolean, made date, seen datetime, kind enum
// (indexed with price), extra json, secret text (hidden), stock number (default 7), thumbnail
// medium, gallery media, documents media (two at a time). media: alt text, previews media.
Schema shop_schema();

class Shop {
 public:
  Shop() : schema(shop_schema()) {}

  // A record with these fields; version and times follow from its id: record 3 is of commit 3.
  void add(std::string_view entity, std::uint64_t id, const Map& fields);
  void add(std::string_view entity, std::uint64_t id, std::string_view fields) {
    add(entity, id, map_of(fields));
  }
  // A media named "<id>.png" with these fields besides the usual ones.
  void add_media(std::uint64_t id, std::string_view fields = "{}");
  // Links behind the last one of the field; the target must be there. Without a cover, when
  // `covered` is false.
  void link(std::string_view entity, std::uint64_t owner, std::string_view field,
            std::uint64_t media, bool covered = true, std::string_view meta = "null");

  RecordRef record(std::string_view entity, std::uint64_t id) const;

  Schema schema;
  Scratch rows;
  QueryLimits limits;

 private:
  FieldValues stored(const Entity& entity, const Map& fields) const;
  void put(Family family, std::string key, std::string value);

  std::map<std::string, std::uint64_t> link_numbers_;
  std::uint64_t links_ = 0;
};

struct Reply {
  std::string
      text;     // The result as to_string() shows it, or the error: `code at path: message; hint`.
  Value value;  // The result; null with an error.
  Found found;
  std::string plan;
};

Reply find_many(const Shop& shop, std::string_view entity, const Map& query);
Reply find_many(const Shop& shop, std::string_view entity, std::string_view query);
Reply find_one(const Shop& shop, std::string_view entity, std::string_view query);
// The ids that a findMany gives, in order: "3 1 2"; or the error.
std::string ids(const Shop& shop, std::string_view entity, std::string_view query);
std::string ids(const Shop& shop, std::string_view entity, Map query);
std::string to_text(const Error& error);

}  // namespace emstore::store
