// What is different between two commits: of each record that a commit between them touched, how it
// was then and how it was later. What came and went in between is not told.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/commit_text.h"
#include "cli/failures.h"
#include "cli/media_names.h"
#include "cli/pairs.h"
#include "cli/past_schema.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

constexpr std::uint64_t kLinksAPage = 1'000;

struct Touched {
  std::int64_t entity = 0;
  Value id;
  std::set<std::int64_t> links;  // Fields whose links changed.
};
// By the entity's name and the id, in their order; of entities that were called the same, one after
// the other, each has its own.
using AllTouched = std::map<std::tuple<std::string, std::string, std::int64_t>, Touched>;

// One end of the comparison.
struct End {
  std::uint64_t commit = 0;
  const PastSchema& schema;
};

// Both ends, and what entities and fields are called: as they are at the later end, or as they were
// when they are no more.
struct Ends {
  End before, after;

  std::optional<std::string> name_of(std::int64_t entity) const {
    for (const End* end : {&after, &before}) {
      if (const auto* known = end->schema.entity(entity)) return known->name;
    }
    return std::nullopt;
  }

  std::string name_of(std::int64_t entity, const PastSchema::Field& field) const {
    const PastSchema::Entity* known = after.schema.entity(entity);
    if (known == nullptr) return field.name;
    if (const PastSchema::Field* now = known->field(field.id)) return now->name;
    return known->field(field.name) == nullptr ? field.name : field.name + " (dropped)";
  }

  const PastSchema::Field* field(std::int64_t entity, std::int64_t id) const {
    for (const End* end : {&after, &before}) {
      const PastSchema::Entity* known = end->schema.entity(entity);
      const PastSchema::Field* found = known == nullptr ? nullptr : known->field(id);
      if (found != nullptr) return found;
    }
    return nullptr;
  }
};

// With an id that no record of the entity can have, everything would seem the same.
void refuse_id(const PastSchema::Entity& entity, const std::string& word) {
  constexpr std::size_t kUuidLetters = 36;
  const Value id = id_of(word);
  const auto* number = id.if_integer();
  const bool is_uuid = number == nullptr && word.size() == kUuidLetters;
  if (word.empty() || (entity.has_uuids ? is_uuid : number != nullptr && *number > 0)) return;
  throw Failure({ErrorCode::wrong_type,
                 to_string(id) + " is no id of " + entity.name,
                 "id",
                 entity.has_uuids ? "ids here are texts of uuids" : "ids here are integers from 1",
                 {}});
}

// The entity that is asked for, by its name at either end; nothing: all are.
std::optional<std::int64_t> entity_asked(const Ends& ends, const DiffWords& words) {
  const std::string& name = words.entity;
  if (name.empty()) return std::nullopt;
  for (const End* end : {&ends.after, &ends.before}) {
    if (const auto* known = end->schema.entity(name)) {
      refuse_id(*known, words.id);
      return known->id;
    }
  }
  throw Failure({ErrorCode::unknown_entity,
                 "no entity \"" + name + "\" as of commit " + std::to_string(ends.before.commit) +
                     " or " + std::to_string(ends.after.commit),
                 "",
                 did_you_mean(name, ends.after.schema.names()),
                 {}});
}

class Touches {
 public:
  Touches(Session& session, PastSchemas& schemas, const Ends& ends, const DiffWords& words)
      : session_(session),
        schemas_(schemas),
        ends_(ends),
        words_(words),
        entity_(entity_asked(ends, words)) {}

  AllTouched read() {
    for (std::uint64_t next = words_.from + 1; next <= words_.to;) {
      const Map page = session_.client().log(next, std::min(kCommitsAPage, words_.to - next + 1));
      const List* commits = value_at(page, "commits").if_list();
      if (commits == nullptr || commits->empty()) break;
      for (const Value& commit : *commits) note(*commit.if_map());
      next = number_at(page, "next");
    }
    return std::move(touched_);
  }

 private:
  // The names in a commit are those of the schema before it.
  void note(const Map& commit) {
    const List& events = events_of(commit);
    const PastSchema& schema = schemas_.version(number_at(commit, "schema"));
    for (const Value& event : events) note(*event.if_map(), schema);
  }

  void note(const Map& event, const PastSchema& schema) {
    const Value& id = value_at(event, "id");
    const auto* entity = schema.entity(cell_text(value_at(event, "entity")));
    if (entity == nullptr || id.is_null()) return;
    if (entity_ && entity->id != *entity_) return;
    const std::string text = cell_text(id);
    if (!words_.id.empty() && id != id_of(words_.id)) return;
    const std::optional<std::string> name = ends_.name_of(entity->id);
    if (!name) return;  // It came and went in between.
    // Shorter numbers first, so that 9 comes before 10.
    std::string key = id.if_integer() == nullptr ? text : std::string(20 - text.size(), '0') + text;
    Touched& record = touched_[{*name, std::move(key), entity->id}];
    record.entity = entity->id;
    record.id = id;
    const auto* field = entity->field(cell_text(value_at(event, "field")));
    if (field != nullptr) record.links.insert(field->id);
  }

  Session& session_;
  PastSchemas& schemas_;
  const Ends& ends_;
  const DiffWords& words_;
  std::optional<std::int64_t> entity_;
  AllTouched touched_;
};

// Reads lists that a limit cut to their end.
void read_on(Repository& repository, const Value& id, const Value& as_of, Map& values) {
  while (const Value* more = values.find("$more")) {
    Query query;
    query.as_of = as_of;
    query.select = {"id"};
    for (const auto& [name, cursor] : *more->if_map()) {
      Query items{.select = {"id", "$link"}, .limit = kLinksAPage, .cursor = cell_text(cursor)};
      query.with.add(With(name, std::move(items)));
    }
    values.erase("$more");
    const std::optional<Record> page = repository.find_id(id, query);
    if (!page) return;
    for (const auto& [name, value] : page->values()) {
      if (name == "$more") values.set(name, value);
      const List* items = value.if_list();
      List* all = items == nullptr ? nullptr : values.find(name)->if_list();
      if (all != nullptr) all->insert(all->end(), items->begin(), items->end());
    }
  }
}

// The record at one end; nothing when it was not there, its entity included.
std::optional<Map> record_at(Session& session, const End& end, const Touched& record) {
  const PastSchema::Entity* entity = end.schema.entity(record.entity);
  if (end.commit == 0 || entity == nullptr) return std::nullopt;
  Query query;
  query.as_of = end.commit;
  for (const std::int64_t id : record.links) {
    const PastSchema::Field* field = entity->field(id);
    if (field != nullptr) query.with.add(With(field->name, {.select = {"id", "$link"}}));
  }
  Repository repository = session.client().repository(entity->name);
  const std::optional<Record> found = repository.find_id(record.id, query);
  if (!found) return std::nullopt;
  Map values = found->values();
  read_on(repository, record.id, query.as_of, values);
  return values;
}

// Ids in their order, whether the field holds one record or many.
List ids_of(const Value& links) {
  List ids;
  if (const Map* one = links.if_map()) ids.push_back(value_at(*one, "id"));
  if (const List* many = links.if_list()) {
    for (const Value& item : *many) ids.push_back(value_at(*item.if_map(), "id"));
  }
  return ids;
}

// What makes a link: its place among the others is their order.
Value without_positions(const Value& links) {
  if (const Map* one = links.if_map()) {
    return Map{{"id", value_at(*one, "id")}, {"meta", value_at(map_at(*one, "$link"), "meta")}};
  }
  List told;
  for (const Value& item : *links.if_list()) told.push_back(without_positions(item));
  return told;
}

bool holds(const List& ids, const Value& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

class DiffText {
 public:
  DiffText(Session& session, const Ends& ends) : session_(session), ends_(ends) {}

  // Whether there was anything to tell.
  bool tell(const std::string& entity, const Touched& record, const std::optional<Map>& before,
            const std::optional<Map>& after) {
    if (!before && !after) return false;
    const Map old = before ? told_values(record, ends_.before, *before) : Map();
    const Map now = after ? told_values(record, ends_.after, *after) : Map();
    if (before && after && old == now) return false;
    if (session_.json()) {
      session_.print_json(Map{{"entity", entity},
                              {"id", record.id},
                              {"before", before ? Value(*before) : Value()},
                              {"after", after ? Value(*after) : Value()}});
      return true;
    }
    const char* what = !before ? " created" : !after ? " deleted" : "";
    session_.print(bold(session_.terminal(), entity + "/" + cell_text(record.id)) + what + "\n");
    if (after) tell_fields(record, old, now);
    return true;
  }

 private:
  // What is compared, by the names that are told. When a record changed is no difference, and a
  // field without a value is as if it were not there.
  Map told_values(const Touched& record, const End& end, const Map& values) const {
    Map told;
    const PastSchema::Entity& entity = *end.schema.entity(record.entity);
    for (const auto& [name, value] : values) {
      if (name == "updated_at" || value.is_null()) continue;
      const PastSchema::Field* field = entity.field(name);
      const bool are_links = field != nullptr && record.links.contains(field->id);
      told.set(field == nullptr ? name : ends_.name_of(record.entity, *field),
               are_links ? without_positions(value) : value);
    }
    return told;
  }

  void tell_fields(const Touched& record, const Map& before, const Map& after) {
    std::map<std::string, bool> links;  // By the names told; whether they lead to media.
    for (const std::int64_t id : record.links) {
      const PastSchema::Field* field = ends_.field(record.entity, id);
      if (field != nullptr) {
        links.emplace(ends_.name_of(record.entity, *field), is_media_type(field->type));
      }
    }
    Pairs fields;
    const auto tell = [&](const std::string& name, const Value& old, const Value& now) {
      if (links.contains(name) || old == now) return;
      fields.add(name, before.empty() ? told(now) : told_change(old, now));
    };
    for (const auto& [name, value] : after) tell(name, value_of(before, name), value);
    for (const auto& [name, value] : before) {
      if (!after.contains(name)) tell(name, value, Value());
    }
    fields.print(session_);
    for (const auto& [name, are_media] : links) {
      tell_links(name, are_media, value_of(before, name), value_of(after, name));
    }
  }

  static Value value_of(const Map& values, const std::string& name) {
    const Value* value = values.find(name);
    return value == nullptr ? Value() : *value;
  }

  void tell_links(const std::string& field, bool are_media, const Value& before,
                  const Value& after) {
    if (before == after) return;
    const List old_ids = ids_of(before), new_ids = ids_of(after);
    names_.reset();
    if (are_media) names_ = names_of(old_ids, new_ids);
    List stayed_before, stayed_after;
    for (const Value& id : old_ids) {
      holds(new_ids, id) ? stayed_before.push_back(id) : tell_link(field, "-", id);
    }
    for (const Value& id : new_ids) {
      holds(old_ids, id) ? stayed_after.push_back(id) : tell_link(field, "+", id);
    }
    if (stayed_before != stayed_after) session_.print("  " + field + " in another order\n");
    if (old_ids == new_ids && !old_ids.empty()) session_.print("  " + field + " with other data\n");
  }

  void tell_link(const std::string& field, const char* sign, const Value& id) {
    const bool is_named = names_ && id.if_integer() != nullptr;
    session_.print("  " + field + " " + sign + " " +
                   (is_named ? names_->text(*id.if_integer()) : cell_text(id)) + "\n");
  }

  MediaNames names_of(const List& before, const List& after) {
    std::set<std::int64_t> ids;
    for (const List* list : {&before, &after}) {
      for (const Value& id : *list) {
        if (const auto* number = id.if_integer()) ids.insert(*number);
      }
    }
    return MediaNames::of(session_, ids, ends_.after.commit);
  }

  std::optional<MediaNames> names_;  // Of the field at hand.
  Session& session_;
  const Ends& ends_;
};

}  // namespace

int show_difference(Session& session, const DiffWords& words) {
  if (words.from > words.to) {
    throw UsageError(
        "the first commit comes after the second one",
        "`emstore diff " + std::to_string(words.to) + " " + std::to_string(words.from) + "`");
  }
  PastSchemas schemas(session);
  const Ends ends{{words.from, schemas.as_of(words.from)}, {words.to, schemas.as_of(words.to)}};
  DiffText text(session, ends);
  bool told = false;
  for (const auto& [key, record] : Touches(session, schemas, ends, words).read()) {
    told |= text.tell(std::get<0>(key), record, record_at(session, ends.before, record),
                      record_at(session, ends.after, record));
  }
  if (!told && !session.json()) session.print("nothing is different\n");
  return 0;
}

}  // namespace emstore::cli
