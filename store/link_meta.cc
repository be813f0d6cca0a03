#include "store/link_meta.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/sink.h"
#include "base/suggest.h"
#include "store/field_rules.h"

namespace emstore::store {
namespace {

const Field* declared(const Field& links, std::string_view name) {
  const auto place = std::find_if(links.link_fields.begin(), links.link_fields.end(),
                                  [name](const Field& field) { return field.name == name; });
  return place == links.link_fields.end() ? nullptr : &*place;
}

}  // namespace

Value link_meta(const Field& field, const Value& given, const std::string& path,
                Violations& violations) {
  const Map* map = given.if_map();
  if (map == nullptr || field.link_fields.empty()) return given;
  Map meta;
  for (const auto& [name, value] : *map) {
    const std::string place = path + "." + name;
    const Field* held = declared(field, name);
    if (held == nullptr) {
      std::vector<std::string_view> names;
      for (const Field& known : field.link_fields) names.emplace_back(known.name);
      violations.add({ErrorCode::unknown_field,
                      "links of " + field.name + " hold no " + quoted(name),
                      place,
                      did_you_mean(name, names),
                      {}});
      continue;
    }
    const Result<Value> stored = stored_form(*held, value);
    if (!violations.catches(stored, place)) meta.append(name, shown(*held, *stored));
  }
  return meta;
}

const Field* needed_by_links(const Field& field) {
  const auto place =
      std::find_if(field.link_fields.begin(), field.link_fields.end(),
                   [](const Field& held) { return held.required && !held.default_value; });
  return place == field.link_fields.end() ? nullptr : &*place;
}

Value new_link_meta(const Field& field, const Value& given, const std::string& path,
                    Violations& violations) {
  if (field.link_fields.empty()) return given;
  static const Map kNothing;
  const Map& said = given.if_map() == nullptr ? kNothing : *given.if_map();
  Map meta;
  for (const auto& [name, value] : said) {
    if (!value.is_null()) meta.append(name, value);
  }
  for (const Field& held : field.link_fields) {
    if (said.contains(held.name)) continue;  // Nil too: it is no default that is wanted.
    if (held.default_value) {
      meta.append(held.name, shown(held, *held.default_value));
    } else if (held.required) {
      violations.add({ErrorCode::required,
                      "links of " + field.name + " need " + held.name,
                      path + ".meta." + held.name,
                      {},
                      {}});
    }
  }
  if (meta.empty()) return {};
  return meta;
}

}  // namespace emstore::store
