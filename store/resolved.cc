#include "store/resolved.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/suggest.h"
#include "store/events.h"
#include "store/field_rules.h"
#include "store/link_meta.h"
#include "store/paths.h"
#include "store/schema_words.h"

namespace emstore::store {
namespace {

std::string title(const Entity& entity, const Side& side) {
  return entity.name + "." + std::string(side.name);
}

// Looks at one mutation. Every function adds what is wrong and goes on, so that all of it is
// reported.
class Resolver {
 public:
  Resolver(const Schema& schema, const References& references, Violations& violations)
      : schema_(schema), references_(references), violations_(violations) {}

  Resolved resolve(const Entity& entity, const Mutation& mutation, const Part& part) {
    Resolved resolved{.verb = mutation.verb,
                      .entity = &entity,
                      .expected = mutation.expected,
                      .detach = mutation.detach,
                      .exists = mutation.exists,
                      .path = part.path};
    if (part.id) {
      resolved.id = *part.id;
    } else if (names_one(mutation)) {
      take_id(mutation, resolved);
    }
    const bool has_document = mutation.verb == Verb::insert || mutation.verb == Verb::update;
    if (has_document) take_document(*part.document, resolved);
    if (mutation.verb == Verb::insert && entity.id != kMediaEntity) {
      complete(resolved, *part.document);
    }
    if (names_refused_) resolved.decidable = false;
    return resolved;
  }

 private:
  void refuse(ErrorCode code, std::string message, const std::string& path, std::string hint = {}) {
    violations_.add(Error{code, std::move(message), path, std::move(hint), {}});
  }

  // A check may do without an id when it has a choice.
  static bool names_one(const Mutation& mutation) {
    if (mutation.verb == Verb::check && mutation.choice) return !mutation.id.is_null();
    return mutation.verb != Verb::insert && !mutation.choice;
  }

  static const std::string* name_in_reference(const Value& value) {
    const Map* map = value.if_map();
    const Value* name = map == nullptr || map->size() != 1 ? nullptr : map->find("$ref");
    return name == nullptr ? nullptr : name->if_text();
  }

  // The id of a record of `entity`: its own, or that of the record that a reference names. Nothing
  // when it is neither, which is a violation, or when what is named was refused.
  std::optional<RecordId> id_of(const Value& value, EntityId entity, const std::string& path,
                                const std::string& hint) {
    if (const std::string* name = name_in_reference(value)) {
      const Result<std::optional<RecordId>> named = references_.find(schema_, *name, entity);
      if (violations_.catches(named, path)) return std::nullopt;
      if (!*named) names_refused_ = true;
      return *named;
    }
    const std::optional<RecordId> id = record_id_of(value);
    if (!id) {
      refuse(ErrorCode::wrong_type, brief(value) + " is no id of " + schema_.entity(entity)->name,
             path, hint);
    }
    return id;
  }

  void take_id(const Mutation& mutation, Resolved& resolved) {
    const bool is_uuid = resolved.entity->ids == IdFormat::uuid;
    const std::string hint =
        is_uuid ? "ids are uuids, as text: \"01935a2e-7b10-7d3c-8a41-0f6d1f2b9c55\""
                : "ids are integers from 1";
    const std::string path = resolved.path_of(kIdName);
    const std::optional<RecordId> id = id_of(mutation.id, resolved.entity->id, path, hint);
    const bool fits = id && id->format() == resolved.entity->ids;
    if (id && !fits) {
      refuse(ErrorCode::wrong_type, brief(mutation.id) + " is no id of " + mutation.entity, path,
             hint);
    }
    if (!fits) resolved.decidable = false;
    resolved.id = fits ? *id : RecordId();
  }

  void take_document(const Map& document, Resolved& resolved) {
    if (resolved.verb == Verb::insert && resolved.entity->id == kMediaEntity) {
      const std::size_t before = violations_.size();
      resolved.media = new_media(document, resolved.path);
      resolved.decidable = violations_.size() == before;
      if (resolved.media) resolved.values = resolved.media->values;
      return;
    }
    for (const auto& [name, value] : document) {
      if (violations_.full()) return;
      take_member(*resolved.entity, name, value, resolved);
    }
    check_given_once(document, resolved, nullptr);
  }

  void take_member(const Entity& entity, const std::string& name, const Value& value,
                   Resolved& resolved) {
    const std::string path = resolved.path_of(name);
    const Field* field = entity.field(name);
    if (field != nullptr && !is_link(field->kind)) {
      return take_value(entity, *field, value, path, context_of(resolved), resolved.values);
    }
    const std::optional<Side> side = find_side(schema_, entity, name);
    if (!side) return refuse_member(entity, name, path);
    take_relation(entity, *side, value, path, resolved);
  }

  void refuse_member(const Entity& entity, const std::string& name, const std::string& path) {
    if (name == kIdName || !type_of_undeclared(entity.name, name).empty()) {
      return refuse(ErrorCode::read_only, name + " is given by emstore", path, "leave it out");
    }
    std::vector<std::string_view> names;
    for (const Field& field : entity.fields) names.emplace_back(field.name);
    for (const Side& side : sides_of(schema_, entity)) {
      if (!side.has_links() || side.inverse) names.push_back(side.name);
    }
    refuse(ErrorCode::unknown_field, "no field " + quoted(name) + " on " + entity.name, path,
           did_you_mean(name, names));
  }

  void take_value(const Entity& entity, const Field& field, const Value& value,
                  const std::string& path, Contexts context, FieldValues& values) {
    if (!field.is_fillable(context)) {
      refuse_to_fill(entity, field, path, context);
    } else if (value.is_null() && !field.required) {
      values.set(field.id, Value());
    } else if (field.kind == FieldKind::relation && name_in_reference(value) != nullptr) {
      const auto target = id_of(value, target_of(schema_, field).id, path, "");
      if (target) values.set(field.id, stored_reference(*target));
    } else if (Result<Value> stored = stored_form(field, value);
               !violations_.catches(stored, path)) {
      values.set(field.id, *std::move(stored));
    }
  }

  static Contexts context_of(const Resolved& resolved) {
    return resolved.verb == Verb::insert ? kInCreate : kInUpdate;
  }

  void refuse_to_fill(const Entity& entity, const Field& field, const std::string& path,
                      Contexts context) {
    const bool is_own =
        entity.id == kMediaEntity && static_cast<std::uint32_t>(field.id) < kFirstUserFieldOfMedia;
    const std::string_view when =
        context == kInCreate ? "when a record is created" : "by an update";
    refuse(ErrorCode::read_only,
           title(entity, field) +
               (is_own ? " is computed by emstore" : " is not fillable " + std::string(when)),
           path, "leave it out");
  }

  // What the document of an insert leaves out: the default, or nothing, or a violation. `given` is
  // a field that the mutation fills from outside.
  void complete(Resolved& resolved, const Map& document, const Field* given = nullptr) {
    for (const Field& field : resolved.entity->fields) {
      if (&field == given || is_link(field.kind) || is_filled(field, document, resolved)) continue;
      if (field.default_value) {
        resolved.values.set(field.id, *field.default_value);
      } else if (field.required && !violations_.full()) {
        const std::string path = resolved.path_of(field.name);
        refuse(ErrorCode::required, title(*resolved.entity, field) + " is required", path);
      }
    }
  }

  // By its own name, or by operators that say what it leads to: `$create` of no record does not.
  // Perhaps what is given was refused.
  static bool is_filled(const Field& field, const Map& document, const Resolved& resolved) {
    return document.contains(field.name) ||
           std::ranges::any_of(resolved.references, [&](const LinkRequest& request) {
             return request.field == &field &&
                    (request.refused || request.set || !request.records.empty());
           });
  }

  // By its own name or by that of the record it leads to.
  static bool is_given(const Field& field, const Map& document) {
    return document.contains(field.name) || document.contains(side_name(field));
  }

  // ---- Link fields ----

  // "medium()" where the field itself is meant, "a relation to one record" otherwise.
  static std::string described(const Side& side) {
    if (side.leads_to_media() && !side.inverse)
      return std::string(name_of(side.field->kind)) + "()";
    return side.many ? "a relation to many records" : "a relation to one record";
  }
  static std::string noun(const Side& side) {
    return side.leads_to_media() ? "media" : side.target->name;
  }

  void take_relation(const Entity& entity, const Side& side, const Value& value,
                     const std::string& path, Resolved& resolved) {
    LinkRequest request{.field = side.field, .side = side, .path = path};
    const std::size_t before = violations_.size();
    const Map* operators = value.if_map();
    if (operators != nullptr && operators->empty()) {
      refuse(ErrorCode::wrong_operation, title(entity, side) + " is given no operator", path,
             "use $set, $create, $attach or $detach, or leave the field out");
    } else if (operators != nullptr) {
      for (const auto& [name, argument] : *operators)
        take_operator(entity, name, argument, request);
    } else {
      refuse(ErrorCode::wrong_operation,
             title(entity, side) + " is " + described(side) +
                 ": it is changed by operators, not by " + std::string(name_of(value.kind())),
             path, "use {\"$set\": …}, {\"$create\": …}" + many_hint(side));
    }
    request.refused = violations_.size() != before;
    if (side.inverse) {
      resolved.inverses.push_back(std::move(request));
    } else if (side.has_links()) {
      resolved.links.push_back(std::move(request));
    } else {
      take_reference(entity, request, resolved);
      resolved.references.push_back(std::move(request));
    }
  }

  static std::string many_hint(const Side& side) {
    return side.many ? ", {\"$attach\": […]} or {\"$detach\": […]}" : "";
  }

  // What `$set` says is a value of the record; what `$create` makes becomes one.
  void take_reference(const Entity& entity, const LinkRequest& request, Resolved& resolved) {
    const Field& field = *request.field;
    if (!field.is_fillable(context_of(resolved))) {
      return refuse_to_fill(entity, field, request.path, context_of(resolved));
    }
    if (request.refused || !request.set || !request.records.empty()) return;
    if (!request.set->empty()) {
      resolved.values.set(field.id, stored_reference(request.set->front().target));
    } else if (field.required) {
      if (names_refused_) return;  // Perhaps it is no null, but what was refused.
      refuse(ErrorCode::required, title(entity, field) + " is required", request.path);
    } else {
      resolved.values.set(field.id, Value());
    }
  }

  // The value of a relation is given once: by the field, by the name of its record, or by the
  // mutation that makes the record (`given`).
  void check_given_once(const Map& document, const Resolved& resolved, const Field* given) {
    for (const LinkRequest& request : resolved.references) {
      if (document.contains(request.field->name)) {
        refuse(
            ErrorCode::duplicate_item,
            request.field->name + " and " + std::string(request.side.name) + " say the same thing",
            request.path, "leave one of them out");
      }
    }
    if (given != nullptr && is_given(*given, document)) {
      refuse(ErrorCode::duplicate_item,
             std::string(side_name(*given)) + " is the record that this one is created under",
             resolved.path_of(side_name(*given)), "leave it out");
    }
  }

  void take_operator(const Entity& entity, const std::string& name, const Value& argument,
                     LinkRequest& request) {
    const std::string path = path_in(request.path, name);
    const Side& side = request.side;
    const bool one = !side.many;
    const bool has_meta = side.has_links();
    const bool has_places = has_meta && !side.inverse;
    if (name == "$set") {
      request.operators |= kOperatorSet;
      request.set =
          items(argument, request, path, {.nullable = one, .placed = false, .with_meta = has_meta});
    } else if (name == "$create") {
      request.operators |= kOperatorCreate;
      take_creations(argument, request, path);
    } else if ((name == "$attach" || name == "$detach") && one) {
      refuse(ErrorCode::wrong_operation,
             name + " is for " + (side.leads_to_media() ? "media() fields" : "lists") + "; " +
                 title(entity, side) + " is " + described(side) +
                 (side.leads_to_media() ? " (one item)" : ""),
             path, name == "$attach" ? "use {\"$set\": id}" : "use {\"$set\": null}");
    } else if (name == "$attach") {
      request.operators |= kOperatorAttach;
      request.attach = items(argument, request, path,
                             {.nullable = false, .placed = has_places, .with_meta = has_meta});
    } else if (name == "$detach") {
      request.operators |= kOperatorDetach;
      request.detach =
          items(argument, request, path, {.nullable = false, .placed = false, .with_meta = false});
    } else {
      constexpr std::array<std::string_view, 4> kOperatorNames{"$create", "$set", "$attach",
                                                               "$detach"};
      refuse(ErrorCode::unknown_operator, "no operator " + name + " on " + title(entity, side),
             path, did_you_mean(name, kOperatorNames));
    }
  }

  struct ItemRules {
    bool nullable = false;   // null, or {id: null}, stands for "none".
    bool placed = false;     // `at` may say where.
    bool with_meta = false;  // `meta` may give the link data of its own.
  };

  std::vector<LinkItem> items(const Value& argument, const LinkRequest& request,
                              const std::string& path, const ItemRules& rules) {
    std::vector<LinkItem> found;
    if (rules.nullable && is_none(argument)) return found;
    const List* list = argument.if_list();
    if (list == nullptr) {
      take_item(argument, request, path, rules, found);
      return found;
    }
    if (list->size() > kLinksMax) {
      refuse(ErrorCode::commit_too_large,
             std::to_string(list->size()) + " items; one request names at most " +
                 std::to_string(kLinksMax),
             path, "send several requests");
      return found;
    }
    std::set<RecordId> named;
    for (std::size_t i = 0; i < list->size() && !violations_.full(); ++i) {
      take_item((*list)[i], request, path_at(path, i), rules, found);
      if (found.empty() || found.size() == named.size()) continue;
      if (named.insert(found.back().target).second) continue;
      refuse(ErrorCode::duplicate_item,
             noun(request.side) + " " + to_string(found.back().target) + " is named twice",
             path_at(path, i));
      found.pop_back();
    }
    if (!request.side.many && list->size() > 1) {
      refuse(ErrorCode::too_many_items,
             described(request.side) + " holds one item, not " + std::to_string(list->size()),
             path);
    }
    return found;
  }

  static bool is_none(const Value& argument) {
    if (argument.is_null()) return true;
    const Map* map = argument.if_map();
    const Value* id = map == nullptr ? nullptr : map->find(kIdName);
    return id != nullptr && id->is_null() && map->size() == 1;
  }

  void take_item(const Value& value, const LinkRequest& request, const std::string& path,
                 const ItemRules& rules, std::vector<LinkItem>& found) {
    LinkItem item{.path = path};
    const Map* map = name_in_reference(value) == nullptr ? value.if_map() : nullptr;
    const Value* id = map == nullptr ? &value : map->find(kIdName);
    const std::size_t before = violations_.size();
    const std::optional<RecordId> target = id_of(
        id == nullptr ? value : *id, request.side.target->id, path, "give an id or {\"id\": id}");
    if (violations_.size() != before) return;
    // What else is wrong with an item is said even where the record it names was refused.
    if (map != nullptr) take_item_options(*map, request, rules, item);
    if (!target) return;
    item.target = *target;
    found.push_back(std::move(item));
  }

  void take_item_options(const Map& map, const LinkRequest& request, const ItemRules& rules,
                         LinkItem& item) {
    for (const auto& [name, value] : map) {
      if (name == kIdName) continue;
      const bool is_meta = name == "meta" && rules.with_meta;
      if (is_meta && (value.is_null() || value.if_map() != nullptr)) {
        item.meta = link_meta(*request.field, value, path_in(item.path, name), violations_);
      } else if (is_meta) {
        refuse(ErrorCode::wrong_type, "meta is a map, not " + std::string(name_of(value.kind())),
               path_in(item.path, name));
      } else if (name == "at" && rules.placed) {
        item.place = place(value, request.side.target->id, path_in(item.path, name));
      } else {
        std::vector<std::string_view> names{kIdName};
        if (rules.placed) names.emplace_back("at");
        if (rules.with_meta) names.emplace_back("meta");
        refuse(ErrorCode::unknown_option, "no option \"" + name + "\" here",
               path_in(item.path, name), did_you_mean(name, names));
      }
    }
  }

  std::optional<Place> place(const Value& value, EntityId target, const std::string& path) {
    if (const std::string* word = value.if_text()) {
      if (*word == "first") return Place{Place::Kind::first, {}};
      if (*word == "last") return Place{Place::Kind::last, {}};
    }
    const Map* map = value.if_map();
    if (map != nullptr && map->size() == 1) {
      const auto& [word, anchor] = *map->begin();
      if (word == "before" || word == "after") {
        const std::optional<RecordId> id =
            id_of(anchor, target, path_in(path, word), "name an item of the field");
        if (!id) return std::nullopt;
        return Place{word == "before" ? Place::Kind::before : Place::Kind::after, *id};
      }
    }
    refuse(ErrorCode::wrong_type, brief(value) + " is no place", path,
           "use \"first\", \"last\", {\"before\": id} or {\"after\": id}");
    return std::nullopt;
  }

  // ---- New media ----

  void take_creations(const Value& argument, LinkRequest& request, const std::string& path) {
    const List* list = argument.if_list();
    const std::size_t size = list == nullptr ? 1 : list->size();
    if (!request.side.many && size > 1) {
      return refuse(ErrorCode::too_many_items,
                    described(request.side) + " holds one item, not " + std::to_string(size), path);
    }
    if (size > kCreationsMax) {
      refuse(ErrorCode::commit_too_large,
             std::to_string(size) + " new " + noun(request.side) +
                 "; one request creates at most " + std::to_string(kCreationsMax),
             path, "send several requests");
      return;
    }
    if (request.side.leads_to_media() && request.side.inverse) {
      return refuse(ErrorCode::unsupported, "media are not created from what they refer to", path,
                    "upload them, and give their " + request.field->name);
    }
    const Field* needed = request.side.has_links() ? needed_by_links(*request.field) : nullptr;
    if (needed != nullptr && size > 0) {
      return refuse(ErrorCode::required,
                    "links of " + request.field->name + " need " + needed->name +
                        ", which $create cannot give",
                    path, "insert the record, and $attach it with its meta, in one transaction");
    }
    for (std::size_t i = 0; i < size; ++i) {
      const Value& item = list == nullptr ? argument : (*list)[i];
      const std::string item_path = list == nullptr ? path : path_at(path, i);
      const Map* document = item.if_map();
      if (document != nullptr && !request.side.leads_to_media()) {
        const Field* given = request.side.inverse ? request.field : nullptr;
        request.records.push_back(new_record(*request.side.target, *document, item_path, given));
      } else if (document == nullptr && !request.side.leads_to_media()) {
        refuse(ErrorCode::wrong_type,
               "$create takes a record of " + noun(request.side) + ", not " + brief(item),
               item_path);
      } else if (document == nullptr) {
        refuse(ErrorCode::wrong_type, "$create takes {\"file\": …}, not " + brief(item), item_path);
      } else if (std::optional<NewMedia> media = new_media(*document, item_path)) {
        request.create.push_back(std::move(*media));
      }
    }
  }

  // The insert of a record that a relation leads to; `given` is filled by what it is created under.
  Resolved new_record(const Entity& entity, const Map& document, const std::string& path,
                      const Field* given) {
    Resolved resolved{.verb = Verb::insert, .entity = &entity, .path = path};
    const std::size_t before = violations_.size();
    for (const auto& [name, value] : document) {
      if (!violations_.full()) take_member(entity, name, value, resolved);
    }
    check_given_once(document, resolved, given);
    complete(resolved, document, given);
    resolved.decidable = violations_.size() == before;
    return resolved;
  }

  std::optional<NewMedia> new_media(const Map& document, const std::string& path) {
    const Entity& entity = *schema_.entity(kMediaEntity);
    const Value* file = document.find("file");
    if (file == nullptr) {
      refuse(ErrorCode::required, "a new media needs a file", path_in(path, "file"),
             "give its bytes, or {\"blob\": address} of bytes stored before");
      return std::nullopt;
    }
    NewMedia media{.path = path};
    if (!take_content(*file, path_in(path, "file"), media)) return std::nullopt;
    for (const auto& [name, value] : document) {
      if (name == "file") continue;
      if (name == "type") {
        take_claimed_type(value, path_in(path, name), media);
      } else {
        take_media_field(entity, name, value, path_in(path, name), media);
      }
    }
    for (const Field& field : entity.fields) {
      if (is_link(field.kind) || is_given(field, document)) continue;
      if (field.default_value) media.values.set(field.id, *field.default_value);
      if (!field.default_value && field.required) {
        refuse(ErrorCode::required, title(entity, field) + " is required",
               path_in(path, field.name));
      }
    }
    return media;
  }

  bool take_content(const Value& file, const std::string& path, NewMedia& media) {
    if (const Binary* prepared = file.if_binary()) {  // prepare_files() left no other bytes here.
      EMSTORE_CHECK(prepared->data.size() == sizeof(std::uint64_t));
      media.content = static_cast<std::size_t>(big_endian<std::uint64_t>(prepared->data));
      return true;
    }
    const Map* map = file.if_map();
    const Value* blob = map == nullptr ? nullptr : map->find("blob");
    const std::string* text = blob == nullptr ? nullptr : blob->if_text();
    const std::optional<Address> address = text == nullptr ? std::nullopt : address_of(*text);
    if (!address) {
      refuse(ErrorCode::wrong_type, brief(file) + " is neither bytes nor {\"blob\": address}", path,
             "addresses look like xxh3-128:<32 hexadecimal digits>");
      return false;
    }
    for (const auto& [name, ignored] : *map) {
      if (name == "blob") continue;
      refuse(ErrorCode::unknown_option, "no option \"" + name + "\" beside blob",
             path_in(path, name), "name and type stand beside file, not in it");
      return false;
    }
    media.content = *address;
    return true;
  }

  void take_claimed_type(const Value& value, const std::string& path, NewMedia& media) {
    if (const std::string* text = value.if_text()) {
      media.values.set(kMediaClaimedType, *text);
    } else if (!value.is_null()) {
      refuse(ErrorCode::wrong_type, "a type is text, not " + std::string(name_of(value.kind())),
             path);
    }
  }

  void take_media_field(const Entity& entity, const std::string& name, const Value& value,
                        const std::string& path, NewMedia& media) {
    const Field* field = entity.field(name);
    if (field == nullptr) return refuse_member(entity, name, path);
    if (is_link(field->kind)) {
      refuse(ErrorCode::unsupported, "links of a new media cannot be given with it", path,
             "update the media afterwards");
      return;
    }
    take_value(entity, *field, value, path, kInCreate, media.values);
  }

  const Schema& schema_;
  const References& references_;
  Violations& violations_;
  bool names_refused_ = false;  // What is named was refused: nothing can be said of it.
};

}  // namespace

std::string Resolved::path_of(std::string_view name) const { return path_in(path, name); }

std::string Resolved::path_of_id() const { return is_item ? path : path_of(kIdName); }

std::vector<Part> parts_of(const Mutation& mutation, const std::string& path, const Entity& entity,
                           std::span<const RecordId> found) {
  std::vector<Part> parts;
  if (mutation.documents) {
    for (std::size_t i = 0; i < mutation.documents->size(); ++i) {
      const Map* document = (*mutation.documents)[i].if_map();
      if (document == nullptr) continue;
      parts.push_back({path_at(path_in(path, "documents"), i), document, std::nullopt});
    }
  } else if (mutation.choice && mutation.verb != Verb::check) {
    for (const RecordId& id : found) {
      parts.push_back({path_in(path, entity.name + "/" + to_string(id)), &mutation.document, id});
    }
  } else {
    parts.push_back({path, &mutation.document, std::nullopt});
  }
  return parts;
}

const Entity* entity_of(const Schema& schema, const Mutation& mutation, const std::string& path,
                        Violations& violations) {
  const Result<const Entity*> entity = find_entity(schema, mutation.entity);
  return violations.catches(entity, path_in(path, "entity")) ? nullptr : *entity;
}

Resolved resolve(const Schema& schema, const Entity& entity, const Mutation& mutation,
                 const Part& part, const References& references, Violations& violations) {
  return Resolver(schema, references, violations).resolve(entity, mutation, part);
}

}  // namespace emstore::store
