// From words of the command line to values, documents and queries. Nothing is sent. Mistakes are
// UsageErrors that quote the word.
#pragma once

#include <emstore/document.hpp>
#include <emstore/query.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/schema_view.h"

namespace emstore::cli {

// A whole number from 0 to 2^63 - 1, in decimal digits and nothing else.
std::optional<std::uint64_t> decimal_of(std::string_view word);

// "17" is an integer, anything else a text.
Value id_of(std::string_view word);

// Throws UsageError for a field that links nothing.
void refuse_value(const SchemaView& schema, std::string_view entity, const std::string& field);

// A value of a field of the type, as it is typed: numbers, ids, true and false, JSON for json; null
// where the type has no such text. A text that is meant for nothing else stays one; emstore says
// what is wrong.
Value typed_value(std::string_view type, std::string_view text);

//   name=value           the value, typed by the schema
//   name:=JSON           the value as JSON
//   gallery+=@a.png      $create, appended
//   thumbnail=@a.png     $create; of a medium it replaces
//   gallery+=17          $attach
//   gallery-=17          $detach
//   gallery=17,18        $set
//   thumbnail=null, =    cleared
//
// Ends of relations, as media fields: owner=3, owner=null, tags+=17. No @file, but where they lead
// to media.
Document document_of(const SchemaView& schema, std::string_view entity,
                     std::span<const std::string> assignments);

// `price>=500`, `name=Laptop`, `name^=Lap`, `name~%top`, `id in 1,2`, `price is null`,
// `gallery.size>1000`, `metadata.width>=640`; or JSON, as on the wire. All of them hold.
Where where_of(const SchemaView& schema, std::string_view entity,
               std::span<const std::string> expressions);
// `gallery`, `gallery:orderBy=-created_at,limit=3`, `gallery:{"limit":3}`.
With with_of(std::string_view word);
// `-created_at,name`.
std::vector<Order> order_of(std::string_view word);
// `42`, a sequence; anything else is the text of a time. Null when the word is empty.
Value as_of_value(std::string_view word);
// `name,price`.
std::vector<std::string> names_of(std::string_view word);

}  // namespace emstore::cli
