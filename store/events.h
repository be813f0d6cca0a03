// Events: the facts a commit records. One struct a kind, past participles; the table is the variant
// at the end. A kind is never reused, fields are only appended, an old event keeps its struct.
// Leaving out the fold of one (rows.cc) or its bytes (event_bytes.cc) does not compile;
// docs/event-log.md has a row for each, and a test holds that.
//
// Events carry all that a fold needs: whatever depends on clock, chance or counters is decided once
// and recorded here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/types.h"
#include "store/field_values.h"
#include "store/order_key.h"

namespace emstore::store {

struct EventKind {
  std::uint16_t code;     // On disk. Never change, never reuse.
  std::string_view name;  // On the wire, in documents, in the command line.
};

// The records that the choice of a mutation found, in the order in which they were changed.
struct FoundRecords {
  std::vector<RecordId> ids;
  bool more = false;  // Its limit left some out.
  bool operator==(const FoundRecords&) const = default;
};

// The first event of a commit whose request had a key, a reason or the like. Alone, it is a keyed
// request that changed nothing.
struct RequestRecorded {
  static constexpr EventKind kind{1, "request"};
  std::string key;                             // Empty: none.
  Sha256 digest{};                             // Zero without a key.
  std::string reason, correlation, causation;  // Empty: none.
  std::vector<std::uint64_t>
      counts;  // Of the events that follow, for each record that the command's mutations are about.
  std::vector<Version> versions;    // Of the record, for each: what an unchanged one answers.
  std::vector<FoundRecords> found;  // For each mutation that chooses its records.
  bool operator==(const RequestRecorded&) const = default;
};

struct SchemaApplied {
  static constexpr EventKind kind{2, "schema_applied"};
  Map schema;  // Canonical, whole (schema.h).
  bool operator==(const SchemaApplied&) const = default;
};

struct RecordCreated {
  static constexpr EventKind kind{3, "record_created"};
  RecordRef record;
  Version previous = 0;
  FieldValues values;
  bool operator==(const RecordCreated&) const = default;
};

// Changed fields only; null: had no value, or has none now.
struct RecordUpdated {
  static constexpr EventKind kind{4, "record_updated"};
  RecordRef record;
  Version previous = 0;
  FieldValues before, after;
  bool operator==(const RecordUpdated&) const = default;
};

struct RecordDeleted {
  static constexpr EventKind kind{5, "record_deleted"};
  RecordRef record;
  Version previous = 0;
  FieldValues before;
  bool operator==(const RecordDeleted&) const = default;
};

// One attachment: what, where among its neighbours, with what data of its own.
struct Link {
  RecordRef target;
  OrderKey order;
  Value meta;  // Null or a map.
  bool operator==(const Link&) const = default;
};

struct LinkChange {
  RecordRef target;
  OrderKey order_before, order_after;
  Value meta_before, meta_after;
  bool operator==(const LinkChange&) const = default;
};

// Which operators of a request led to a change of links.
enum Operators : std::uint8_t {
  kOperatorSet = 1,
  kOperatorDetach = 2,
  kOperatorAttach = 4,
  kOperatorCreate = 8,
  kOperatorDelete = 16,  // The owner or the target was deleted.
};

struct LinksChanged {
  static constexpr EventKind kind{6, "links_changed"};
  RecordRef owner;
  Version previous = 0;
  FieldId field{};
  std::uint8_t operators = 0;  // Operators, or-ed.
  std::vector<Link> removed;
  std::vector<Link> added;  // In the order in which they take slots (row_bytes.h).
  std::vector<LinkChange> changed;
  bool operator==(const LinksChanged&) const = default;
};

// As the record events, for the media entity: these count the use of bytes too. `values` holds
// blob, size and sha256 among the fields.
struct MediaCreated {
  static constexpr EventKind kind{7, "media_created"};
  RecordRef record;
  Version previous = 0;
  FieldValues values;
  bool operator==(const MediaCreated&) const = default;
};

struct MediaUpdated {
  static constexpr EventKind kind{8, "media_updated"};
  RecordRef record;
  Version previous = 0;
  FieldValues before, after;
  bool operator==(const MediaUpdated&) const = default;
};

struct MediaDeleted {
  static constexpr EventKind kind{9, "media_deleted"};
  RecordRef record;
  Version previous = 0;
  FieldValues before;
  bool operator==(const MediaDeleted&) const = default;
};

// The bytes at these addresses are gone, or about to go.
struct BlobsCollected {
  static constexpr EventKind kind{10, "blobs_collected"};
  std::vector<Address> addresses;
  bool operator==(const BlobsCollected&) const = default;
};

// Request keys of the commits `from` to `through` are forgotten.
struct KeysExpired {
  static constexpr EventKind kind{11, "keys_expired"};
  Sequence from = 0, through = 0;
  bool operator==(const KeysExpired&) const = default;
};

using Event = std::variant<RequestRecorded, SchemaApplied, RecordCreated, RecordUpdated,
                           RecordDeleted, LinksChanged, MediaCreated, MediaUpdated, MediaDeleted,
                           BlobsCollected, KeysExpired>;

EventKind kind_of(const Event& event);

}  // namespace emstore::store
