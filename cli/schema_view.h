// What the command line needs to know of the schema: which type a field has, so that `price=999` is
// a number and `sku=999` a text.
#pragma once

#include <emstore/value.hpp>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emstore::cli {

// Where a name leads that stands for other records: a media field, or an end of a relation.
struct LinkEnd {
  std::string target;  // The entity.
  bool one = false;    // To one record, rather than to a list.
};

class SchemaView {
 public:
  // From the answer of schema.get.
  explicit SchemaView(const Map& answer);

  // "text", "number", "media" …; nothing for a name the entity does not have. A path has the type
  // of what it leads to: `gallery.size` is a number, all within a json field is json; an end of a
  // relation has none itself. Throws UsageError for an unknown entity, with a suggestion.
  std::optional<std::string> type_of(std::string_view entity, std::string_view field) const;
  // Nothing for what is a value. A path leads where its last name does.
  std::optional<LinkEnd> link_of(std::string_view entity, std::string_view name) const;
  std::vector<std::string> entities() const;
  std::vector<std::string> fields_of(std::string_view entity) const;  // Ends of relations too.
  const Map& document() const { return document_; }

 private:
  const Map& fields(std::string_view entity) const;
  std::map<std::string, LinkEnd, std::less<>> links_of(std::string_view entity) const;
  Map document_;
};

bool is_media_type(std::string_view type);  // medium or media

}  // namespace emstore::cli
