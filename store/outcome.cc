#include "store/outcome.h"

#include <optional>
#include <set>
#include <utility>

#include "store/field_rules.h"

namespace emstore::store {
namespace {

Value shown(const Field& field, const Value& stored) {
  if (stored.is_null()) return {};
  ValueSink sink;
  show(field.kind, stored, sink);
  return sink.take();
}

// All fields of a new record, as a query shows them.
Map created_data(const Entity& entity, const RecordId& id, const FieldValues& values, Time time) {
  Map data;
  data.append(std::string(kIdName), to_value(id));
  for (const Field& field : entity.fields) {
    if (is_link(field.kind) || field.hidden) continue;
    const Value* value = values.find(field.id);
    data.append(field.name, value == nullptr ? Value() : shown(field, *value));
  }
  data.append(std::string(kCreatedName), time);
  data.append(std::string(kUpdatedName), time);
  return data;
}

// The changed fields of an updated one.
Map updated_data(const Entity& entity, const FieldValues& after, Time time) {
  Map data;
  for (const auto& [id, value] : after) {
    const Field* field = entity.field(id);
    if (field != nullptr) data.append(field->name, shown(*field, value));
  }
  data.append(std::string(kUpdatedName), time);
  return data;
}

const LinksChanged* links_of(const RecordId& owner, const Entity& entity, FieldId field,
                             std::span<const Event> events) {
  for (const Event& event : events) {
    const auto* links = std::get_if<LinksChanged>(&event);
    if (links != nullptr && links->owner == RecordRef{entity.id, owner} && links->field == field) {
      return links;
    }
  }
  return nullptr;
}

// What came of a request. Links whose keys were spread to make room for it did not move.
FieldOutcome changes_of(const LinkRequest& request, const LinksChanged& event) {
  FieldOutcome outcome;
  std::set<RecordId> attached;
  for (const LinkItem& item : request.attach) attached.insert(item.target);
  for (const Link& link : event.removed) outcome.removed.push_back(link.target.id);
  for (const Link& link : event.added) outcome.added.push_back(link.target.id);
  for (const LinkChange& change : event.changed) {
    const RecordId& id = change.target.id;
    if (request.set || attached.contains(id)) outcome.moved.push_back(id);
  }
  return outcome;
}

// The items that changed nothing.
std::vector<RecordId> without_effect(const std::vector<LinkItem>& items,
                                     const std::vector<RecordId>& changed,
                                     const std::vector<RecordId>& moved) {
  std::set<RecordId> named(changed.begin(), changed.end());
  named.insert(moved.begin(), moved.end());
  std::vector<RecordId> ids;
  for (const LinkItem& item : items) {
    if (!named.contains(item.target)) ids.push_back(item.target);
  }
  return ids;
}

// What was asked of a field and came to nothing, beside what came of it.
FieldOutcome outcome_of(const LinkRequest& request, const LinksChanged* event) {
  FieldOutcome outcome = event == nullptr ? FieldOutcome{} : changes_of(request, *event);
  outcome.field = request.field->name;
  outcome.already = without_effect(request.attach, outcome.added, outcome.moved);
  outcome.missing = without_effect(request.detach, outcome.removed, outcome.moved);
  return outcome;
}

// The record that an insert made: the first event of the mutation, always.
const RecordRef* created_record(const Event& event, const FieldValues*& values) {
  if (const auto* record = std::get_if<RecordCreated>(&event)) {
    values = &record->values;
    return &record->record;
  }
  if (const auto* media = std::get_if<MediaCreated>(&event)) {
    values = &media->values;
    return &media->record;
  }
  return nullptr;
}

const FieldValues* updated_values(const RecordRef& record, std::span<const Event> events) {
  for (const Event& event : events) {
    const auto* update = std::get_if<RecordUpdated>(&event);
    if (update != nullptr && update->record == record) return &update->after;
    const auto* media = std::get_if<MediaUpdated>(&event);
    if (media != nullptr && media->record == record) return &media->after;
  }
  return nullptr;
}

}  // namespace

MutationOutcome outcome_of(const Resolved& resolved, std::span<const Event> events,
                           const CommitInfo& commit, Version unchanged) {
  MutationOutcome outcome;
  outcome.id = resolved.id;
  outcome.version = events.empty() ? unchanged : commit.sequence;
  if (resolved.verb == Verb::insert && !events.empty()) {
    const FieldValues* values = nullptr;
    if (const RecordRef* record = created_record(events.front(), values)) {
      outcome.id = record->id;
      outcome.data = created_data(*resolved.entity, record->id, *values, commit.time);
    }
  }
  if (resolved.verb == Verb::update && !events.empty()) {
    static const FieldValues kNone;
    const FieldValues* after = updated_values({resolved.entity->id, resolved.id}, events);
    outcome.data = updated_data(*resolved.entity, after == nullptr ? kNone : *after, commit.time);
  }
  for (const LinkRequest& request : resolved.links) {
    const LinksChanged* links = links_of(outcome.id, *resolved.entity, request.field->id, events);
    outcome.changes.push_back(outcome_of(request, links));
  }
  return outcome;
}

}  // namespace emstore::store
