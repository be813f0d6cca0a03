// Facts: exactly the rows one event may touch, read before anything is computed from them. All I/O
// of a fold is here; rows_of() has none.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/commands.h"
#include "store/events.h"
#include "store/reader.h"
#include "store/row_bytes.h"
#include "store/schema.h"

namespace emstore::store {

// A record as stored: its owner row, and its fields wherever they lie.
struct StoredRecord {
  OwnerRow row;
  PackedFields body;  // The fields that do not lie in the row.
  bool fields_elsewhere() const { return !row.fields; }
  const PackedFields& fields() const { return row.fields ? *row.fields : body; }
};

// Nothing when there is no such record. Errors: corrupt_index, and what the reader reports.
Result<std::optional<StoredRecord>> read_record(const Reader& reader, const RecordRef& record);
Result<std::optional<LinkRow>> read_link(const Reader& reader, const RecordRef& owner,
                                         FieldId field, std::string_view order);
// Where `target` is linked from `field` of `owner`, or nothing.
struct FoundBacklink {
  bool covered = false;
  BacklinkRow row;
};
Result<std::optional<FoundBacklink>> read_backlink(const Reader& reader, const RecordRef& target,
                                                   const RecordRef& owner, FieldId field);
Result<UseRow> read_use(const Reader& reader, const RecordRef& record);
Result<CounterRow> read_counter(const Reader& reader, EntityId entity);
Result<std::optional<BlobRow>> read_blob(const Reader& reader, const Address& address);
// The commit that answered this request of `uid` before; nothing for a new key. Errors: id_reused,
// where the key named another request.
Result<std::optional<Sequence>> read_commit_of(const Reader& reader, std::uint32_t uid,
                                               const RequestKey& key);

// A link that shows fields of a record, and must change with them.
struct CoveringLink {
  std::string key;
  LinkRow row;
};

struct Facts {
  std::map<RecordRef, StoredRecord> records;     // Absent: there is none.
  std::map<std::string, LinkRow> links;          // By key: at every place the event touches.
  std::map<std::string, BacklinkRow> backlinks;  // By key: those the event changes.
  std::map<RecordRef, UseRow> uses;
  std::map<Address, std::optional<BlobRow>> blobs;
  std::map<EntityId, CounterRow> counters;
  std::vector<CoveringLink> covering;  // Of an updated media.
  std::vector<std::string> requests;   // Keys of the request rows that expire.
};

// Reads them through `reader`, which shows the state before the event: snapshot, group and the
// events of the same commit before it. Errors: corrupt_index and what the reader reports.
Result<Facts> read_facts(const Reader& reader, const Event& event);

}  // namespace emstore::store
