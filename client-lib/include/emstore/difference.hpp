// What is different between two commits.
//
//   client.diff({.from = 4, .to = 8, .entity = "products"}, [](const Difference& one) {
//     for (const FieldDifference& field : one.fields) …
//     return true;
//   });
#pragma once

#include <emstore/record.hpp>
#include <emstore/value.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace emstore {

// Which records: those that a commit after `from` and up to `to` touched.
struct DiffQuery {
  std::uint64_t from = 0, to = 0;  // 0: before the first commit.
  std::string entity = {};         // Only of this entity, by its name at either commit.
  Value id = {};                   // Only with this id.
};

// A field that is not as it was.
struct FieldDifference {
  enum class Kind : std::uint8_t { value, links, media };  // Media: links that lead to media.

  std::string field;  // Its name at the later commit, or at the earlier one when it is no more.
  bool is_replaced = false;  // It is no more, and the later commit has another field of its name.
  Kind kind = Kind::value;
  // Null where there was none. A link is {id, meta}, the links of a field for many are a list in
  // their order.
  Value before, after;
};

// A record that is not as it was.
struct Difference {
  std::string entity;  // Its name at the later commit, or at the earlier one when it is no more.
  Value id;
  // All of it that is not hidden, by the names of that time; nothing where it was not there. Links
  // are read along, to the last one, of fields whose links were changed.
  std::optional<Record> before, after;
  // First fields of values, then those of links by their names. When a record was updated is no
  // difference.
  std::vector<FieldDifference> fields;
};

// Returns whether to go on.
using DiffVisitor = std::function<bool(const Difference& one)>;

}  // namespace emstore
