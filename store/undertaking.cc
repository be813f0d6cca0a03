#include "store/undertaking.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "store/facts.h"
#include "store/field_rules.h"
#include "store/removal.h"

namespace emstore::store {
namespace {

// The record that the first of an insert's own events made.
std::optional<RecordId> created_by(std::span<const Event> events) {
  for (const Event& event : events) {
    if (const auto* record = std::get_if<RecordCreated>(&event)) return record->record.id;
    if (const auto* media = std::get_if<MediaCreated>(&event)) return media->record.id;
  }
  return std::nullopt;
}

// Says which media the events of a mutation made for its $create, where they come in the order in
// which they are asked for.
void note_media(Resolved& resolved, std::span<const Event> events) {
  auto next = events.begin();
  const auto is_for_it = [&](const Event& event) {
    const auto* media = std::get_if<MediaCreated>(&event);
    return media != nullptr && media->record != resolved.record();
  };
  for (LinkRequest& request : resolved.links) {
    for (NewMedia& media : request.create) {
      next = std::find_if(next, events.end(), is_for_it);
      EMSTORE_CHECK(next != events.end());
      media.id = std::get<MediaCreated>(*next++).record.id;
    }
  }
}

Resolved change_of(const Entity& entity, const RecordId& id, std::string path) {
  return {.verb = Verb::update, .entity = &entity, .id = id, .path = std::move(path)};
}

// The links that a field of one record has, as a request on them from elsewhere.
LinkRequest request_on(const Side& inverse, const Schema& schema, std::string path) {
  LinkRequest request{.field = inverse.field, .path = std::move(path)};
  const Entity& target = target_of(schema, *inverse.field);
  request.side = {inverse.field->name, inverse.field, inverse.owner, &target, true, false};
  return request;
}

// What lets go and leads there again within one request: as a value it stays, and a required one
// may.
std::set<RecordId> coming_back(const LinkRequest& request) {
  std::set<RecordId> records;
  if (request.field->kind != FieldKind::relation) return records;
  for (const LinkItem& item : request.attach) records.insert(item.target);
  return records;
}

std::size_t records_of(const Resolved& created) {
  std::size_t count = 1 + records_before(created);
  for (const LinkRequest& request : created.inverses) {
    for (const Resolved& record : request.records) count += records_of(record);
  }
  return count;
}

}  // namespace

std::size_t records_before(const Resolved& resolved) {
  std::size_t count = 0;
  for (const auto* requests : {&resolved.references, &resolved.links}) {
    for (const LinkRequest& request : *requests) {
      for (const Resolved& record : request.records) count += records_of(record);
    }
  }
  return count;
}

Undertaking::Undertaking(const Schema& schema, const Reader& rows, const std::set<RecordRef>& going,
                         Violations& violations, Decide decide, Fold fold)
    : schema_(schema),
      rows_(rows),
      going_(going),
      violations_(violations),
      decide_(std::move(decide)),
      fold_(std::move(fold)) {}

Result<std::vector<Event>> Undertaking::carry_out(Resolved& resolved) {
  EMSTORE_CHECKED(step(resolved));
  return std::move(events_);
}

Status Undertaking::step(Resolved& resolved) {
  EMSTORE_CHECKED(make_targets(resolved));
  if (resolved.verb == Verb::remove && resolved.entity->id != kMediaEntity) {
    EMSTORE_CHECKED(resolved.takes_back ? refuse_references(rows_, schema_, resolved.record(),
                                                            going_, resolved.path, violations_)
                                        : remove_with(resolved));
  }
  const std::size_t before = events_.size();
  EMSTORE_CHECKED(fold_step(resolved));
  if (resolved.verb == Verb::insert && !is_refused()) {
    const auto id = created_by(std::span(events_).subspan(before));
    EMSTORE_CHECK(id.has_value());
    resolved.id = *id;
  }
  if (!is_refused()) note_media(resolved, std::span(events_).subspan(before));
  if (resolved.inverses.empty()) return {};
  EMSTORE_TRY(const Target target, target_of_inverses(resolved));
  for (LinkRequest& request : resolved.inverses) {
    if (!request.refused) EMSTORE_CHECKED(change_inverse(target, request));
  }
  return {};
}

Status Undertaking::fold_step(const Resolved& resolved) {
  if (violations_.full()) return {};
  EMSTORE_TRY(std::vector<Event> own, decide_(resolved));
  if (is_refused() || own.empty()) return {};
  EMSTORE_CHECKED(fold_(own));
  std::move(own.begin(), own.end(), std::back_inserter(events_));
  return {};
}

// ---- What the record leads to -------------------------------------------------------------------

Status Undertaking::make_targets(Resolved& resolved) {
  for (LinkRequest& request : resolved.references) {
    if (request.refused) continue;
    for (Resolved& record : request.records) {
      EMSTORE_CHECKED(make(record, request));
      if (!is_refused()) resolved.values.set(request.field->id, stored_reference(record.id));
    }
  }
  for (LinkRequest& request : resolved.links) {
    if (request.refused) continue;
    for (Resolved& record : request.records) EMSTORE_CHECKED(make(record, request));
    // Without the records, the field would be short of them.
    request.refused = !request.records.empty() && is_refused();
  }
  return {};
}

Status Undertaking::make(Resolved& record, LinkRequest& request) {
  EMSTORE_CHECKED(step(record));
  if (is_refused()) return {};
  request.made.push_back({.target = record.id, .place = {}, .meta = {}, .path = record.path});
  return {};
}

// ---- What a deletion takes along ----------------------------------------------------------------

Status Undertaking::remove_with(const Resolved& root) {
  EMSTORE_TRY(const Removal removal,
              plan_removal(rows_, schema_, root.record(), going_, root.path, violations_));
  for (const Removal::Release& release : removal.releases) {
    const std::string path = release.entity->name + "/" + to_string(release.record.id);
    Resolved change = change_of(*release.entity, release.record.id, path);
    if (release.field->kind == FieldKind::relation) {
      change.values.set(release.field->id, Value());
    } else {
      const Side inverse{{}, release.field, release.entity, release.entity, true, true};
      LinkRequest request = request_on(inverse, schema_, path + "." + release.field->name);
      request.operators = kOperatorDelete;
      for (const RecordId& id : release.targets) {
        request.detach.push_back({.target = id, .place = {}, .meta = {}, .path = request.path});
      }
      change.links.push_back(std::move(request));
    }
    EMSTORE_CHECKED(fold_step(change));
  }
  for (const RecordRef& record : removal.records) {
    if (record == root.record()) continue;
    const Entity& entity = *schema_.entity(record.entity);
    EMSTORE_CHECKED(fold_step({.verb = Verb::remove,
                               .entity = &entity,
                               .id = record.id,
                               .path = entity.name + "/" + to_string(record.id)}));
  }
  return {};
}

// ---- What leads to the record -------------------------------------------------------------------

Result<Undertaking::Target> Undertaking::target_of_inverses(const Resolved& resolved) const {
  if (!is_refused()) return resolved.record();
  if (resolved.verb == Verb::insert) return std::nullopt;
  EMSTORE_TRY(const auto stored, read_record(rows_, resolved.record()));
  return stored ? Target(resolved.record()) : std::nullopt;
}

Status Undertaking::change_inverse(const Target& target, LinkRequest& request) {
  if (request.set && target) EMSTORE_CHECKED(set_inverse(*target, request));
  const bool replaces = !request.side.many && !request.records.empty();
  if (request.set && !replaces) {
    for (const LinkItem& item : *request.set) EMSTORE_CHECKED(lead(target, request, item));
  }
  const std::set<RecordId> staying = coming_back(request);
  for (const LinkItem& item : request.detach) {
    if (target && !staying.contains(item.target)) EMSTORE_CHECKED(let_go(*target, request, item));
  }
  for (const LinkItem& item : request.attach) EMSTORE_CHECKED(lead(target, request, item));
  return create_under(target, request);
}

// What `$set` does not name lets go, unless it comes back.
Status Undertaking::set_inverse(const RecordRef& target, const LinkRequest& request) {
  std::set<RecordId> wanted = coming_back(request);
  for (const LinkItem& item : *request.set) wanted.insert(item.target);
  EMSTORE_TRY(const std::vector<RecordId> present,
              referrers_to(rows_, target, *request.side.owner, *request.field));
  for (const RecordId& id : present) {
    if (wanted.contains(id)) continue;
    EMSTORE_CHECKED(let_go(
        target, request, {.target = id, .place = {}, .meta = {}, .path = request.path + ".$set"}));
  }
  return {};
}

Result<bool> Undertaking::leads(const RecordRef& target, const LinkRequest& request,
                                const RecordId& owner) {
  const RecordRef record{request.side.owner->id, owner};
  EMSTORE_TRY(const auto backlink, read_backlink(rows_, target, record, request.field->id));
  return backlink.has_value();
}

Status Undertaking::lead(const Target& target, const LinkRequest& request, const LinkItem& item) {
  Resolved change = change_of(*request.side.owner, item.target, item.path);
  change.is_item = true;
  if (target && request.field->kind == FieldKind::relation) {
    change.values.set(request.field->id, stored_reference(target->id));
  } else if (target) {
    LinkRequest links = request_on(request.side, schema_, item.path);
    links.operators = kOperatorAttach;
    links.attach.push_back(
        {.target = target->id, .place = {}, .meta = item.meta, .path = item.path});
    change.links.push_back(std::move(links));
  }
  return fold_step(change);
}

Status Undertaking::let_go(const RecordRef& target, const LinkRequest& request,
                           const LinkItem& item) {
  EMSTORE_TRY(const bool is_led, leads(target, request, item.target));
  if (!is_led) return {};
  Resolved change = change_of(*request.side.owner, item.target, item.path);
  if (request.field->kind != FieldKind::relation) {
    LinkRequest links = request_on(request.side, schema_, item.path);
    links.operators = kOperatorDetach;
    links.detach.push_back({.target = target.id, .place = {}, .meta = {}, .path = item.path});
    change.links.push_back(std::move(links));
  } else if (request.field->required) {
    violations_.add({ErrorCode::required,
                     request.side.owner->name + "/" + to_string(item.target) + "." +
                         request.field->name + " is required",
                     item.path,
                     "let it lead elsewhere instead, or delete it",
                     {}});
    return {};
  } else {
    change.values.set(request.field->id, Value());
  }
  return fold_step(change);
}

// What a record that is created under `target` asks of the field that leads there.
LinkRequest& Undertaking::links_of(Resolved& record, const LinkRequest& request) const {
  for (LinkRequest& links : record.links) {
    if (links.field == request.field) return links;
  }
  return record.links.emplace_back(request_on(request.side, schema_, record.path));
}

// Without the target, the field would be short of it.
void Undertaking::attach_to(const Target& target, LinkRequest& links, const std::string& path) {
  links.operators |= kOperatorAttach;
  links.refused = links.refused || !target;
  if (!target) return;
  links.attach.push_back({.target = target->id, .place = {}, .meta = {}, .path = path});
}

Status Undertaking::create_under(const Target& target, LinkRequest& request) {
  if (target && !request.side.many && !request.records.empty()) {
    EMSTORE_TRY(const std::vector<RecordId> present,
                referrers_to(rows_, *target, *request.side.owner, *request.field));
    for (const RecordId& id : present) {
      EMSTORE_CHECKED(
          let_go(*target, request,
                 {.target = id, .place = {}, .meta = {}, .path = request.path + ".$create"}));
    }
  }
  for (Resolved& record : request.records) {
    if (request.field->kind != FieldKind::relation) {
      attach_to(target, links_of(record, request), record.path);
    } else if (target) {
      record.values.set(request.field->id, stored_reference(target->id));
    }
    EMSTORE_CHECKED(step(record));
  }
  return {};
}

}  // namespace emstore::store
