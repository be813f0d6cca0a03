// Rows ↔ bytes: keys and values of every index family, and the only file that knows them.
// docs/event-log.md is the grammar. Values are canonical MessagePack lists: field ids in order,
// shortest integers, every number as float64. Pure.
//
//   id        := 0x01 u64 | 0x02 uuid                 record := entity u32 | id       (big-endian)
//   records     record                                → [version, created, updated, fields | nil,
//   {field: [count, next]}] bodies      record                                → fields, when they
//   are over 512 bytes links       record | field u32 | order            → [target entity, target
//   id, meta, covered, cover | nil] backlinks   record | covered u8 | record | field  → [order,
//   sequence, event] uses        record                                → [count, slots, unused
//   since] blobs       address                               → [size, sha256, media, collected at,
//   unused since] unused      sequence u64 | 01 record or 02 address → [time]
//   values      index u32 | values | id               → nothing requests    uid u32 |
//   key                         → [sequence, digest]
//               (empty)                               → [sequence through which keys are forgotten,
//               zeros]
//   counters    entity u32                            → [next id, records]
//   deleted     record                                → [sequence, created]
//   unlinked    record | record | field u32           → [sequence]
//   schema      (empty)                               → [version, schema]
//
// A cover is [version, created, updated, fields] of the target: what `with` shows without a second
// look.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/address.h"
#include "base/result.h"
#include "base/types.h"
#include "store/field_values.h"
#include "store/order_key.h"

namespace emstore::store {

inline constexpr std::size_t kInlineFieldsBytesMax = 512;
inline constexpr std::size_t kCoverBytesMax = 512;
inline constexpr std::uint64_t kCoverSlotsMax = 64;

// ---- Keys ---------------------------------------------------------------------------------------
std::string record_key(const RecordRef& record);
std::size_t record_key_size(IdFormat format);
std::string entity_prefix(EntityId entity);
std::string link_key(const RecordRef& owner, FieldId field, std::string_view order);
std::string link_prefix(const RecordRef& owner, FieldId field);
std::string backlink_key(const RecordRef& target, bool covered, const RecordRef& owner,
                         FieldId field);
std::string backlink_prefix(const RecordRef& target, bool covered);
std::string request_key(std::uint32_t uid, std::string_view key);
std::string counter_key(EntityId entity);
std::string unlinked_key(const RecordRef& target, const RecordRef& owner, FieldId field);
std::string index_prefix(IndexId index);
inline std::string schema_key() { return {}; }
// In the order in which things fell out of use.
std::string unused_key(Sequence since, const RecordRef& media);
std::string unused_key(Sequence since, const Address& address);

// Keys taken apart again. Errors: corrupt_index.
Result<RecordRef> record_of_key(std::string_view key);
struct LinkKey {
  RecordRef owner;
  FieldId field{};
  OrderKey order;
};
Result<LinkKey> link_of_key(std::string_view key);
struct BacklinkKey {
  RecordRef target;
  bool covered = false;
  RecordRef owner;
  FieldId field{};
};
Result<BacklinkKey> backlink_of_key(std::string_view key);
struct UnusedKey {
  Sequence since = 0;
  std::variant<RecordRef, Address> what;
};
Result<UnusedKey> unused_of_key(std::string_view key);
// A record's id as keys hold it, and as it ends the key of an index.
void append_id(const RecordId& id, std::string& key);
Result<RecordId> id_at_end(std::string_view key, IdFormat format);

// ---- Values -------------------------------------------------------------------------------------
// The fields of a record, packed: a map of field id → stored value. Kept packed, because most
// readers copy it on or pick one value.
using PackedFields = std::string;
PackedFields pack_fields(const FieldValues& values);
Result<FieldValues> unpack_fields(std::string_view packed);
// One of them; null when it is not there.
Result<Value> value_in(std::string_view packed, FieldId field);

struct FieldLinks {
  std::uint64_t count = 0;
  std::uint64_t next = kFirstAppendNumber;  // The next append number; never falls.
  bool operator==(const FieldLinks&) const = default;
};

struct OwnerRow {
  Version version = 0;
  Time created, updated;
  std::optional<PackedFields> fields;   // Nothing: in Family::bodies.
  std::map<FieldId, FieldLinks> links;  // Only fields that ever had a link.
  bool operator==(const OwnerRow&) const = default;

  FieldLinks links_of(FieldId field) const;
};

struct LinkRow {
  RecordRef target;
  Value meta;
  bool covered = false;              // Holds a slot of the target.
  std::optional<std::string> cover;  // Packed; absent when it would be over kCoverBytesMax.
  bool operator==(const LinkRow&) const = default;
};

struct BacklinkRow {
  OrderKey order;
  EventPlace since;
  bool operator==(const BacklinkRow&) const = default;
};

struct UseRow {
  std::uint64_t count = 0;
  std::uint64_t slots = 0;
  Sequence unused_since = 0;  // The commit after which nothing linked it; 0 while something does.
  bool operator==(const UseRow&) const = default;
};

struct BlobRow {
  std::uint64_t size = 0;
  Sha256 sha256{};
  std::uint64_t media = 0;
  Sequence collected_at = 0;  // 0: the bytes are here.
  Sequence unused_since = 0;
  bool operator==(const BlobRow&) const = default;
};

// Media that nothing links, and bytes that no media has and that are not collected.
struct UnusedRow {
  Time since;  // Of the commit that the key names.
  bool operator==(const UnusedRow&) const = default;
};

struct RequestRow {
  Sequence sequence = 0;
  Sha256 digest{};
  bool operator==(const RequestRow&) const = default;
};

struct CounterRow {
  std::uint64_t next_id = 1;
  std::uint64_t records = 0;
  bool operator==(const CounterRow&) const = default;
};

// A record that is no more: the commit that deleted it, and when it was made.
struct DeletedRow {
  Sequence sequence = 0;
  Time created;
  bool operator==(const DeletedRow&) const = default;
};

// A link that was there once: the commit that removed it last. It may be there again.
struct UnlinkedRow {
  Sequence sequence = 0;
  bool operator==(const UnlinkedRow&) const = default;
};

struct SchemaRow {
  Sequence version = 0;
  Map schema;
};

std::string encode(const OwnerRow& row);
std::string encode(const LinkRow& row);
std::string encode(const BacklinkRow& row);
std::string encode(const UseRow& row);
std::string encode(const BlobRow& row);
std::string encode(const UnusedRow& row);
std::string encode(const RequestRow& row);
std::string encode(const CounterRow& row);
std::string encode(const DeletedRow& row);
std::string encode(const UnlinkedRow& row);
std::string encode(const SchemaRow& row);
// Errors: corrupt_index.
Result<OwnerRow> decode_owner(std::string_view bytes);
Result<LinkRow> decode_link(std::string_view bytes);
Result<BacklinkRow> decode_backlink(std::string_view bytes);
Result<UseRow> decode_use(std::string_view bytes);
Result<BlobRow> decode_blob(std::string_view bytes);
Result<UnusedRow> decode_unused(std::string_view bytes);
Result<RequestRow> decode_request(std::string_view bytes);
Result<CounterRow> decode_counter(std::string_view bytes);
Result<DeletedRow> decode_deleted(std::string_view bytes);
Result<UnlinkedRow> decode_unlinked(std::string_view bytes);
Result<SchemaRow> decode_schema(std::string_view bytes);

// The cover of a target, or nothing when it would be too large.
std::optional<std::string> cover_of(const OwnerRow& target);
// What a cover or an owner row says about a record, as views into it: for queries.
struct RecordView {
  Version version = 0;
  Time created, updated;
  std::string_view fields;  // Packed; empty: in Family::bodies.
  bool fields_elsewhere = false;
};
Result<RecordView> view_of_owner(std::string_view owner_row);
Result<RecordView> view_of_cover(std::string_view cover);
struct LinkView {
  RecordRef target;
  std::string_view meta;   // Packed value.
  std::string_view cover;  // Packed; empty when absent.
};
Result<LinkView> view_of_link(std::string_view link_row);

}  // namespace emstore::store
