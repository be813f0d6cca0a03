#include "store/decide.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/decide_links.h"
#include "store/field_rules.h"
#include "store/index_keys.h"
#include "store/measured.h"

namespace emstore::store {
namespace {

// Only what `after` really changes, with what was there before.
struct ChangedValues {
  FieldValues before, after;
};

ChangedValues change_of(const Entity& entity, const FieldValues& current,
                        const FieldValues& wanted) {
  ChangedValues change;
  for (const auto& [field, value] : wanted) {
    const Value& before = effective_value(*entity.field(field), current);
    if (before == value) continue;
    change.before.set(field, before);
    change.after.set(field, value);
  }
  return change;
}

class Decision {
 public:
  Decision(const Schema& schema, const Resolved& resolved, const Known& known, Sequence sequence,
           Violations& violations)
      : schema_(schema),
        resolved_(resolved),
        known_(known),
        sequence_(sequence),
        violations_(violations),
        next_media_(known.media_counter.next_id) {}

  std::vector<Event> run() {
    switch (resolved_.verb) {
      case Verb::insert:
        resolved_.media ? insert_media() : insert();
        break;
      case Verb::update:
        if (owner_fits()) update();
        break;
      case Verb::remove:
        if (owner_fits()) remove();
        break;
      case Verb::check:
        check();
        break;
    }
    return std::move(events_);
  }

 private:
  const Entity& entity() const { return *resolved_.entity; }
  bool is_media() const { return entity().id == kMediaEntity; }

  void refuse(ErrorCode code, std::string message, std::string path, std::string hint = {}) {
    violations_.add({code, std::move(message), std::move(path), std::move(hint), {}});
  }

  // The record is there, in the version that the request expects.
  bool owner_fits() {
    const std::string record = entity().name + "/" + to_string(resolved_.id);
    if (!known_.owner) {
      refuse(is_media() ? ErrorCode::media_not_found : ErrorCode::record_not_found,
             record + " does not exist", resolved_.path_of_id());
      return false;
    }
    return version_fits();
  }

  bool version_fits() {
    const Version version = known_.owner->row.version;
    if (!resolved_.expected || *resolved_.expected == version) return true;
    refuse(ErrorCode::version_mismatch,
           entity().name + "/" + to_string(resolved_.id) + " is at version " +
               std::to_string(version) + ", not " + std::to_string(*resolved_.expected),
           resolved_.path_of("expected"));
    return false;
  }

  // What must hold for the other mutations of the command.
  void check() {
    const bool names_one = resolved_.id != RecordId();
    const std::string what =
        names_one ? entity().name + "/" + to_string(resolved_.id) : "a record of " + entity().name;
    const bool found = known_.found.value_or(known_.owner.has_value());
    if (found == resolved_.exists) {
      if (known_.owner) version_fits();
    } else if (known_.found) {
      refuse(ErrorCode::check_failed,
             found ? what + " is as `where` says, and must not be"
                   : (names_one ? what + " is not" : "no record of " + entity().name + " is") +
                         " as `where` says",
             resolved_.path_of("where"));
    } else {
      refuse(ErrorCode::check_failed, what + (found ? " exists" : " does not exist"),
             resolved_.path_of(kIdName));
    }
  }

  // The version of `record` before the next event: after its first event in a commit, that commit's
  // own.
  Version previous(const RecordRef& record, Version version) {
    const auto [place, is_first] = versions_.emplace(record, version);
    return is_first ? place->second : sequence_;
  }

  // ---- Insert and update ----

  void insert() {
    const RecordRef record{entity().id, known_.new_id};
    check_indexes(resolved_.values, resolved_.values);
    check_references(entity(), resolved_.values, resolved_.path);
    events_.push_back(RecordCreated{record, previous(record, 0), resolved_.values});
    change_links(record, sequence_);
    for (const Field& field : entity().fields) {
      if (is_link(field.kind) && !is_requested(field.id)) {
        check_count(entity(), field, {0, 0, true}, resolved_.path_of(field.name), violations_);
      }
    }
  }

  bool is_requested(FieldId field) const {
    return std::any_of(resolved_.links.begin(), resolved_.links.end(),
                       [&](const LinkRequest& request) { return request.field->id == field; });
  }

  void insert_media() { create_media(*resolved_.media, known_.contents.front()); }

  FieldValues wanted_values() {
    const Value* metadata = is_media() ? resolved_.values.find(kMediaMetadata) : nullptr;
    const auto picture = metadata == nullptr ? std::nullopt : picture_of(known_.values);
    if (!picture) return resolved_.values;
    return measured(resolved_.values, *metadata, *picture, resolved_.path);
  }

  void update() {
    const RecordRef record{entity().id, resolved_.id};
    const Version version = known_.owner->row.version;
    ChangedValues change = change_of(entity(), known_.values, wanted_values());
    if (!change.after.empty()) {
      FieldValues values = known_.values;
      for (const auto& [field, value] : change.after) values.set(field, value);
      check_indexes(values, change.after);
      check_references(entity(), change.after, resolved_.path);
      const Version before = previous(record, version);
      if (is_media()) {
        events_.push_back(
            MediaUpdated{record, before, std::move(change.before), std::move(change.after)});
      } else {
        events_.push_back(
            RecordUpdated{record, before, std::move(change.before), std::move(change.after)});
      }
    }
    change_links(record, version);
  }

  // What an index cannot hold is refused, where it is new.
  void check_indexes(const FieldValues& values, const FieldValues& changed) {
    check_indexes(entity(), values, changed, resolved_.path);
  }

  void check_indexes(const Entity& entity, const FieldValues& values, const FieldValues& changed,
                     const std::string& path) {
    for (const Index* index : schema_.indexes_of(entity.id)) {
      const auto is_changed = [&](FieldId field) { return changed.find(field) != nullptr; };
      if (std::none_of(index->fields.begin(), index->fields.end(), is_changed)) continue;
      const std::string& name = entity.field(index->fields.front())->name;
      violations_.catches(index_values_prefix(entity, *index, values),
                          path.empty() ? name : path + "." + name);
    }
  }

  // What a value leads to is there.
  void check_references(const Entity& entity, const FieldValues& changed, const std::string& path) {
    for (const auto& [id, value] : changed) {
      const Field& field = *entity.field(id);
      if (field.kind != FieldKind::relation || value.is_null()) continue;
      const RecordRef target{target_of(schema_, field).id, *reference_of(value)};
      if (known_.referred.contains(target)) continue;
      refuse(ErrorCode::record_not_found,
             field.target + "/" + to_string(target.id) + " does not exist",
             (path.empty() ? "" : path + ".") + given_as(field));
    }
  }

  // Where in the document the value of a relation stands.
  std::string given_as(const Field& field) const {
    const auto by_name =
        std::find_if(resolved_.references.begin(), resolved_.references.end(),
                     [&](const LinkRequest& request) { return request.field == &field; });
    return by_name == resolved_.references.end() ? field.name : field.reference + ".$set";
  }

  void change_links(const RecordRef& record, Version version) {
    std::size_t content = 0;
    for (const LinkRequest& request : resolved_.links) {
      std::vector<CreatedMedia> created;
      for (const NewMedia& media : request.create) {
        const Content& bytes = known_.contents[content++];
        created.push_back({create_media(media, bytes), {bytes.mime_type, bytes.size}});
      }
      if (request.refused) continue;
      const KnownLinks& links = known_.fields.at(request.field->id);
      std::optional<LinksChanged> event =
          decide_links(entity(), request, links, known_, created, violations_);
      if (!event) continue;
      event->owner = record;
      event->previous = previous(record, version);
      events_.push_back(*std::move(event));
    }
  }

  RecordRef create_media(const NewMedia& media, const Content& content) {
    const RecordRef record{kMediaEntity, RecordId(next_media_++)};
    FieldValues values = media.values;
    values.set(kMediaType, content.mime_type);
    values.set(kMediaSize, static_cast<double>(content.size));
    values.set(kMediaBlob, Binary{to_bytes(content.address)});
    values.set(kMediaSha256, Binary{std::string(as_bytes(content.sha256))});
    if (content.picture) {
      const Value* given = values.find(kMediaMetadata);
      const Value metadata = given == nullptr ? Value() : *given;
      values = measured(std::move(values), metadata, *content.picture, media.path);
    }
    check_indexes(*schema_.entity(kMediaEntity), values, values, media.path);
    check_references(*schema_.entity(kMediaEntity), values, media.path);
    events_.push_back(MediaCreated{record, previous(record, 0), std::move(values)});
    return record;
  }

  // The values with `metadata` among them, in which width and height are those of the bytes.
  FieldValues measured(FieldValues values, const Value& metadata, const PictureSize& picture,
                       const std::string& path) {
    if (std::optional<Value> sized = metadata_with(picture, metadata)) {
      values.set(kMediaMetadata, *std::move(sized));
    } else {
      refuse(ErrorCode::wrong_type,
             "the metadata of a picture is a map, not " + std::string(name_of(metadata.kind())),
             path.empty() ? "metadata" : path + ".metadata");
    }
    return values;
  }

  // ---- Remove ----

  void remove() {
    const RecordRef record{entity().id, resolved_.id};
    const Version version = known_.owner->row.version;
    if (is_media()) unlink_uses(record);
    std::set<RecordId> unused;
    for (const auto& [id, links] : known_.fields) {
      const Field* field = entity().field(id);
      const bool is_ruled = field != nullptr && is_media_link(field->kind) && !resolved_.takes_back;
      if (is_ruled && field->on_delete == OnDelete::restrict_) refuse_restricted(*field, links);
      LinksChanged event{record, previous(record, version), id, kOperatorDelete, links.present, {},
                         {}};
      events_.push_back(std::move(event));
      if (is_ruled && field->on_delete == OnDelete::collect) note_unused(links, unused);
    }
    if (is_media()) {
      events_.push_back(MediaDeleted{record, previous(record, version), known_.values});
    } else {
      events_.push_back(RecordDeleted{record, previous(record, version), known_.values});
    }
    for (const RecordId& id : unused) collect(id);
  }

  void refuse_restricted(const Field& field, const KnownLinks& links) {
    refuse(ErrorCode::restricted,
           entity().name + "/" + to_string(resolved_.id) + " still has " +
               std::to_string(links.present.size()) + " media in " + field.name,
           resolved_.path_of(field.name), "detach them first");
  }

  // Media of a field that collects, when this owner holds all their links.
  void note_unused(const KnownLinks& links, std::set<RecordId>& unused) const {
    for (const Link& link : links.present) {
      const auto held = std::count_if(
          known_.fields.begin(), known_.fields.end(),
          [&](const auto& field) { return field.second.find(link.target) != nullptr; });
      if (known_.targets.at(link.target).use.count == static_cast<std::uint64_t>(held)) {
        unused.insert(link.target.id);
      }
    }
  }

  void collect(const RecordId& id) {
    const RecordRef record{kMediaEntity, id};
    const KnownTarget& media = known_.targets.at(record);
    events_.push_back(
        MediaDeleted{record, previous(record, media.record.row.version), media.values});
  }

  // A media that is linked goes only when that is asked for, and when every owner can do without
  // it.
  void unlink_uses(const RecordRef& media) {
    if (known_.uses.empty()) return;
    if (resolved_.takes_back) {
      refuse(ErrorCode::version_mismatch,
             "media " + to_string(media.id) + " is linked by " + owners_text() + " since",
             resolved_.path, std::string(kLaterFirst));
      return;
    }
    if (!resolved_.detach) {
      refuse(ErrorCode::still_linked,
             "media " + to_string(media.id) + " is linked by " + owners_text(),
             resolved_.path_of(kIdName));
      return;
    }
    for (const KnownUse& use : known_.uses) {
      check_owner(use);
      const Version version = previous(use.owner, use.version);
      events_.push_back(
          LinksChanged{use.owner, version, use.field, kOperatorDelete, {use.link}, {}, {}});
    }
  }

  void check_owner(const KnownUse& use) {
    const Entity* owner = schema_.entity(use.owner.entity);
    const Field* field = owner == nullptr ? nullptr : owner->field(use.field);
    if (field == nullptr) return;
    const std::string path = owner->name + "/" + to_string(use.owner.id) + "." + field->name;
    check_count(*owner, *field, {use.count, use.count - 1, false}, path, violations_);
  }

  std::string owners_text() const {
    constexpr std::size_t kNamed = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(kNamed, known_.uses.size()); ++i) {
      const KnownUse& use = known_.uses[i];
      const Entity* owner = schema_.entity(use.owner.entity);
      const Field* field = owner == nullptr ? nullptr : owner->field(use.field);
      text += (i == 0 ? "" : ", ") + (owner == nullptr ? std::string("?") : owner->name) + "/" +
              to_string(use.owner.id) + (field == nullptr ? "" : "." + field->name);
    }
    if (known_.use.count > kNamed)
      text += " and " + std::to_string(known_.use.count - kNamed) + " more";
    return text;
  }

  const Schema& schema_;
  const Resolved& resolved_;
  const Known& known_;
  Sequence sequence_;
  Violations& violations_;
  std::uint64_t next_media_;
  std::map<RecordRef, Version> versions_;
  std::vector<Event> events_;
};

}  // namespace

std::vector<Event> decide(const Schema& schema, const Resolved& resolved, const Known& known,
                          Sequence sequence, Violations& violations) {
  return Decision(schema, resolved, known, sequence, violations).run();
}

}  // namespace emstore::store
