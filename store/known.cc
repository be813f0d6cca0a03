#include "store/known.h"

#include <utility>

#include "store/field_rules.h"
#include "store/neighbours.h"
#include "store/relations.h"

namespace emstore::store {

void KnownLinks::add(Link link) {
  if (places.emplace(link.target, present.size()).second) present.push_back(std::move(link));
}

const Link* KnownLinks::find(const RecordRef& target) const {
  const auto place = places.find(target);
  return place == places.end() ? nullptr : &present[place->second];
}

namespace {

Result<MediaTraits> traits_of(std::string_view packed_fields) {
  EMSTORE_TRY(const Value type, value_in(packed_fields, kMediaType));
  EMSTORE_TRY(const Value size, value_in(packed_fields, kMediaSize));
  MediaTraits traits;
  if (type.if_text() != nullptr) traits.mime_type = *type.if_text();
  if (size.if_number() != nullptr) traits.bytes = static_cast<std::uint64_t>(*size.if_number());
  return traits;
}

Status check_links(std::uint64_t count, const std::string& what) {
  if (count <= kLinksMax) return {};
  return failure(ErrorCode::commit_too_large,
                 what + " has " + std::to_string(count) + " links; one request changes at most " +
                     std::to_string(kLinksMax),
                 {}, "detach some of them first, in several requests");
}

class KnownReader {
 public:
  KnownReader(const Reader& reader, const Schema& schema, const Resolved& resolved)
      : reader_(reader), schema_(schema), resolved_(resolved) {}

  Result<Known> read(std::vector<Content> contents) {
    known_.contents = std::move(contents);
    EMSTORE_TRY(known_.media_counter, read_counter(reader_, kMediaEntity));
    if (resolved_.verb == Verb::insert) {
      EMSTORE_TRY(known_.owner_counter, read_counter(reader_, resolved_.entity->id));
      if (resolved_.entity->ids == IdFormat::uuid) EMSTORE_CHECKED(greatest_id());
    } else {
      EMSTORE_CHECKED(owner());
      if (!known_.owner || resolved_.verb == Verb::check) return std::move(known_);
    }
    if (resolved_.verb == Verb::remove) {
      EMSTORE_CHECKED(removal());
    } else {
      EMSTORE_CHECKED(references(*resolved_.entity, resolved_.values));
      for (const LinkRequest& request : resolved_.links) EMSTORE_CHECKED(links(request));
    }
    return std::move(known_);
  }

 private:
  RecordRef ref() const { return {resolved_.entity->id, resolved_.id}; }

  Status owner() {
    EMSTORE_TRY(known_.owner, read_record(reader_, ref()));
    if (!known_.owner) return {};
    if (resolved_.verb != Verb::remove && resolved_.values.empty()) return {};
    EMSTORE_TRY(known_.values, unpack_fields(known_.owner->fields()));
    return {};
  }

  // ---- What values lead to ----

  Status references(const Entity& entity, const FieldValues& values) {
    for (const auto& [id, value] : values) {
      const Field* field = entity.field(id);
      if (field == nullptr || field->kind != FieldKind::relation) continue;
      const std::optional<RecordId> leads_to = reference_of(value);
      if (!leads_to) continue;
      const RecordRef target{target_of(schema_, *field).id, *leads_to};
      EMSTORE_TRY(const auto row, reader_.get(Family::records, record_key(target)));
      if (row) known_.referred.insert(target);
    }
    return {};
  }

  Status greatest_id() {
    const KeyRange all = range_of_prefix(entity_prefix(resolved_.entity->id));
    return reader_.try_scan(Family::records, all, Direction::backward,
                            [&](std::string_view key, std::string_view) -> Result<bool> {
                              EMSTORE_TRY(known_.greatest_id, id_at_end(key, IdFormat::uuid));
                              return false;
                            });
  }

  // ---- Links that a request touches ----

  Status links(const LinkRequest& request) {
    KnownLinks& field = known_.fields[request.field->id];
    if (known_.owner) field.links = known_.owner->row.links_of(request.field->id);
    const bool whole = request.set.has_value() || request.field->kind == FieldKind::medium;
    if (whole && known_.owner) EMSTORE_CHECKED(all_links(request.field->id, field));
    field.all = whole || !known_.owner;
    if (field.all) field.spans.push_back({});
    if (request.set) EMSTORE_CHECKED(named(*request.set, request, field));
    EMSTORE_CHECKED(named(request.detach, request, field));
    EMSTORE_CHECKED(named(request.attach, request, field));
    EMSTORE_CHECKED(named(request.made, request, field));
    for (const NewMedia& media : request.create) {
      EMSTORE_CHECKED(references(*request.side.target, media.values));
    }
    if (field.all) return {};
    EMSTORE_TRY(Neighbours neighbours, read_neighbours(reader_, ref(), request, field));
    for (Link& link : neighbours.links) field.add(std::move(link));
    field.spans = std::move(neighbours.spans);
    return {};
  }

  Status all_links(FieldId id, KnownLinks& field) {
    EMSTORE_CHECKED(
        check_links(field.links.count, resolved_.entity->name + "/" + to_string(resolved_.id)));
    return reader_.try_scan(Family::links, range_of_prefix(link_prefix(ref(), id)),
                            [&](std::string_view key, std::string_view value) -> Result<bool> {
                              EMSTORE_TRY(LinkKey place, link_of_key(key));
                              EMSTORE_TRY(LinkRow row, decode_link(value));
                              field.add({row.target, std::move(place.order), std::move(row.meta)});
                              return true;
                            });
  }

  Status named(const std::vector<LinkItem>& items, const LinkRequest& request, KnownLinks& field) {
    for (const LinkItem& item : items) {
      EMSTORE_CHECKED(target(request.to(item.target)));
      if (field.all) continue;
      EMSTORE_TRY(std::optional<Link> link,
                  read_link_to(reader_, ref(), request.field->id, request.to(item.target)));
      if (link) field.add(*std::move(link));
    }
    return {};
  }

  Status target(const RecordRef& target) {
    if (known_.targets.contains(target)) return {};
    EMSTORE_TRY(std::optional<StoredRecord> record, read_record(reader_, target));
    if (!record) return {};
    MediaTraits traits;
    if (target.entity == kMediaEntity) {
      EMSTORE_TRY(traits, traits_of(record->fields()));
    }
    known_.targets.emplace(target, KnownTarget{*std::move(record), std::move(traits), {}, {}});
    return {};
  }

  // ---- What goes with a record ----

  Status removal() {
    for (const auto& [id, links] : known_.owner->row.links) {
      if (links.count == 0) continue;
      KnownLinks& field = known_.fields[id];
      field.links = links;
      field.all = true;
      EMSTORE_CHECKED(all_links(id, field));
      const Field* declared = resolved_.entity->field(id);
      if (declared == nullptr || declared->on_delete != OnDelete::collect) continue;
      for (const Link& link : field.present) {
        EMSTORE_CHECKED(target(link.target));
        const auto media = known_.targets.find(link.target);
        if (media == known_.targets.end())
          return failure(ErrorCode::corrupt_index, "a link to no media");
        EMSTORE_TRY(media->second.use, read_use(reader_, link.target));
        EMSTORE_TRY(media->second.values, unpack_fields(media->second.record.fields()));
      }
    }
    return resolved_.entity->id == kMediaEntity ? uses() : Status{};
  }

  // Only a few of the uses are looked at when they all stand against the deletion.
  Status uses() {
    constexpr std::size_t kNamed = 5;
    EMSTORE_TRY(known_.use, read_use(reader_, ref()));
    if (resolved_.detach)
      EMSTORE_CHECKED(check_links(known_.use.count, "media " + to_string(resolved_.id)));
    const std::size_t wanted = resolved_.detach ? known_.use.count : kNamed;
    std::vector<std::pair<BacklinkKey, OrderKey>> found;
    for (const bool covered : {true, false}) {
      if (found.size() >= wanted) break;
      EMSTORE_CHECKED(
          reader_.try_scan(Family::backlinks, range_of_prefix(backlink_prefix(ref(), covered)),
                           [&](std::string_view key, std::string_view value) -> Result<bool> {
                             EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
                             EMSTORE_TRY(BacklinkRow row, decode_backlink(value));
                             found.emplace_back(place, std::move(row.order));
                             return found.size() < wanted;
                           }));
    }
    for (auto& [place, order] : found) EMSTORE_CHECKED(use(place, std::move(order)));
    return {};
  }

  Status use(const BacklinkKey& place, OrderKey order) {
    EMSTORE_TRY(const std::optional<StoredRecord> owner, read_record(reader_, place.owner));
    EMSTORE_TRY(std::optional<LinkRow> row, read_link(reader_, place.owner, place.field, order));
    if (!owner || !row) return failure(ErrorCode::corrupt_index, "a backlink leads to no link");
    known_.uses.push_back({place.owner,
                           place.field,
                           {ref(), std::move(order), std::move(row->meta)},
                           owner->row.version,
                           owner->row.links_of(place.field).count});
    return {};
  }

  const Reader& reader_;
  const Schema& schema_;
  const Resolved& resolved_;
  Known known_;
};

}  // namespace

Result<Known> read_known(const Reader& reader, const Schema& schema, const Resolved& resolved,
                         std::vector<Content> contents) {
  return KnownReader(reader, schema, resolved).read(std::move(contents));
}

}  // namespace emstore::store
