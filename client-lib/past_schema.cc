#include "client-lib/past_schema.h"

#include <algorithm>
#include <utility>

#include "client-lib/answers.h"

namespace emstore {
namespace {

constexpr std::int64_t kMediaId = 1;  // In every schema (docs/event-log.md).

template <typename Items>
auto found_in(const Items& items, const auto& is_wanted) -> decltype(&items.front()) {
  const auto found = std::find_if(items.begin(), items.end(), is_wanted);
  return found == items.end() ? nullptr : &*found;
}

// The members of a map in it that are maps and have an id of their own, by their names. Others are
// generated: the connections of a field.
std::vector<std::pair<std::int64_t, const Map::Member*>> named_in(const Map& map,
                                                                  std::string_view name) {
  std::vector<std::pair<std::int64_t, const Map::Member*>> named;
  const Map* members = RecordView(map)[name].if_map();
  if (members == nullptr) return named;
  for (const Map::Member& member : *members) {
    const Map* about = member.value.if_map();
    const auto* id = about == nullptr ? nullptr : RecordView(*about)["id"].if_integer();
    if (id != nullptr) named.emplace_back(*id, &member);
  }
  return named;
}

// Nothing when it has not been made.
Result<std::optional<Map>> commit_at(Core& core, std::uint64_t sequence) {
  EMSTORE_TRY(Map page, core.call_for_map(protocol::LogRead{sequence, 1}));
  const Value* commits = page.find("commits");
  const List* list = commits == nullptr ? nullptr : commits->if_list();
  if (list == nullptr || list->empty()) return std::nullopt;
  EMSTORE_TRY(Map commit, expect_map(list->front(), "a commit of log.read"));
  return commit;
}

// The schema that a commit applied.
Result<PastSchema> schema_applied_by(Map commit) {
  EMSTORE_TRY(const List events, events_of(std::move(commit)));
  for (const Value& event : events) {
    const Map* members = event.if_map();
    if (members == nullptr || text_in(*members, "kind") != "schema_applied") continue;
    if (const Map* document = RecordView(*members)["schema"].if_map()) return PastSchema(*document);
  }
  return PastSchema();
}

}  // namespace

PastSchema::PastSchema() : entities_{{kMediaId, "media", {}}} {}

PastSchema::PastSchema(const Map& document) {
  for (const auto& [entity_id, entity] : named_in(document, "entities")) {
    const Map& members = *entity->value.if_map();
    Entity known{entity_id, entity->name, {}};
    const Map* config = RecordView(members)["config"].if_map();
    known.has_uuids = config != nullptr && text_in(*config, "primary_format") == "uuid";
    for (const auto& [id, field] : named_in(members, "fields")) {
      known.fields.push_back({id, field->name, text_in(*field->value.if_map(), "type")});
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

Result<const PastSchema*> PastSchemas::version(std::uint64_t sequence) {
  if (const auto known = versions_.find(sequence); known != versions_.end()) return &known->second;
  if (sequence == 0) return &versions_[0];
  EMSTORE_TRY(std::optional<Map> commit, commit_at(core_, sequence));
  if (!commit) return &(versions_[sequence] = PastSchema());
  EMSTORE_TRY(PastSchema applied, schema_applied_by(*std::move(commit)));
  return &(versions_[sequence] = std::move(applied));
}

// A commit names the schema before it: so the next one tells which was in force after this one, and
// behind the last one it is that of now.
Result<const PastSchema*> PastSchemas::as_of(std::uint64_t sequence) {
  if (sequence == 0) return version(0);
  EMSTORE_TRY(const std::optional<Map> made, commit_at(core_, sequence));
  if (!made) {
    return failure(ErrorCode::out_of_range,
                   "commit " + std::to_string(sequence) + " has not been made", "",
                   "`emstore log` lists the commits");
  }
  while (true) {
    EMSTORE_TRY(const std::optional<Map> next, commit_at(core_, sequence + 1));
    std::uint64_t known = 0;
    if (next) {
      known = unsigned_of(*next, "schema");
    } else {
      EMSTORE_TRY(const Map now, core_.call_for_map(protocol::SchemaGet{}));
      known = unsigned_of(now, "version");
    }
    if (known <= sequence) return version(known);  // Else commits have been made meanwhile.
  }
}

Result<List> events_of(Map commit) {
  Value* events = commit.find("events");
  if (List* list = events == nullptr ? nullptr : events->if_list()) return std::move(*list);
  return failure(
      ErrorCode::result_too_large,
      "commit " + std::to_string(unsigned_of(commit, "sequence")) + " is too large to be told", "",
      "compare commits before it, or after it");
}

}  // namespace emstore
