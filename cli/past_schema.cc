#include "cli/past_schema.h"

#include <algorithm>

#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::int64_t kMediaId = 1;  // In every schema (docs/event-log.md).

template <typename Items>
auto found_in(const Items& items, const auto& is_wanted) -> decltype(&items.front()) {
  const auto found = std::find_if(items.begin(), items.end(), is_wanted);
  return found == items.end() ? nullptr : &*found;
}

// The document that a commit applied; null when it applied none.
const Map* schema_applied_by(const Map& commit) {
  for (const Value& event : events_of(commit)) {
    if (value_at(*event.if_map(), "kind") == Value("schema_applied")) {
      return value_at(*event.if_map(), "schema").if_map();
    }
  }
  return nullptr;
}

// Nothing when it has not been made.
std::optional<Map> commit_at(Session& session, std::uint64_t sequence) {
  const Map page = session.client().log(sequence, 1);
  const List* commits = value_at(page, "commits").if_list();
  if (commits == nullptr || commits->empty()) return std::nullopt;
  return *commits->front().if_map();
}

}  // namespace

PastSchema::PastSchema() : entities_{{kMediaId, "media", {}}} {}

PastSchema::PastSchema(const Map& document) {
  for (const auto& [name, entity] : map_at(document, "entities")) {
    const Map& members = *entity.if_map();
    if (!members.contains("id")) continue;  // Generated: the connections of a field.
    Entity known{*value_at(members, "id").if_integer(), name, {}};
    known.has_uuids = text_at(members, "config.primary_format") == "uuid";
    for (const auto& [field_name, field] : map_at(members, "fields")) {
      const auto* id = value_at(*field.if_map(), "id").if_integer();
      if (id != nullptr)
        known.fields.push_back({*id, field_name, text_at(*field.if_map(), "type")});
    }
    entities_.push_back(std::move(known));
  }
}

const PastSchema::Field* PastSchema::Entity::field(std::string_view wanted) const {
  return found_in(fields, [&](const Field& field) { return field.name == wanted; });
}

const PastSchema::Field* PastSchema::Entity::field(std::int64_t wanted) const {
  return found_in(fields, [&](const Field& field) { return field.id == wanted; });
}

const PastSchema::Entity* PastSchema::entity(std::string_view wanted) const {
  return found_in(entities_, [&](const Entity& entity) { return entity.name == wanted; });
}

const PastSchema::Entity* PastSchema::entity(std::int64_t wanted) const {
  return found_in(entities_, [&](const Entity& entity) { return entity.id == wanted; });
}

std::vector<std::string> PastSchema::names() const {
  std::vector<std::string> names;
  for (const Entity& entity : entities_) names.push_back(entity.name);
  return names;
}

const PastSchema& PastSchemas::version(std::uint64_t sequence) {
  if (const auto known = versions_.find(sequence); known != versions_.end()) return known->second;
  if (sequence == 0) return versions_[0];
  const std::optional<Map> commit = commit_at(session_, sequence);
  const Map* document = commit ? schema_applied_by(*commit) : nullptr;
  return versions_.emplace(sequence, document == nullptr ? PastSchema() : PastSchema(*document))
      .first->second;
}

// A commit names the schema before it: so the next one tells which was in force after this one, and
// behind the last one it is that of now.
const PastSchema& PastSchemas::as_of(std::uint64_t sequence) {
  if (sequence == 0) return version(0);
  if (!commit_at(session_, sequence)) {
    throw Failure({ErrorCode::out_of_range,
                   "commit " + std::to_string(sequence) + " has not been made",
                   "",
                   "`emstore log` lists the commits",
                   {}});
  }
  while (true) {
    const std::optional<Map> next = commit_at(session_, sequence + 1);
    const std::uint64_t known =
        next ? number_at(*next, "schema") : number_at(session_.client().schema(), "version");
    if (known <= sequence) return version(known);  // Else commits have been made meanwhile.
  }
}

const List& events_of(const Map& commit) {
  if (const List* events = value_at(commit, "events").if_list()) return *events;
  throw Failure({ErrorCode::result_too_large,
                 "commit " + cell_text(value_at(commit, "sequence")) + " is too large to be told",
                 "",
                 "compare commits before it, or after it",
                 {}});
}

}  // namespace emstore::cli
