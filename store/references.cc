#include "store/references.h"

#include <charconv>
#include <utility>

#include "base/suggest.h"

namespace emstore::store {
namespace {

// "parts[2]" → "parts" and 2; a name alone is its first and only record.
struct NumberedName {
  std::string_view name;
  std::optional<std::size_t> number;
};

NumberedName numbered(std::string_view text) {
  const std::size_t bracket = text.find('[');
  if (bracket == text.npos || text.back() != ']') return {text, std::nullopt};
  const std::string_view digits = text.substr(bracket + 1, text.size() - bracket - 2);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return {text, std::nullopt};
  return {text.substr(0, bracket), number};
}

}  // namespace

Status References::add(const std::string& name, EntityId entity,
                       std::optional<std::vector<RecordId>> records) {
  if (name.empty() || name.find('[') != name.npos) {
    return failure(ErrorCode::invalid_request, quoted(name) + " is no name for $ref", {},
                   "use a word: [2] after it names the third of several documents");
  }
  if (names_.try_emplace(name, Named{entity, std::move(records)}).second) return {};
  return failure(ErrorCode::duplicate_item,
                 "an operation before this one is named " + quoted(name) + " already", {},
                 "give each operation a name of its own");
}

Result<std::optional<RecordId>> References::find(const Schema& schema, std::string_view text,
                                                 EntityId entity) const {
  const auto [name, number] = numbered(text);
  const auto found = names_.find(name);
  if (found == names_.end()) {
    std::vector<std::string_view> names;
    for (const auto& [known, ignored] : names_) names.push_back(known);
    std::string hint = did_you_mean(name, names);
    if (hint.empty()) hint = "name the operation that inserts it with `as`, and before this one";
    return failure(ErrorCode::invalid_request,
                   "no insert before this operation is named " + quoted(name), {}, std::move(hint));
  }
  const Named& named = found->second;
  // Of an entity that there is not, which is said where the name is given.
  const Entity* of = schema.entity(named.entity);
  if (of != nullptr && named.entity != entity) {
    return failure(ErrorCode::wrong_type, quoted(name) + " names a record of " + of->name +
                                              ", not of " + schema.entity(entity)->name);
  }
  if (!named.records) return std::nullopt;
  const std::size_t size = named.records->size();
  if (number ? *number < size : size == 1) return (*named.records)[number.value_or(0)];
  return failure(ErrorCode::invalid_request,
                 quoted(text) + " names none of " + std::to_string(size) + " records", {},
                 "write " + std::string(name) + "[0] for the first of them");
}

}  // namespace emstore::store
