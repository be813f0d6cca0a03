#include "store/outcome.h"

#include <optional>
#include <set>
#include <utility>

#include "store/field_rules.h"
#include "store/outcome_of_relations.h"
#include "store/undertaking.h"

namespace emstore::store {
namespace {

// All fields of a new record, as a query shows them.
Map created_data(const Entity& entity, const RecordId& id, const FieldValues& values, Time time) {
  Map data;
  data.append(std::string(kIdName), to_value(id));
  for (const Field& field : entity.fields) {
    if (is_link(field.kind) || field.is_hidden(kInCreate)) continue;
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
    if (field != nullptr && !field->is_hidden(kInUpdate))
      data.append(field->name, shown(*field, value));
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

// The items to detach that were not linked then: neither before, as those that are back in their
// place were, nor by the $set of the request.
std::vector<RecordId> missing_of(const LinkRequest& request, const FieldOutcome& outcome) {
  std::vector<RecordId> missing = without_effect(request.detach, outcome.removed, outcome.moved);
  std::set<RecordId> linked(outcome.already.begin(), outcome.already.end());
  if (request.set) {
    for (const LinkItem& item : *request.set) linked.insert(item.target);
  }
  std::erase_if(missing, [&](const RecordId& id) { return linked.contains(id); });
  return missing;
}

// What was asked of a field and came to nothing, beside what came of it.
FieldOutcome outcome_of(const LinkRequest& request, const LinksChanged* event) {
  FieldOutcome outcome = event == nullptr ? FieldOutcome{} : changes_of(request, *event);
  outcome.field = request.side.name;
  outcome.already = without_effect(request.attach, outcome.added, outcome.moved);
  outcome.missing = missing_of(request, outcome);
  return outcome;
}

// The record that an insert made. Records that its own stands on come before it (undertaking.h).
struct Created {
  RecordRef record;
  const FieldValues* values = nullptr;
};
std::optional<Created> created_record(const Resolved& resolved, std::span<const Event> events) {
  std::size_t before = records_before(resolved);
  for (const Event& event : events) {
    const auto* media = std::get_if<MediaCreated>(&event);
    if (media != nullptr && resolved.media) return Created{media->record, &media->values};
    const auto* record = std::get_if<RecordCreated>(&event);
    if (record != nullptr && before-- == 0) return Created{record->record, &record->values};
  }
  return std::nullopt;
}

bool is_about(const Event& event, const RecordRef& record) {
  return std::visit(
      [&](const auto& fact) {
        if constexpr (requires { fact.owner; }) {
          return fact.owner == record;
        } else if constexpr (requires { fact.record; }) {
          return fact.record == record;
        } else {
          return false;
        }
      },
      event);
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

RecordOutcome outcome_of(const Resolved& resolved, std::span<const Event> events,
                         const CommitInfo& commit, Version unchanged) {
  RecordOutcome outcome;
  outcome.id = resolved.id;
  if (resolved.verb == Verb::insert) {
    if (const std::optional<Created> created = created_record(resolved, events)) {
      outcome.id = created->record.id;
      outcome.data = created_data(*resolved.entity, outcome.id, *created->values, commit.time);
    }
  }
  const RecordRef record{resolved.entity->id, outcome.id};
  const bool is_changed = std::any_of(events.begin(), events.end(),
                                      [&](const Event& event) { return is_about(event, record); });
  outcome.version = is_changed ? commit.sequence : unchanged;
  if (resolved.verb == Verb::update && is_changed) {
    static const FieldValues kNone;
    const FieldValues* after = updated_values({resolved.entity->id, resolved.id}, events);
    outcome.data = updated_data(*resolved.entity, after == nullptr ? kNone : *after, commit.time);
  }
  for (const LinkRequest& request : resolved.links) {
    const LinksChanged* links = links_of(outcome.id, *resolved.entity, request.field->id, events);
    outcome.changes.push_back(outcome_of(request, links));
  }
  for (const LinkRequest& request : resolved.references) {
    outcome.changes.push_back(outcome_of_reference(request, record, events));
  }
  for (const LinkRequest& request : resolved.inverses) {
    outcome.changes.push_back(outcome_of_inverse(request, record, events));
  }
  return outcome;
}

}  // namespace emstore::store
