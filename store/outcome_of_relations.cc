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

// Which records led to another one before the events and after them. What happened in between is
// told once: where it led and leads again, it moved.
class Leading {
 public:
  Leading(const LinkRequest& request, const RecordRef& record)
      : request_(request), record_(record) {}

  void add(const Event& event) {
    if (const auto* links = std::get_if<LinksChanged>(&event)) {
      note(*links);
    } else if (const std::optional<ValueChange> change = value_change(event)) {
      note(*change);
    }
  }

  FieldOutcome take() && {
    FieldOutcome outcome;
    outcome.field = request_.side.name;
    for (const Owner& owner : owners_) {
      if (owner.before && owner.after) outcome.moved.push_back(owner.id);
      if (!owner.before && owner.after) outcome.added.push_back(owner.id);
      if (owner.before && !owner.after) outcome.removed.push_back(owner.id);
    }
    outcome.already = without_effect(request_.attach, outcome.added, outcome.moved);
    const std::set<RecordId> stayed = that_stayed(outcome);
    for (const LinkItem& item : request_.detach) {
      if (!led(item.target) && !stayed.contains(item.target))
        outcome.missing.push_back(item.target);
    }
    return outcome;
  }

 private:
  struct Owner {
    RecordId id;
    bool before = false, after = false;
    bool led = false;  // At any time before the last event.
  };

  // Those that were to let go and to lead there again: of them no event tells (undertaking.cc).
  std::set<RecordId> that_stayed(const FieldOutcome& outcome) const {
    std::set<RecordId> stayed(outcome.already.begin(), outcome.already.end());
    if (request_.set) {
      for (const LinkItem& item : *request_.set) stayed.insert(item.target);
    }
    return stayed;
  }

  void note(const LinksChanged& event) {
    const bool is_meant =
        event.owner.entity == request_.side.owner->id && event.field == request_.field->id;
    if (!is_meant) return;
    const auto is_among = [&](const auto& links) {
      return std::any_of(links.begin(), links.end(),
                         [&](const auto& link) { return link.target == record_; });
    };
    const bool stays = is_among(event.changed);
    note(event.owner.id, stays || is_among(event.removed), stays || is_among(event.added));
  }

  void note(const ValueChange& change) {
    if (change.record.entity != request_.side.owner->id) return;
    const FieldId field = request_.field->id;
    note(change.record.id, target_in(change.before, field) == record_.id,
         target_in(change.after, field) == record_.id);
  }

  void note(const RecordId& id, bool before, bool after) {
    if (!before && !after) return;
    const auto [place, is_first] = places_.emplace(id, owners_.size());
    if (is_first) owners_.push_back({id, before, after});
    Owner& owner = owners_[place->second];
    owner.after = after;
    owner.led = owner.led || before;
  }

  bool led(const RecordId& id) const {
    const auto place = places_.find(id);
    return place != places_.end() && owners_[place->second].led;
  }

  const LinkRequest& request_;
  const RecordRef& record_;
  std::vector<Owner> owners_;
  std::map<RecordId, std::size_t> places_;  // In `owners_`.
};

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
  std::optional<std::optional<RecordId>> before;
  std::optional<RecordId> after;
  for (const Event& event : events) {
    const std::optional<ValueChange> change = value_change(event);
    const FieldId field = request.field->id;
    if (!change || change->record != record || change->after->find(field) == nullptr) continue;
    if (!before) before = target_in(change->before, field);
    after = target_in(change->after, field);
  }
  FieldOutcome outcome;
  outcome.field = request.side.name;
  if (before && *before != after) {
    if (after) outcome.added.push_back(*after);
    if (*before) outcome.removed.push_back(**before);
  }
  if (request.set) outcome.already = without_effect(*request.set, outcome.added, {});
  return outcome;
}

FieldOutcome outcome_of_inverse(const LinkRequest& request, const RecordRef& record,
                                std::span<const Event> events) {
  Leading leading(request, record);
  for (const Event& event : events) leading.add(event);
  return std::move(leading).take();
}

std::vector<Effect> effects_of(const Schema& schema, std::span<const Event> events) {
  Effects effects(schema);
  for (const Event& event : events) effects.add(event);
  return std::move(effects).take();
}

}  // namespace emstore::store
