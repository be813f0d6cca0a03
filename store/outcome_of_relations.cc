#include "store/outcome_of_relations.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/field_rules.h"

namespace emstore::store {
namespace {

// What happened to the values of one record.
struct ValueChange {
  RecordRef record;
  const FieldValues* before = nullptr;
  const FieldValues* after = nullptr;
};

std::optional<ValueChange> value_change(const Event& event) {
  return std::visit(
      [](const auto& fact) -> std::optional<ValueChange> {
        if constexpr (requires { fact.values; }) {
          return ValueChange{fact.record, nullptr, &fact.values};
        } else if constexpr (requires { fact.after; }) {
          return ValueChange{fact.record, &fact.before, &fact.after};
        } else {
          return std::nullopt;
        }
      },
      event);
}

std::optional<RecordId> target_in(const FieldValues* values, FieldId field) {
  const Value* value = values == nullptr ? nullptr : values->find(field);
  return value == nullptr ? std::nullopt : reference_of(*value);
}

void add_once(std::vector<RecordId>& ids, const RecordId& id) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

void note_links(const LinkRequest& request, const RecordRef& record, const LinksChanged& event,
                FieldOutcome& outcome) {
  const bool is_meant =
      event.owner.entity == request.side.owner->id && event.field == request.field->id;
  if (!is_meant) return;
  const auto leads_here = [&](const auto& link) { return link.target == record; };
  if (std::any_of(event.added.begin(), event.added.end(), leads_here)) {
    add_once(outcome.added, event.owner.id);
  }
  if (std::any_of(event.removed.begin(), event.removed.end(), leads_here)) {
    add_once(outcome.removed, event.owner.id);
  }
  if (std::any_of(event.changed.begin(), event.changed.end(), leads_here)) {
    add_once(outcome.moved, event.owner.id);
  }
}

void note_values(const LinkRequest& request, const RecordRef& record, const ValueChange& change,
                 FieldOutcome& outcome) {
  if (change.record.entity != request.side.owner->id) return;
  const FieldId field = request.field->id;
  if (target_in(change.after, field) == record.id) add_once(outcome.added, change.record.id);
  if (target_in(change.before, field) == record.id) add_once(outcome.removed, change.record.id);
}

// Gathers effects by record.
class Effects {
 public:
  explicit Effects(const Schema& schema) : schema_(schema) {}

  void add(const Event& event) {
    if (const auto* links = std::get_if<LinksChanged>(&event)) {
      if (const Field* field = this->field(links->owner.entity, links->field)) {
        updated(links->owner, field->name);
      }
    } else if (const std::optional<ValueChange> change = value_change(event)) {
      if (change->before == nullptr) of(change->record).kind = Effect::Kind::created;
      if (change->before != nullptr) note_fields(*change);
    } else if (const auto* record = std::get_if<RecordDeleted>(&event)) {
      of(record->record).kind = Effect::Kind::deleted;
    } else if (const auto* media = std::get_if<MediaDeleted>(&event)) {
      of(media->record).kind = Effect::Kind::deleted;
    }
  }

  std::vector<Effect> take() && {
    for (Effect& effect : effects_) {
      if (effect.kind != Effect::Kind::updated) effect.fields.clear();
    }
    return std::move(effects_);
  }

 private:
  const Field* field(EntityId entity, FieldId id) const {
    const Entity* owner = schema_.entity(entity);
    return owner == nullptr ? nullptr : owner->field(id);
  }

  void note_fields(const ValueChange& change) {
    for (const auto& [id, value] : *change.after) {
      if (const Field* field = this->field(change.record.entity, id)) {
        updated(change.record, field->name);
      }
    }
  }

  void updated(const RecordRef& record, const std::string& name) {
    Effect& effect = of(record);
    if (std::find(effect.fields.begin(), effect.fields.end(), name) == effect.fields.end()) {
      effect.fields.push_back(name);
    }
  }

  Effect& of(const RecordRef& record) {
    const auto [place, is_new] = places_.emplace(record, effects_.size());
    if (is_new) {
      const Entity* entity = schema_.entity(record.entity);
      effects_.push_back(
          {Effect::Kind::updated, entity == nullptr ? "" : entity->name, record.id, {}});
    }
    return effects_[place->second];
  }

  const Schema& schema_;
  std::vector<Effect> effects_;
  std::map<RecordRef, std::size_t> places_;
};

}  // namespace

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

FieldOutcome outcome_of_reference(const LinkRequest& request, const RecordRef& record,
                                  std::span<const Event> events) {
  FieldOutcome outcome;
  outcome.field = request.side.name;
  for (const Event& event : events) {
    const std::optional<ValueChange> change = value_change(event);
    if (!change || change->record != record) continue;
    const FieldId field = request.field->id;
    if (const auto id = target_in(change->after, field)) add_once(outcome.added, *id);
    if (const auto id = target_in(change->before, field)) add_once(outcome.removed, *id);
  }
  if (request.set) outcome.already = without_effect(*request.set, outcome.added, {});
  return outcome;
}

FieldOutcome outcome_of_inverse(const LinkRequest& request, const RecordRef& record,
                                std::span<const Event> events) {
  FieldOutcome outcome;
  outcome.field = request.side.name;
  for (const Event& event : events) {
    if (const auto* links = std::get_if<LinksChanged>(&event)) {
      note_links(request, record, *links, outcome);
    } else if (const std::optional<ValueChange> change = value_change(event)) {
      note_values(request, record, *change, outcome);
    }
  }
  outcome.already = without_effect(request.attach, outcome.added, outcome.moved);
  outcome.missing = without_effect(request.detach, outcome.removed, outcome.moved);
  return outcome;
}

std::vector<Effect> effects_of(const Schema& schema, std::span<const Event> events) {
  Effects effects(schema);
  for (const Event& event : events) effects.add(event);
  return std::move(effects).take();
}

}  // namespace emstore::store
