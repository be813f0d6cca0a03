#include "store/facts.h"

#include <utility>

#include "store/event_bytes.h"

namespace emstore::store {
namespace {

// Reads one row and decodes it; nothing when it is not there.
template <typename Decode>
auto read_row(const Reader& reader, Family family, std::string_view key, Decode decode)
    -> Result<std::optional<typename decltype(decode(std::string_view{}))::value_type>> {
  EMSTORE_TRY(const std::optional<std::string> bytes, reader.get(family, key));
  if (!bytes) return std::nullopt;
  auto row = decode(*bytes);
  if (!row) return failure(std::move(row).error());
  return *std::move(row);
}

// Gathers the facts of one event.
class FactsReader {
 public:
  explicit FactsReader(const Reader& reader) : reader_(reader) {}

  Result<Facts> read(const Event& event) {
    EMSTORE_CHECKED(std::visit([this](const auto& fact) { return read_for(fact); }, event));
    return std::move(facts_);
  }

 private:
  Status read_for(const RequestRecorded&) { return {}; }
  Status read_for(const SchemaApplied&) { return {}; }
  Status read_for(const RecordCreated& event) { return counter(event.record.entity); }
  Status read_for(const RecordUpdated& event) { return record(event.record); }

  Status read_for(const RecordDeleted& event) {
    EMSTORE_CHECKED(counter(event.record.entity));
    return record(event.record);
  }

  Status read_for(const MediaCreated& event) {
    EMSTORE_CHECKED(counter(event.record.entity));
    return blob(event.values);
  }

  Status read_for(const MediaUpdated& event) {
    EMSTORE_CHECKED(record(event.record));
    return covering(event.record);
  }

  Status read_for(const MediaDeleted& event) {
    EMSTORE_CHECKED(counter(event.record.entity));
    EMSTORE_CHECKED(record(event.record));
    EMSTORE_CHECKED(use(event.record));
    return blob(event.before);
  }

  Status read_for(const LinksChanged& event) {
    EMSTORE_CHECKED(record(event.owner));
    for (const Link& removed : event.removed) {
      EMSTORE_CHECKED(link(event, removed.order));
      EMSTORE_CHECKED(use(removed.target));
    }
    for (const Link& added : event.added) {
      if (!is_fresh(event, added.order)) EMSTORE_CHECKED(link(event, added.order));
      EMSTORE_CHECKED(record(added.target));
      EMSTORE_CHECKED(use(added.target));
    }
    for (const LinkChange& change : event.changed) {
      EMSTORE_CHECKED(link(event, change.order_before));
      EMSTORE_CHECKED(link(event, change.order_after));
      EMSTORE_CHECKED(backlink(event, change.target));
    }
    return {};
  }

  Status read_for(const BlobsCollected& event) {
    for (const Address& address : event.addresses) {
      EMSTORE_TRY(facts_.blobs[address], read_blob(reader_, address));
    }
    return {};
  }

  // The keys to forget stand in the first events of the commits to forget.
  Status read_for(const KeysExpired& event) {
    const KeyRange range{log_key(event.from), log_key(event.through + 1)};
    return reader_.try_scan(Family::log, range,
                            [&](std::string_view, std::string_view bytes) -> Result<bool> {
                              EMSTORE_CHECKED(request_of(bytes));
                              return true;
                            });
  }

  Status request_of(std::string_view commit_bytes) {
    EMSTORE_TRY(const HeaderView header, decode_header(commit_bytes));
    if (header.kinds.empty() || header.kinds.front() != RequestRecorded::kind.code) return {};
    EMSTORE_TRY(const Commit commit, decode(commit_bytes));
    const auto& request = std::get<RequestRecorded>(commit.events.front());
    if (!request.key.empty())
      facts_.requests.push_back(request_key(commit.info.peer.uid, request.key));
    return {};
  }

  Status record(const RecordRef& ref) {
    if (facts_.records.contains(ref)) return {};
    EMSTORE_TRY(std::optional<StoredRecord> found, read_record(reader_, ref));
    if (found) facts_.records.emplace(ref, *std::move(found));
    return {};
  }

  // Of media; nobody counts the links to other records.
  Status use(const RecordRef& ref) {
    if (ref.entity != kMediaEntity || facts_.uses.contains(ref)) return {};
    EMSTORE_TRY(facts_.uses[ref], read_use(reader_, ref));
    return {};
  }

  Status counter(EntityId entity) {
    EMSTORE_TRY(facts_.counters[entity], read_counter(reader_, entity));
    return {};
  }

  Status blob(const FieldValues& media) {
    const Value* value = media.find(kMediaBlob);
    const Binary* bytes = value == nullptr ? nullptr : value->if_binary();
    const std::optional<Address> address =
        bytes == nullptr ? std::nullopt : address_of_bytes(bytes->data);
    if (!address)
      return failure(ErrorCode::corrupt_log, "a media without the address of its bytes");
    EMSTORE_TRY(facts_.blobs[*address], read_blob(reader_, *address));
    return {};
  }

  Status link(const LinksChanged& event, const OrderKey& order) {
    EMSTORE_TRY(std::optional<LinkRow> row, read_link(reader_, event.owner, event.field, order));
    if (row) facts_.links.emplace(link_key(event.owner, event.field, order), *std::move(row));
    return {};
  }

  // Whether the place is one that no link can have: append numbers lie above all that were ever
  // used.
  bool is_fresh(const LinksChanged& event, const OrderKey& order) const {
    const auto owner = facts_.records.find(event.owner);
    const std::optional<std::uint64_t> number = append_number_of(order);
    return owner != facts_.records.end() && number &&
           *number >= owner->second.row.links_of(event.field).next;
  }

  Status backlink(const LinksChanged& event, const RecordRef& target) {
    EMSTORE_TRY(std::optional<FoundBacklink> found,
                read_backlink(reader_, target, event.owner, event.field));
    if (found) {
      facts_.backlinks.emplace(backlink_key(target, found->covered, event.owner, event.field),
                               std::move(found->row));
    }
    return {};
  }

  Status covering(const RecordRef& media) {
    std::vector<std::string> keys;
    EMSTORE_CHECKED(reader_.try_scan(
        Family::backlinks, range_of_prefix(backlink_prefix(media, /*covered=*/true)),
        [&](std::string_view key, std::string_view value) -> Result<bool> {
          EMSTORE_TRY(const BacklinkKey place, backlink_of_key(key));
          EMSTORE_TRY(const BacklinkRow row, decode_backlink(value));
          keys.push_back(link_key(place.owner, place.field, row.order));
          return true;
        }));
    for (std::string& key : keys) {
      EMSTORE_TRY(std::optional<LinkRow> row, read_row(reader_, Family::links, key, decode_link));
      if (!row)
        return failure(ErrorCode::corrupt_index, "a backlink leads to no link: " + to_hex(key));
      facts_.covering.push_back({std::move(key), *std::move(row)});
    }
    return {};
  }

  const Reader& reader_;
  Facts facts_;
};

}  // namespace

Result<std::optional<StoredRecord>> read_record(const Reader& reader, const RecordRef& record) {
  const std::string key = record_key(record);
  EMSTORE_TRY(std::optional<OwnerRow> row, read_row(reader, Family::records, key, decode_owner));
  if (!row) return std::nullopt;
  StoredRecord stored{*std::move(row), {}};
  if (stored.row.fields) return stored;
  EMSTORE_TRY(std::optional<std::string> body, reader.get(Family::bodies, key));
  if (!body) return failure(ErrorCode::corrupt_index, "a record without its body: " + to_hex(key));
  stored.body = *std::move(body);
  return stored;
}

Result<std::optional<LinkRow>> read_link(const Reader& reader, const RecordRef& owner,
                                         FieldId field, std::string_view order) {
  return read_row(reader, Family::links, link_key(owner, field, order), decode_link);
}

Result<std::optional<FoundBacklink>> read_backlink(const Reader& reader, const RecordRef& target,
                                                   const RecordRef& owner, FieldId field) {
  // How often a media is linked, and how often covered, tells which of the two there can be. Links
  // to other records are not counted and never covered.
  UseRow use{.count = 1};
  if (target.entity == kMediaEntity) {
    EMSTORE_TRY(use, read_use(reader, target));
  }
  for (const bool covered : {true, false}) {
    if ((covered ? use.slots : use.count - use.slots) == 0) continue;
    const std::string key = backlink_key(target, covered, owner, field);
    EMSTORE_TRY(std::optional<BacklinkRow> row,
                read_row(reader, Family::backlinks, key, decode_backlink));
    if (row) return FoundBacklink{covered, *std::move(row)};
  }
  return std::nullopt;
}

Result<UseRow> read_use(const Reader& reader, const RecordRef& record) {
  EMSTORE_TRY(const auto row, read_row(reader, Family::uses, record_key(record), decode_use));
  return row.value_or(UseRow{});
}

Result<CounterRow> read_counter(const Reader& reader, EntityId entity) {
  EMSTORE_TRY(const auto row,
              read_row(reader, Family::counters, counter_key(entity), decode_counter));
  return row.value_or(CounterRow{});
}

Result<std::optional<BlobRow>> read_blob(const Reader& reader, const Address& address) {
  return read_row(reader, Family::blobs, to_bytes(address), decode_blob);
}

Result<std::optional<Sequence>> read_commit_of(const Reader& reader, std::uint32_t uid,
                                               const RequestKey& key) {
  EMSTORE_TRY(const auto row,
              read_row(reader, Family::requests, request_key(uid, key.key), decode_request));
  if (!row) return std::nullopt;
  if (row->digest == key.digest) return row->sequence;
  return failure(
      ErrorCode::id_reused,
      "the key \"" + key.key + "\" named another request, commit " + std::to_string(row->sequence),
      "key");
}

Result<Facts> read_facts(const Reader& reader, const Event& event) {
  return FactsReader(reader).read(event);
}

}  // namespace emstore::store
