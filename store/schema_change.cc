#include "store/schema_change.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/suggest.h"
#include "store/field_options.h"
#include "store/wanted_schema.h"

namespace emstore::store {
namespace {

// Flags read as words ("required", "not fillable"), the rest as name and value.
std::string difference_of(const FieldOption& option, const std::optional<Value>& before,
                          const std::optional<Value>& after) {
  const std::string name(option.name);
  const Value& present = after ? *after : *before;
  if (option.name != "default_value" && present.if_boolean() != nullptr) {
    const bool holds = after ? *after->if_boolean() : !*before->if_boolean();
    return holds ? name : "not " + name;
  }
  if (!after && option.name == "fillable") return name + " (was " + brief(*before) + ")";
  const std::string was = before ? " (was " + brief(*before) + ")" : "";
  return after ? name + " " + brief(*after) + was : "no " + name + was;
}

template <typename Things>
bool has_name(const Things& things, const std::string& name) {
  return std::any_of(things.begin(), things.end(),
                     [&](const auto& thing) { return thing.name == name; });
}

// Builds the next schema beside the current one, and says how they differ.
class Changing {
 public:
  Changing(const Schema& current, WantedSchema wanted)
      : current_(current), wanted_(std::move(wanted)) {
    change_.next = current;
    change_.next.entities.clear();
    change_.next.indexes.clear();
  }

  Result<SchemaChange> change() &&;

 private:
  // What `renamed_from` says of a wanted thing; null: nothing. `path` is where its like stands.
  const std::string* old_name(const std::string& path, const std::string& name) const;
  // Refuses a rename from what stands in the same document, and one to what is there already while
  // the old name goes: one of two things would lose its data.
  template <typename Things>
  void check_renames(const Things& wanted, const Things& present, const std::string& path);
  // The wanted thing that `before` becomes: of its name, or renamed from it.
  template <typename Things>
  auto find_successor(Things& wanted, const Things& present, const std::string& before,
                      const std::string& path);
  // Whether `thing` is new, and renamed from `before`. Otherwise it happened before, and what is
  // there under the old name is another thing.
  template <typename Thing, typename Things>
  bool takes_over(const Thing& thing, const Things& present, const std::string& before,
                  const std::string& path) const;
  bool is_renamed(const std::string& before, const std::string& now) const;  // An entity.
  void keep_entity(const Entity& before, Entity wanted);
  void add_entity(Entity wanted);
  void add_field(Entity& entity, Field field);
  void keep_field(Entity& entity, const Field& before, Field wanted);
  void compare_config(const Entity& before, const Entity& after);
  void compare_options(const Entity& entity, const Field& before, const Field& after);
  void compare_link_fields(const Field& before, const Field& after);
  void refuse_link_rename(const Field& before, const Field& after, const std::string& name);
  void change_indexes();
  Index resolved(const WantedIndex& wanted) const;
  std::vector<Index>::iterator find_renamed(std::vector<Index>& added, const Index& before) const;

  void differ(std::string line) { change_.difference.push_back(std::move(line)); }
  void differ_destructively(std::string line) {
    change_.destructive.push_back(line);
    differ(std::move(line));
  }
  void refuse(std::string path, std::string message, std::string hint);

  const Schema& current_;
  WantedSchema wanted_;
  SchemaChange change_;
};

void Changing::refuse(std::string path, std::string message, std::string hint) {
  if (wanted_.violations.size() >= kSchemaViolationsMax) return;
  wanted_.violations.push_back(
      Error{ErrorCode::invalid_schema, std::move(message), std::move(path), std::move(hint), {}});
}

// ---- Fields -------------------------------------------------------------------------------------

void Changing::add_field(Entity& entity, Field field) {
  field.id = FieldId{entity.next_field++};
  const std::string target = is_relation(field.kind) ? " " + field.target : std::string();
  differ("+ " + entity.name + "." + field.name + " " + std::string(type_name_of(field)) + target);
  entity.fields.push_back(std::move(field));
}

void Changing::compare_options(const Entity& entity, const Field& before, const Field& after) {
  const std::string start = "~ " + entity.name + "." + after.name + " ";
  for (const FieldOption& option : field_options()) {
    if (!option.is_for(after.kind)) continue;
    const auto old_value = option.show(before);
    const auto new_value = option.show(after);
    if (old_value == new_value) continue;
    std::string line = start + difference_of(option, old_value, new_value);
    if (is_tighter(option.bound, old_value, new_value)) {
      line += is_link(after.kind) ? "; older links stay as they are"
                                  : "; older values stay as they are";
    }
    if (option.name != "default_value") {
      differ(std::move(line));
    } else if (old_value) {
      // A record that has no value of its own shows the default: it would show something else.
      differ_destructively(line + "; records without a value of their own change with it");
    } else {
      differ(line + "; records without a value show it");
    }
  }
}

// What a link holds of its own is held when it is written, and kept: nothing is lost by a change.
void Changing::compare_link_fields(const Field& before, const Field& after) {
  const auto named = [](const Field& links, const std::string& name) {
    const auto place = std::find_if(links.link_fields.begin(), links.link_fields.end(),
                                    [&](const Field& held) { return held.name == name; });
    return place == links.link_fields.end() ? nullptr : &*place;
  };
  const std::string start = " " + after.connection + ".";
  constexpr std::string_view kOlder = "; older links stay as they are";
  for (const Field& held : before.link_fields) {
    if (named(after, held.name) == nullptr) differ("-" + start + held.name + std::string(kOlder));
  }
  for (const Field& held : after.link_fields) {
    const std::string type(type_name_of(held));
    const Field* known = named(before, held.name);
    if (known == nullptr) {
      refuse_link_rename(before, after, held.name);
      differ("+" + start + held.name + " " + type);
    } else if (known->kind != held.kind) {
      refuse(path_of_field(after.connection, held.name),
             after.connection + "." + held.name + " is of type " +
                 std::string(name_of(known->kind)) + " and cannot become " + type,
             "add a new field with another name");
    }
    for (const FieldOption& option : field_options()) {
      if (known == nullptr || !option.is_for(held.kind)) continue;
      const auto old_value = option.show(*known);
      const auto new_value = option.show(held);
      if (old_value == new_value) continue;
      differ("~" + start + held.name + " " + difference_of(option, old_value, new_value) +
             std::string(kOlder));
    }
  }
}

// What links hold stands in each of them by its name.
void Changing::refuse_link_rename(const Field& before, const Field& after,
                                  const std::string& name) {
  const std::string path = path_of_field(after.connection, "");
  const std::string* old = old_name(path, name);
  if (old == nullptr || !has_name(before.link_fields, *old)) return;
  refuse(path + name + ".config.renamed_from",
         "what links hold is not renamed: " + after.connection + "." + *old + " cannot become " +
             quoted(name),
         "keep its name, or leave renamed_from out: older links keep " + quoted(*old));
}

const std::string* Changing::old_name(const std::string& path, const std::string& name) const {
  const auto renamed = wanted_.renamed.find(path + name);
  return renamed == wanted_.renamed.end() ? nullptr : &renamed->second;
}

template <typename Things>
void Changing::check_renames(const Things& wanted, const Things& present, const std::string& path) {
  // Follows the names back; where it comes round, what happened before cannot be told apart from
  // what is to happen.
  const auto comes_round = [&](const std::string& name) {
    const std::string* old = old_name(path, name);
    for (std::size_t i = 0; old != nullptr && i < wanted.size(); ++i) {
      if (*old == name) return true;
      old = old_name(path, *old);
    }
    return false;
  };
  for (const auto& thing : wanted) {
    const std::string* old = old_name(path, thing.name);
    if (old == nullptr || *old == thing.name || !has_name(present, *old)) continue;
    const bool stays = has_name(wanted, *old);
    const bool happened = has_name(present, thing.name) && !comes_round(thing.name);
    const bool goes = !stays && std::none_of(wanted.begin(), wanted.end(), [&](const auto& other) {
      return takes_over(other, present, *old, path);
    });
    if (stays ? happened : !goes) continue;
    refuse(path + thing.name + ".config.renamed_from",
           thing.name + " is renamed from " + quoted(*old) + ", which is in the schema, too",
           goes ? "leave renamed_from out to drop " + quoted(*old) + ", or keep " + quoted(*old)
                : "leave renamed_from out, or " + quoted(*old) +
                      ", which another change can add again");
  }
}

template <typename Thing, typename Things>
bool Changing::takes_over(const Thing& thing, const Things& present, const std::string& before,
                          const std::string& path) const {
  const std::string* old = old_name(path, thing.name);
  return old != nullptr && *old == before && !has_name(present, thing.name);
}

template <typename Things>
auto Changing::find_successor(Things& wanted, const Things& present, const std::string& before,
                              const std::string& path) {
  const auto named = [](Things& things, const std::string& name) {
    return std::find_if(things.begin(), things.end(),
                        [&](const auto& thing) { return thing.name == name; });
  };
  if (const auto same = named(wanted, before); same != wanted.end()) return same;
  const auto is_successor = [&](const auto& thing) {
    return takes_over(thing, present, before, path);
  };
  const auto first = std::find_if(wanted.begin(), wanted.end(), is_successor);
  if (first == wanted.end()) return first;
  const auto other = std::find_if(std::next(first), wanted.end(), is_successor);
  if (other != wanted.end()) {
    refuse(path + other->name + ".config.renamed_from",
           first->name + " is renamed from " + quoted(before) + ", too", "leave one of them out");
  }
  return first;
}

bool Changing::is_renamed(const std::string& before, const std::string& now) const {
  const std::string* old = old_name("entities.", now);
  return old != nullptr && *old == before && current_.entity(now) == nullptr;
}

void Changing::keep_field(Entity& entity, const Field& before, Field wanted) {
  const std::string name = entity.name + "." + wanted.name;
  if (wanted.name != before.name) differ("~ " + name + " renamed from " + before.name);
  if (wanted.kind != before.kind) {
    refuse(path_of_field(entity.name, wanted.name),
           name + " is of type " + std::string(name_of(before.kind)) + " and cannot become " +
               std::string(name_of(wanted.kind)),
           "add a new field with another name");
  }
  if (wanted.target != before.target && !is_renamed(before.target, wanted.target)) {
    refuse(path_of_field(entity.name, wanted.name),
           name + " leads to " + before.target + " and cannot lead to " + wanted.target,
           "add a new relation with another mappedBy");
  }
  wanted.id = before.id;
  compare_options(entity, before, wanted);
  compare_link_fields(before, wanted);
  const bool was_given = before.required && !before.default_value;
  if (wanted.required && !wanted.default_value && !was_given) {
    change_.newly_required.emplace_back(entity.id, wanted.id);
  }
  entity.fields.push_back(std::move(wanted));
}

// ---- Entities -----------------------------------------------------------------------------------

void Changing::compare_config(const Entity& before, const Entity& after) {
  const auto compare = [&](std::string_view name, const std::string& was, const std::string& is) {
    if (was == is) return;
    std::string line = "~ " + after.name + " ";
    line += is.empty() ? "no " + std::string(name) : std::string(name) + " " + brief(is);
    if (!was.empty()) line += " (was " + brief(was) + ")";
    differ(std::move(line));
  };
  compare("label", before.label, after.label);
  compare("description", before.description, after.description);
  compare("sort_field", before.sort_field, after.sort_field);
  compare("sort_dir", before.sort_direction, after.sort_direction);
}

void Changing::keep_entity(const Entity& before, Entity wanted) {
  std::vector<Field> fields = std::move(wanted.fields);
  Entity entity = std::move(wanted);
  entity.id = before.id;
  entity.next_field = before.next_field;
  entity.fields.clear();
  if (entity.name != before.name) differ("~ " + entity.name + " renamed from " + before.name);
  if (entity.ids != before.ids) {
    const bool are_uuids = before.ids == IdFormat::uuid;
    refuse("entities." + entity.name + ".config.primary_format",
           entity.name + (are_uuids ? " has uuids for ids" : " has integers for ids") +
               ", and they cannot change",
           are_uuids ? "set primary_format to \"uuid\""
                     : "leave primary_format out, or make an entity of another name");
  }
  compare_config(before, entity);
  check_renames(fields, before.fields, path_of_field(entity.name, ""));
  // Fields keep their place, new ones follow: the order in which a client happens to send them,
  // which for some is chance, is no change.
  for (const Field& field : before.fields) {
    const auto same =
        find_successor(fields, before.fields, field.name, path_of_field(entity.name, ""));
    if (same == fields.end()) {
      differ_destructively("- " + entity.name + "." + field.name);
      continue;
    }
    keep_field(entity, field, std::move(*same));
    fields.erase(same);
  }
  for (Field& field : fields) {
    add_field(entity, std::move(field));
    const Field& added = entity.fields.back();
    if (added.required && !added.default_value) {
      change_.newly_required.emplace_back(entity.id, added.id);
    }
  }
  change_.next.entities.push_back(std::move(entity));
}

void Changing::add_entity(Entity wanted) {
  std::vector<Field> fields = std::move(wanted.fields);
  wanted.fields.clear();
  wanted.id = EntityId{change_.next.next_entity++};
  differ("+ " + wanted.name);
  for (Field& field : fields) add_field(wanted, std::move(field));
  change_.next.entities.push_back(std::move(wanted));
}

// ---- Indexes ------------------------------------------------------------------------------------

Index Changing::resolved(const WantedIndex& wanted) const {
  const Entity* entity = change_.next.entity(wanted.entity);
  EMSTORE_CHECK(entity != nullptr);  // As read_wanted_schema() promises, also of the fields.
  Index index;
  index.name = wanted.name;
  index.entity = entity->id;
  index.unique = wanted.unique;
  for (const std::string& name : wanted.fields) {
    const Field* field = entity->field(name);
    EMSTORE_CHECK(field != nullptr);
    index.fields.push_back(field->id);
  }
  return index;
}

// An index is never altered: with other fields it is another one, under another id. Under another
// name it is the same.
void Changing::change_indexes() {
  std::vector<Index> added;
  for (const WantedIndex& wanted : wanted_.indexes) added.push_back(resolved(wanted));
  for (const Index& before : current_.indexes) {
    auto same = std::find_if(added.begin(), added.end(), [&before](Index candidate) {
      candidate.id = before.id;
      return candidate == before;
    });
    if (same == added.end()) same = find_renamed(added, before);
    if (same == added.end()) {
      differ("- index " + before.name);
      continue;
    }
    if (same->name != before.name) {
      differ("~ index " + same->name + " renamed from " + before.name);
    }
    change_.next.indexes.push_back(before);
    change_.next.indexes.back().name = same->name;
    added.erase(same);
  }
  for (Index& index : added) {
    index.id = IndexId{change_.next.next_index++};
    differ(std::string("+ ") + (index.unique ? "unique index " : "index ") + index.name);
    change_.added_indexes.push_back(index.id);
    change_.next.indexes.push_back(std::move(index));
  }
}

std::vector<Index>::iterator Changing::find_renamed(std::vector<Index>& added,
                                                    const Index& before) const {
  return std::find_if(added.begin(), added.end(), [&](Index candidate) {
    const bool is_known =
        std::any_of(current_.indexes.begin(), current_.indexes.end(),
                    [&](const Index& known) { return known.name == candidate.name; });
    candidate.id = before.id;
    candidate.name = before.name;
    return !is_known && candidate == before;
  });
}

Result<SchemaChange> Changing::change() && {
  check_renames(wanted_.entities, current_.entities, "entities.");
  for (const Entity& before : current_.entities) {
    const auto same = find_successor(wanted_.entities, current_.entities, before.name, "entities.");
    if (same == wanted_.entities.end()) {
      differ_destructively("- " + before.name);
      continue;
    }
    keep_entity(before, std::move(*same));
    wanted_.entities.erase(same);
  }
  for (Entity& entity : wanted_.entities) add_entity(std::move(entity));
  if (!wanted_.violations.empty()) {
    Error error = wanted_.violations.front();
    error.violations = std::move(wanted_.violations);
    return failure(std::move(error));
  }
  change_indexes();
  change_.changed = !change_.difference.empty();
  return std::move(change_);
}

// An entity or a field as one wants it that keeps the data of what was called `was`.
Map renamed_from(Map wanted, const std::string& was) {
  const Value* given = wanted.find("config");
  Map config = given == nullptr || given->if_map() == nullptr ? Map() : *given->if_map();
  config.set("renamed_from", was);
  wanted.set("config", std::move(config));
  return wanted;
}

const Map& map_of(const Map& map, const std::string& name) { return *map.find(name)->if_map(); }

// `shown` is the entity as the log has it.
Map with_renames(const Entity& before, const Entity& after, const Map& shown) {
  Map wanted = shown;
  Map fields = map_of(shown, "fields");
  for (const Field& field : after.fields) {
    const Field* was = before.field(field.id);
    if (was == nullptr || was->name == field.name) continue;
    fields.set(field.name, renamed_from(map_of(fields, field.name), was->name));
  }
  wanted.set("fields", std::move(fields));
  return before.name == after.name ? wanted : renamed_from(std::move(wanted), before.name);
}

}  // namespace

Result<std::vector<std::string>> difference_of(const Schema& before, const Map& applied) {
  EMSTORE_TRY(const Schema after, schema_of(applied, 0));
  Map entities = map_of(applied, "entities");
  for (const Entity& entity : after.entities) {
    const Entity* was = before.entity(entity.id);
    if (was == nullptr) continue;
    entities.set(entity.name, with_renames(*was, entity, map_of(entities, entity.name)));
  }
  Map wanted = applied;
  wanted.set("entities", std::move(entities));
  EMSTORE_TRY(SchemaChange change, change_schema(before, wanted));
  return std::move(change.difference);
}

Result<SchemaChange> change_schema(const Schema& current, const Map& wanted) {
  return Changing(current, read_wanted_schema(wanted)).change();
}

}  // namespace emstore::store
