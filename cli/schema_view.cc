#include "cli/schema_view.h"

#include "cli/failures.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

std::vector<std::string> names_of(const Map& map) {
  std::vector<std::string> names;
  for (const Map::Member& member : map) names.push_back(member.name);
  return names;
}

const Map& empty_map() {
  static const Map kEmpty;
  return kEmpty;
}

}  // namespace

SchemaView::SchemaView(const Map& answer) {
  if (const Map* document = value_at(answer, "schema").if_map()) document_ = *document;
}

std::vector<std::string> SchemaView::entities() const {
  const Map* entities = value_at(document_, "entities").if_map();
  return entities ? names_of(*entities) : std::vector<std::string>{};
}

const Map& SchemaView::fields(std::string_view entity) const {
  const Map* entities = value_at(document_, "entities").if_map();
  const Value* found = entities ? entities->find(entity) : nullptr;
  if (!found || !found->if_map()) {
    const auto known = entities ? names_of(*entities) : std::vector<std::string>{};
    const std::string guess = did_you_mean(entity, known);
    throw UsageError("there is no entity \"" + std::string(entity) + "\"",
                     guess.empty() ? "`emstore schema show` lists the entities" : guess);
  }
  const Map* fields = value_at(*found->if_map(), "fields").if_map();
  return fields ? *fields : empty_map();
}

std::vector<std::string> SchemaView::fields_of(std::string_view entity) const {
  return names_of(fields(entity));
}

std::optional<std::string> SchemaView::type_of(std::string_view entity,
                                               std::string_view field) const {
  const std::string_view name = field.substr(0, field.find('.'));
  const Value* found = fields(entity).find(name);
  if (!found || !found->if_map()) return std::nullopt;
  const std::string* type = value_at(*found->if_map(), "type").if_text();
  if (!type) return std::nullopt;
  if (name.size() < field.size() && is_media_type(*type)) {
    return type_of("media", field.substr(name.size() + 1));
  }
  return *type;
}

bool is_media_type(std::string_view type) { return type == "medium" || type == "media"; }

}  // namespace emstore::cli
