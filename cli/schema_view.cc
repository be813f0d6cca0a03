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

// The source's ends are fields or the `reference` of one, those of the target its `inversedBy`.
std::map<std::string, LinkEnd, std::less<>> SchemaView::links_of(std::string_view entity) const {
  std::map<std::string, LinkEnd, std::less<>> links;
  for (const std::string& name : names_of(fields(entity))) {
    const std::string type = text_at(map_at(fields(entity), name), "type");
    const Map& config = map_at(map_at(fields(entity), name), "config");
    if (is_media_type(type)) links[name] = {"media", type == "medium"};
    if (type == "links") links[name] = {text_at(config, "target"), false};
    if (type == "relation") links[text_at(config, "reference")] = {text_at(config, "target"), true};
  }
  for (const std::string& source : entities()) {
    for (const std::string& name : names_of(fields(source))) {
      const Map& config = map_at(map_at(fields(source), name), "config");
      if (text_at(config, "target") != entity || !config.contains("inversedBy")) continue;
      links[text_at(config, "inversedBy")] = {source, value_at(config, "unique") == Value(true)};
    }
  }
  return links;
}

std::vector<std::string> SchemaView::fields_of(std::string_view entity) const {
  std::vector<std::string> names = names_of(fields(entity));
  for (const auto& [name, link] : links_of(entity)) {
    if (!fields(entity).contains(name)) names.push_back(name);
  }
  return names;
}

std::optional<LinkEnd> SchemaView::link_of(std::string_view entity, std::string_view name) const {
  const std::size_t dot = name.find('.');
  const auto links = links_of(entity);
  const auto found = links.find(name.substr(0, dot));
  if (found == links.end()) return std::nullopt;
  if (dot == std::string_view::npos) return found->second;
  return link_of(found->second.target, name.substr(dot + 1));
}

std::optional<std::string> SchemaView::type_of(std::string_view entity,
                                               std::string_view field) const {
  const std::size_t dot = field.find('.');
  const std::string_view name = field.substr(0, dot);
  if (dot != std::string_view::npos) {
    if (const auto link = link_of(entity, name)) {
      return type_of(link->target, field.substr(dot + 1));
    }
  }
  const Value* found = fields(entity).find(name);
  if (!found || !found->if_map()) return std::nullopt;
  const std::string* type = value_at(*found->if_map(), "type").if_text();
  return type ? std::optional(*type) : std::nullopt;
}

bool is_media_type(std::string_view type) { return type == "medium" || type == "media"; }

}  // namespace emstore::cli
