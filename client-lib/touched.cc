#include "client-lib/touched.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/suggest.h"
#include "client-lib/answers.h"

namespace emstore {
namespace {

constexpr std::uint64_t kCommitsAPage = 500;

// By the entity's name and the id, so that 9 comes before 10; of entities that were called the
// same, one after the other, each has its own.
using Place = std::tuple<std::string, std::int64_t, std::string, std::int64_t>;

Place place_of(const std::string& name, const Value& id, std::int64_t entity) {
  const auto* number = id.if_integer();
  const auto* text = id.if_text();
  return {name, number == nullptr ? 0 : *number, text == nullptr ? std::string() : *text, entity};
}

// With an id that no record of the entity can have, everything would seem the same.
Status refuse_id(const PastSchema::Entity& entity, const Value& id) {
  constexpr std::size_t kUuidLetters = 36;
  const auto* number = id.if_integer();
  const auto* text = id.if_text();
  const bool is_uuid = text != nullptr && text->size() == kUuidLetters;
  if (id.is_null() || (entity.has_uuids ? is_uuid : number != nullptr && *number > 0)) return {};
  return failure(ErrorCode::wrong_type, to_string(id) + " is no id of " + entity.name, "id",
                 entity.has_uuids ? "ids here are texts of uuids" : "ids here are integers from 1");
}

// The entity that is asked for; nothing: all are.
Result<std::optional<std::int64_t>> entity_asked(const Ends& ends, const DiffQuery& query) {
  if (query.entity.empty()) {
    if (query.id.is_null()) return std::nullopt;
    return failure(ErrorCode::invalid_request, "an id is one of an entity", "id",
                   "name the entity too");
  }
  if (const PastSchema::Entity* known = ends.entity(query.entity)) {
    EMSTORE_CHECKED(refuse_id(*known, query.id));
    return known->id;
  }
  std::vector<std::string_view> names;
  for (const auto& entity : ends.after.schema->entities()) names.push_back(entity.name);
  return failure(ErrorCode::unknown_entity,
                 "no entity \"" + query.entity + "\" as of commit " +
                     std::to_string(ends.before.commit) + " or " +
                     std::to_string(ends.after.commit),
                 "", did_you_mean(query.entity, names));
}

class Touches {
 public:
  Touches(Core& core, PastSchemas& schemas, const Ends& ends, std::optional<std::int64_t> entity,
          const Value& id)
      : core_(core), schemas_(schemas), ends_(ends), entity_(entity), id_(id) {}

  Result<std::vector<TouchedRecord>> read() {
    const std::uint64_t last = ends_.after.commit;
    for (std::uint64_t next = ends_.before.commit + 1; next <= last;) {
      const std::uint64_t limit = std::min(kCommitsAPage, last - next + 1);
      EMSTORE_TRY(Map page, core_.call_for_map(protocol::LogRead{next, limit}));
      Value* commits = page.find("commits");
      List* list = commits == nullptr ? nullptr : commits->if_list();
      if (list == nullptr || list->empty()) break;
      for (Value& commit : *list) EMSTORE_CHECKED(note_commit(std::move(commit)));
      next = unsigned_of(page, "next");
    }
    std::vector<TouchedRecord> records;
    for (auto& [place, record] : touched_) records.push_back(std::move(record));
    return records;
  }

 private:
  // The names in a commit are those of the schema before it.
  Status note_commit(Value told) {
    EMSTORE_TRY(Map commit, expect_map(std::move(told), "a commit of log.read"));
    const std::uint64_t version = unsigned_of(commit, "schema");
    EMSTORE_TRY(const List events, events_of(std::move(commit)));
    EMSTORE_TRY(const PastSchema* schema, schemas_.version(version));
    for (const Value& event : events) {
      if (const Map* members = event.if_map()) note(RecordView(*members), *schema);
    }
    return {};
  }

  void note(RecordView event, const PastSchema& schema) {
    const std::string* name = event["entity"].if_text();
    const auto* entity = name == nullptr ? nullptr : schema.entity(*name);
    if (entity == nullptr || event.id().is_null()) return;
    if (entity_ && entity->id != *entity_) return;
    if (!id_.is_null() && event.id() != id_) return;
    const auto* known = ends_.entity(entity->id);
    if (known == nullptr) return;  // It came and went in between.
    TouchedRecord& record = touched_[place_of(known->name, event.id(), entity->id)];
    record.entity_name = known->name;
    record.entity = entity->id;
    record.id = event.id();
    const std::string* field_name = event["field"].if_text();
    const auto* field = field_name == nullptr ? nullptr : entity->field(*field_name);
    if (field != nullptr) record.links.insert(field->id);
  }

  Core& core_;
  PastSchemas& schemas_;
  const Ends& ends_;
  const std::optional<std::int64_t> entity_;
  const Value& id_;
  std::map<Place, TouchedRecord> touched_;
};

}  // namespace

const PastSchema::Entity* Ends::entity(std::int64_t id) const {
  const PastSchema::Entity* known = after.schema->entity(id);
  return known == nullptr ? before.schema->entity(id) : known;
}

const PastSchema::Entity* Ends::entity(std::string_view name) const {
  const PastSchema::Entity* known = after.schema->entity(name);
  return known == nullptr ? before.schema->entity(name) : known;
}

std::pair<std::string, bool> Ends::name_of(std::int64_t entity_id,
                                           const PastSchema::Field& field) const {
  const PastSchema::Entity* known = after.schema->entity(entity_id);
  if (known == nullptr) return {field.name, false};
  if (const PastSchema::Field* now = known->field(field.id)) return {now->name, false};
  return {field.name, known->field(field.name) != nullptr};
}

Result<std::vector<TouchedRecord>> touched_records(Core& core, PastSchemas& schemas,
                                                   const Ends& ends, const DiffQuery& query) {
  EMSTORE_TRY(const std::optional<std::int64_t> entity, entity_asked(ends, query));
  return Touches(core, schemas, ends, entity, query.id).read();
}

}  // namespace emstore
