// What is different between two commits: of each record that a commit between them touched, how it
// was then and how it was later. What came and went in between is not told.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/commit_text.h"
#include "cli/failures.h"
#include "cli/media_names.h"
#include "cli/pairs.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

struct Touched {
  std::string entity;
  Value id;
  std::set<std::string> links;  // Fields whose links changed.
};
// By entity and id, in their order.
using AllTouched = std::map<std::pair<std::string, std::string>, Touched>;

void note_event(const Map& event, const DiffWords& words, AllTouched& touched) {
  const std::string entity = cell_text(value_at(event, "entity"));
  const Value& id = value_at(event, "id");
  if (entity.empty() || id.is_null()) return;
  if (!words.entity.empty() && entity != words.entity) return;
  const std::string text = cell_text(id);
  if (!words.id.empty() && text != words.id) return;
  // Shorter numbers first, so that 9 comes before 10.
  std::string key = id.if_integer() == nullptr ? text : std::string(20 - text.size(), '0') + text;
  Touched& record = touched[{entity, std::move(key)}];
  record.entity = entity;
  record.id = id;
  const std::string field = cell_text(value_at(event, "field"));
  if (!field.empty()) record.links.insert(field);
}

AllTouched touched_between(Session& session, const DiffWords& words) {
  AllTouched touched;
  for (std::uint64_t next = words.from + 1; next <= words.to;) {
    const Map page = session.client().log(next, std::min(kCommitsAPage, words.to - next + 1));
    const List* commits = value_at(page, "commits").if_list();
    if (commits == nullptr || commits->empty()) break;
    for (const Value& commit : *commits) {
      const List* events = value_at(*commit.if_map(), "events").if_list();
      if (events == nullptr) continue;
      for (const Value& event : *events) note_event(*event.if_map(), words, touched);
    }
    next = number_at(page, "next");
  }
  return touched;
}

// The record as of a commit; nothing when it was not there, its entity included.
std::optional<Map> as_of(Session& session, const Touched& record, std::uint64_t sequence) {
  if (sequence == 0) return std::nullopt;
  Query query;
  query.as_of = sequence;
  for (const std::string& field : record.links) {
    query.with.add(With(field, {.select = {"id", "$link"}}));
  }
  std::optional<Error> error;
  const auto found = session.client().repository(record.entity).find_id(record.id, error, query);
  if (error &&
      (error->code == ErrorCode::unknown_entity || error->code == ErrorCode::unknown_relation)) {
    return std::nullopt;
  }
  if (error) throw Failure(*error);
  if (!found) return std::nullopt;
  return found->values();
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

bool holds(const List& ids, const Value& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

class DiffText {
 public:
  DiffText(Session& session, const DiffWords& words) : session_(session), words_(words) {}

  // Whether there was anything to tell.
  bool tell(const Touched& record, const std::optional<Map>& before,
            const std::optional<Map>& after) {
    if (before == after) return false;
    if (session_.json()) {
      session_.print_json(Map{{"entity", record.entity},
                              {"id", record.id},
                              {"before", before ? Value(*before) : Value()},
                              {"after", after ? Value(*after) : Value()}});
      return true;
    }
    const char* what = !before ? " created" : !after ? " deleted" : "";
    session_.print(bold(session_.terminal(), record.entity + "/" + cell_text(record.id)) + what +
                   "\n");
    if (after) tell_fields(record, before.value_or(Map()), *after);
    return true;
  }

 private:
  void tell_fields(const Touched& record, const Map& before, const Map& after) {
    Pairs fields;
    for (const auto& [name, value] : after) {
      const Value& old = value_at(before, name);
      if (record.links.contains(name) || old == value || name == "updated_at") continue;
      fields.add(name, before.empty() ? told(value) : told_change(old, value));
    }
    fields.print(session_);
    for (const std::string& field : record.links) {
      tell_links(record, field, value_at(before, field), value_at(after, field));
    }
  }

  void tell_links(const Touched& record, const std::string& field, const Value& before,
                  const Value& after) {
    if (before == after) return;
    const List old_ids = ids_of(before), new_ids = ids_of(after);
    names_ = names_of(record, field, old_ids, new_ids);
    List stayed_before, stayed_after;
    for (const Value& id : old_ids) {
      holds(new_ids, id) ? stayed_before.push_back(id) : tell_link(field, "-", id);
    }
    for (const Value& id : new_ids) {
      holds(old_ids, id) ? stayed_after.push_back(id) : tell_link(field, "+", id);
    }
    if (stayed_before != stayed_after) session_.print("  " + field + " in another order\n");
    if (old_ids == new_ids) session_.print("  " + field + " with other data\n");
  }

  void tell_link(const std::string& field, const char* sign, const Value& id) {
    const bool is_named = names_ && id.if_integer() != nullptr;
    session_.print("  " + field + " " + sign + " " +
                   (is_named ? names_->text(*id.if_integer()) : cell_text(id)) + "\n");
  }

  // Of links to media.
  std::optional<MediaNames> names_of(const Touched& record, const std::string& field,
                                     const List& before, const List& after) {
    const std::optional<std::string> type = session_.schema().type_of(record.entity, field);
    if (!type || !is_media_type(*type)) return std::nullopt;
    std::set<std::int64_t> ids;
    for (const List* list : {&before, &after}) {
      for (const Value& id : *list) {
        if (const auto* number = id.if_integer()) ids.insert(*number);
      }
    }
    return MediaNames::of(session_, ids, words_.to);
  }

  std::optional<MediaNames> names_;  // Of the field at hand.
  Session& session_;
  const DiffWords& words_;
};

}  // namespace

int show_difference(Session& session, const DiffWords& words) {
  if (words.from > words.to) {
    throw UsageError(
        "the first commit comes after the second one",
        "`emstore diff " + std::to_string(words.to) + " " + std::to_string(words.from) + "`");
  }
  DiffText text(session, words);
  bool told = false;
  for (const auto& [key, record] : touched_between(session, words)) {
    told |= text.tell(record, as_of(session, record, words.from), as_of(session, record, words.to));
  }
  if (!told && !session.json()) session.print("nothing is different\n");
  return 0;
}

}  // namespace emstore::cli
