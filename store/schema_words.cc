#include "store/schema_words.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "store/schema.h"

namespace emstore::store {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array kOfEveryRecord{Pair{kCreatedName, "datetime"}, Pair{kUpdatedName, "datetime"}};

constexpr std::array kOfMedia{
    Pair{"path", "text"},      Pair{"etag", "text"},      Pair{"modified_at", "datetime"},
    Pair{"reference", "text"}, Pair{"entity_id", "text"},
};

constexpr std::array kTypeWords{
    Pair{"week", "a week is no point in time: keep its first day, with type \"date\""},
};

std::string_view find(std::span<const Pair> pairs, std::string_view name) {
  const auto place = std::find_if(pairs.begin(), pairs.end(),
                                  [name](const Pair& pair) { return pair.first == name; });
  return place == pairs.end() ? std::string_view() : place->second;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

bool is_name(std::string_view name, std::size_t bytes_max) {
  if (name.empty() || name.size() > bytes_max || !is_letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::string_view type_of_undeclared(std::string_view entity, std::string_view field) {
  const std::string_view type = find(kOfEveryRecord, field);
  return type.empty() && entity == kMediaEntityName ? find(kOfMedia, field) : type;
}

std::string_view instead_of_type(std::string_view type) { return find(kTypeWords, type); }

}  // namespace emstore::store
