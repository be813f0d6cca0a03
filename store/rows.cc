#include "store/rows.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/address.h"
#include "base/check.h"
#include "store/field_rules.h"
#include "store/index_keys.h"
#include "store/relations.h"

namespace emstore::store {
namespace {

tl::unexpected<Error> does_not_fit(const FoldPlace& place, const std::string& what) {
  return failure(ErrorCode::corrupt_index, "event " + std::to_string(place.event.sequence) + "." +
                                               std::to_string(place.event.index) + ": " + what);
}

// Collects the rows of one event.
class Folder {
 public:
  Folder(const Schema& schema, const Facts& facts, const FoldPlace& place)
      : schema_(schema), facts_(facts), place_(place) {}

  Result<RowChanges> fold(const Event& event) {
    EMSTORE_CHECKED(std::visit([this](const auto& fact) { return apply(fact); }, event));
    RowChanges changes = std::move(removals_);
    std::move(puts_.begin(), puts_.end(), std::back_inserter(changes));
    return changes;
  }

 private:
  Sequence sequence() const { return place_.event.sequence; }

  void put(Family family, std::string key, std::string value) {
    puts_.push_back({family, std::move(key), std::move(value)});
  }
  void remove(Family family, std::string key) {
    removals_.push_back({family, std::move(key), std::nullopt});
  }

  // ---- Requests, schema, blobs ----

  Status apply(const RequestRecorded& event) {
    if (event.key.empty()) return {};
    put(Family::requests, request_key(place_.uid, event.key),
        encode(RequestRow{sequence(), event.digest}));
    return {};
  }

  // The row without a key says how far keys are forgotten.
  Status apply(const KeysExpired& event) {
    for (const std::string& key : facts_.requests) remove(Family::requests, key);
    put(Family::requests, {}, encode(RequestRow{event.through, {}}));
    return {};
  }

  Status apply(const SchemaApplied& event) {
    put(Family::schema, schema_key(), encode(SchemaRow{sequence(), event.schema}));
    return {};
  }

  Status apply(const BlobsCollected& event) {
    for (const Address& address : event.addresses) {
      std::optional<BlobRow> row = facts_.blobs.at(address);
      if (!row) return does_not_fit(place_, "no blob " + to_string(address));
      if (row->media != 0) return does_not_fit(place_, "a blob in use: " + to_string(address));
      if (row->collected_at == 0) remove(Family::unused, unused_key(row->unused_since, address));
      row->collected_at = sequence();
      put(Family::blobs, to_bytes(address), encode(*row));
    }
    return {};
  }

  // ---- Records ----

  Status apply(const RecordCreated& event) { return create(event.record, event.values); }
  Status apply(const RecordDeleted& event) { return erase(event.record); }

  Status apply(const RecordUpdated& event) {
    EMSTORE_CHECKED(update(event.record, event.after));
    return {};
  }

  Status apply(const MediaCreated& event) {
    EMSTORE_CHECKED(create(event.record, event.values));
    put(Family::uses, record_key(event.record), encode(UseRow{0, 0, sequence()}));
    note_unused(event.record, 0, sequence());
    return count_blob(event.values, +1);
  }

  Status apply(const MediaDeleted& event) {
    EMSTORE_CHECKED(erase(event.record));
    const auto use = facts_.uses.find(event.record);
    if (use == facts_.uses.end()) return does_not_fit(place_, "a media that is none");
    note_unused(event.record, use->second.unused_since, 0);
    remove(Family::uses, record_key(event.record));
    return count_blob(event.before, -1);
  }

  Status apply(const MediaUpdated& event) {
    EMSTORE_TRY(const OwnerRow row, update(event.record, event.after));
    for (const CoveringLink& link : facts_.covering) {
      LinkRow changed = link.row;
      changed.cover = cover_of(row);
      put(Family::links, link.key, encode(changed));
    }
    return {};
  }

  Status create(const RecordRef& record, const FieldValues& values) {
    CounterRow counter = facts_.counters.at(record.entity);
    if (!record.id.is_uuid()) counter.next_id = std::max(counter.next_id, record.id.integer() + 1);
    ++counter.records;
    put(Family::counters, counter_key(record.entity), encode(counter));
    OwnerRow row{sequence(), place_.time, place_.time, std::nullopt, {}};
    put_record(record, row, pack_fields(values));
    return follow(record, nullptr, &values);
  }

  Status erase(const RecordRef& record) {
    const StoredRecord* stored = find(record);
    if (stored == nullptr) return does_not_fit(place_, "no such record");
    CounterRow counter = facts_.counters.at(record.entity);
    --counter.records;
    put(Family::counters, counter_key(record.entity), encode(counter));
    remove(Family::records, record_key(record));
    if (stored->fields_elsewhere()) remove(Family::bodies, record_key(record));
    put(Family::deleted, record_key(record), encode(DeletedRow{sequence(), stored->row.created}));
    EMSTORE_TRY(const FieldValues values, unpack_fields(stored->fields()));
    return follow(record, &values, nullptr);
  }

  Result<OwnerRow> update(const RecordRef& record, const FieldValues& after) {
    const StoredRecord* stored = find(record);
    if (stored == nullptr) return does_not_fit(place_, "no such record");
    EMSTORE_TRY(const FieldValues before, unpack_fields(stored->fields()));
    FieldValues values = before;
    for (const auto& [field, value] : after) values.set(field, value);
    OwnerRow row = stored->row;
    row.version = sequence();
    row.updated = place_.time;
    if (stored->fields_elsewhere()) remove(Family::bodies, record_key(record));
    put_record(record, row, pack_fields(values));
    EMSTORE_CHECKED(follow(record, &before, &values));
    return row;
  }

  const StoredRecord* find(const RecordRef& record) const {
    const auto found = facts_.records.find(record);
    return found == facts_.records.end() ? nullptr : &found->second;
  }

  // Small fields lie in the owner row; larger ones beside it, so that an attach never rewrites
  // them.
  void put_record(const RecordRef& record, OwnerRow& row, PackedFields fields) {
    row.fields.reset();
    if (fields.size() <= kInlineFieldsBytesMax) {
      row.fields = std::move(fields);
    } else {
      put(Family::bodies, record_key(record), std::move(fields));
    }
    put(Family::records, record_key(record), encode(row));
  }

  // What follows from the values of a record; null: there is no record on that side.
  Status follow(const RecordRef& record, const FieldValues* before, const FieldValues* after) {
    const Entity* entity = schema_.entity(record.entity);
    if (entity == nullptr) return does_not_fit(place_, "an entity that no schema names");
    for (const Field& field : entity->fields) {
      if (field.kind == FieldKind::relation) refer(record, field, before, after);
    }
    return index(*entity, record, before, after);
  }

  // Moves the backlink of a relation from the record that it led to to the one it leads to.
  void refer(const RecordRef& record, const Field& field, const FieldValues* before,
             const FieldValues* after) {
    const auto target = [&](const FieldValues* values) -> std::optional<RecordRef> {
      const Value* value = values == nullptr ? nullptr : values->find(field.id);
      const std::optional<RecordId> id = value == nullptr ? std::nullopt : reference_of(*value);
      if (!id) return std::nullopt;
      return RecordRef{target_of(schema_, field).id, *id};
    };
    const std::optional<RecordRef> old_target = target(before), new_target = target(after);
    if (old_target == new_target) return;
    if (old_target) {
      remove(Family::backlinks, backlink_key(*old_target, /*covered=*/false, record, field.id));
      note_unlinked(*old_target, record, field.id);
    }
    if (new_target) {
      put(Family::backlinks, backlink_key(*new_target, /*covered=*/false, record, field.id),
          encode(BacklinkRow{{}, place_.event}));
    }
  }

  // For reads of the past: what once led to `target` is found there.
  void note_unlinked(const RecordRef& target, const RecordRef& owner, FieldId field) {
    put(Family::unlinked, unlinked_key(target, owner, field), encode(UnlinkedRow{sequence()}));
  }

  // Moves the record's keys in the indexes of its entity.
  Status index(const Entity& entity, const RecordRef& record, const FieldValues* before,
               const FieldValues* after) {
    for (const Index* index : schema_.indexes_of(entity.id)) {
      std::optional<std::string> old_key, new_key;
      if (before != nullptr) {
        EMSTORE_TRY(old_key, index_key_if_any(entity, *index, *before, record.id));
      }
      if (after != nullptr) {
        EMSTORE_TRY(new_key, index_key_if_any(entity, *index, *after, record.id));
      }
      if (old_key == new_key) continue;
      if (old_key) remove(Family::values, *std::move(old_key));
      if (new_key) put(Family::values, *std::move(new_key), {});
    }
    return {};
  }

  // ---- Use of media and bytes ----

  // Moves a media, or the address of bytes, among what nothing uses; 0: it is not there.
  template <typename Thing>
  void note_unused(const Thing& thing, Sequence before, Sequence after) {
    if (before == after) return;
    if (before != 0) remove(Family::unused, unused_key(before, thing));
    if (after != 0) put(Family::unused, unused_key(after, thing), encode(UnusedRow{place_.time}));
  }

  Status count_blob(const FieldValues& media, int difference) {
    const Value* size = media.find(kMediaSize);
    const Value* digest = media.find(kMediaSha256);
    if (size == nullptr || size->if_number() == nullptr || digest == nullptr ||
        digest->if_binary() == nullptr ||
        digest->if_binary()->data.size() != std::tuple_size_v<Sha256>) {
      return does_not_fit(place_, "a media without the size and digest of its bytes");
    }
    const std::optional<Address> address =
        address_of_bytes(media.find(kMediaBlob)->if_binary()->data);
    const std::optional<BlobRow>& known = facts_.blobs.at(*address);
    if (!known && difference < 0) return does_not_fit(place_, "no blob " + to_string(*address));
    BlobRow row = known ? *known : blob_of(media);
    row.media = static_cast<std::uint64_t>(static_cast<std::int64_t>(row.media) + difference);
    row.collected_at = difference > 0 ? 0 : row.collected_at;
    row.unused_since = row.media == 0 ? sequence() : 0;
    const bool was_here = known && known->collected_at == 0;
    note_unused(*address, was_here ? known->unused_since : 0, row.unused_since);
    put(Family::blobs, to_bytes(*address), encode(row));
    return {};
  }

  static BlobRow blob_of(const FieldValues& media) {
    BlobRow row;
    row.size = static_cast<std::uint64_t>(*media.find(kMediaSize)->if_number());
    const std::string& digest = media.find(kMediaSha256)->if_binary()->data;
    std::copy(digest.begin(), digest.end(), row.sha256.begin());
    return row;
  }

  // ---- Links ----

  // Removals free slots first, then additions take them in the order of the event; a link keeps its
  // slot until it is removed.
  Status apply(const LinksChanged& event) {
    const StoredRecord* owner = find(event.owner);
    if (owner == nullptr) return does_not_fit(place_, "links of a record that is not there");
    uses_ = facts_.uses;
    puts_.reserve(1 + 3 * event.added.size() + event.removed.size() + 2 * event.changed.size());
    EMSTORE_CHECKED(check_places(event));
    for (const Link& link : event.removed) EMSTORE_CHECKED(remove_link(event, link));
    for (const Link& link : event.added) EMSTORE_CHECKED(add_link(event, link));
    for (const LinkChange& change : event.changed) EMSTORE_CHECKED(change_link(event, change));
    for (const auto& [target, use] : uses_) {
      note_unused(target, facts_.uses.at(target).unused_since, use.unused_since);
      put(Family::uses, record_key(target), encode(use));
    }
    put_owner(event, *owner);
    return {};
  }

  // No link is put where another one stays: that one would be lost without a trace.
  Status check_places(const LinksChanged& event) const {
    std::set<std::string_view> left, taken;
    for (const Link& link : event.removed) left.insert(link.order);
    for (const LinkChange& change : event.changed) left.insert(change.order_before);
    const auto is_free = [&](const OrderKey& order) {
      const bool empty =
          left.contains(order) || !facts_.links.contains(link_key(event.owner, event.field, order));
      return empty && taken.insert(order).second;
    };
    for (const Link& link : event.added) {
      if (!is_free(link.order))
        return does_not_fit(place_, "a link at a place that another one has");
    }
    for (const LinkChange& change : event.changed) {
      if (!is_free(change.order_after))
        return does_not_fit(place_, "a link at a place that another one has");
    }
    return {};
  }

  Status remove_link(const LinksChanged& event, const Link& link) {
    std::string key = link_key(event.owner, event.field, link.order);
    const auto found = facts_.links.find(key);
    if (found == facts_.links.end()) return does_not_fit(place_, "a link to remove is not there");
    const bool covered = found->second.covered;
    remove(Family::backlinks, backlink_key(link.target, covered, event.owner, event.field));
    remove(Family::links, std::move(key));
    note_unlinked(link.target, event.owner, event.field);
    if (!is_used(link.target)) return {};
    UseRow& use = uses_[link.target];
    --use.count;
    if (covered) --use.slots;
    use.unused_since = use.count == 0 ? sequence() : 0;
    return {};
  }

  Status add_link(const LinksChanged& event, const Link& link) {
    const StoredRecord* target = find(link.target);
    if (target == nullptr) return does_not_fit(place_, "a link to a record that is not there");
    LinkRow row{link.target, link.meta, false, std::nullopt};
    if (is_used(link.target)) use(*target, row);
    put(Family::backlinks, backlink_key(link.target, row.covered, event.owner, event.field),
        encode(BacklinkRow{link.order, place_.event}));
    put(Family::links, link_key(event.owner, event.field, link.order), encode(row));
    return {};
  }

  // Only of media it is counted how often they are linked, and only they are shown by a link: a
  // record of another entity changes with its own links, and its links would have to follow.
  static bool is_used(const RecordRef& target) { return target.entity == kMediaEntity; }

  void use(const StoredRecord& target, LinkRow& row) {
    UseRow& use = uses_[row.target];
    row.covered = use.slots < kCoverSlotsMax;
    if (row.covered) {
      ++use.slots;
      row.cover = cover_of(target.row);
    }
    ++use.count;
    use.unused_since = 0;
  }

  Status change_link(const LinksChanged& event, const LinkChange& change) {
    std::string key = link_key(event.owner, event.field, change.order_before);
    const auto found = facts_.links.find(key);
    if (found == facts_.links.end()) return does_not_fit(place_, "a link to change is not there");
    LinkRow row = found->second;
    row.meta = change.meta_after;
    if (change.order_before != change.order_after) {
      const std::string back = backlink_key(change.target, row.covered, event.owner, event.field);
      const auto backlink = facts_.backlinks.find(back);
      if (backlink == facts_.backlinks.end())
        return does_not_fit(place_, "a link without its backlink");
      put(Family::backlinks, back, encode(BacklinkRow{change.order_after, backlink->second.since}));
      remove(Family::links, key);
      key = link_key(event.owner, event.field, change.order_after);
    }
    put(Family::links, std::move(key), encode(row));
    return {};
  }

  void put_owner(const LinksChanged& event, const StoredRecord& owner) {
    OwnerRow row = owner.row;
    row.version = sequence();
    row.updated = place_.time;
    FieldLinks& links = row.links[event.field];
    links.count += event.added.size();
    links.count -= event.removed.size();
    for (const Link& link : event.added) note_append(link.order, links);
    for (const LinkChange& change : event.changed) note_append(change.order_after, links);
    put(Family::records, record_key(event.owner), encode(row));
  }

  // The next append number stays above every number that was ever used.
  static void note_append(const OrderKey& order, FieldLinks& links) {
    if (const std::optional<std::uint64_t> number = append_number_of(order)) {
      links.next = std::max(links.next, *number + 1);
    }
  }

  const Schema& schema_;
  const Facts& facts_;
  const FoldPlace& place_;
  std::map<RecordRef, UseRow> uses_;
  RowChanges removals_, puts_;
};

}  // namespace

Result<RowChanges> rows_of(const Schema& schema, const Facts& facts, const Event& event,
                           const FoldPlace& place) {
  return Folder(schema, facts, place).fold(event);
}

}  // namespace emstore::store
