// What decide() knows of the store: read through one Reader before anything is decided.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/contents.h"
#include "store/facts.h"
#include "store/resolved.h"

namespace emstore::store {

// Of order keys: those that lie between two others. An empty one is no bound.
struct KeySpan {
  OrderKey low, high;
};

// Links of one field of the owner, as far as the request touches them.
struct KnownLinks {
  FieldLinks links;           // Count and next append number.
  std::vector<Link> present;  // Those that the request names, and those next to places that it
                              // names; or all of them (`all`).
  std::map<RecordRef, std::size_t> places;  // Where a target stands in `present`.
  bool all = false;
  // One around each place that has no room for what the request puts there: every link within is
  // known, and with new keys all of them have room.
  std::vector<KeySpan> spans;

  void add(Link link);  // Once.
  const Link* find(const RecordRef& target) const;
};

// One place where a media that is to be deleted is linked.
struct KnownUse {
  RecordRef owner;
  FieldId field{};
  Link link;
  Version version = 0;      // Of the owner.
  std::uint64_t count = 0;  // Of links in that field.
};

// What a field may have rules about.
struct MediaTraits {
  std::string mime_type;
  std::uint64_t bytes = 0;
};

struct KnownTarget {
  StoredRecord record;
  MediaTraits traits;  // Of media.
  FieldValues values;  // Only where it may be deleted.
  UseRow use;
};

struct Known {
  std::optional<StoredRecord> owner;     // Not insert: nothing when there is no such record.
  std::optional<bool> found;             // check with a choice: whether it finds a record.
  FieldValues values;                    // Of the owner; none where an update names no field.
  std::map<FieldId, KnownLinks> fields;  // That the request touches; for remove, those with links.
  std::map<RecordRef, KnownTarget> targets;  // Named or linked records that exist.
  std::set<RecordRef> referred;   // Records that exist, of those that values would lead to.
  std::vector<Content> contents;  // Of new media, in the order of new_media_of().
  UseRow use;                     // Of a media that is to be deleted.
  std::vector<KnownUse> uses;     // All of them, or a few to name when they stand against it.
  CounterRow owner_counter, media_counter;
  std::optional<RecordId> greatest_id;  // Insert where ids are uuids: of the records there are.
  RecordId new_id;                      // Insert: given by the writer.
};

// Errors: commit_too_large when more than kLinksMax links would have to be looked at, and what the
// reader reports; what else the request gets wrong is decide()'s to say.
Result<Known> read_known(const Reader& reader, const Schema& schema, const Resolved& resolved,
                         std::vector<Content> contents);

}  // namespace emstore::store
