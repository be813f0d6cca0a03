// A mutation with its names resolved: what is asked, in the terms of the schema. Pure: what is
// wrong with the request alone is found here; what depends on the state of the store is found by
// decide().
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/commands.h"
#include "store/field_values.h"
#include "store/references.h"
#include "store/relations.h"
#include "store/schema.h"
#include "store/violations.h"

namespace emstore::store {

// Of links that one mutation names or looks at: more could not fit one commit.
inline constexpr std::uint64_t kLinksMax = 25'000;
// Of media that one field's $create makes: each is a record, with bytes to compare.
inline constexpr std::uint64_t kCreationsMax = 1'000;

// Where an attached link goes among the others.
struct Place {
  enum class Kind : std::uint8_t { last, first, before, after } kind = Kind::last;
  RecordId anchor;  // before, after.
  bool operator==(const Place&) const = default;
};

// One item of $set, $attach or $detach.
struct LinkItem {
  RecordId target;
  std::optional<Place> place;
  std::optional<Value> meta;  // Null clears.
  std::string path;           // "gallery.$attach[1]"
};

// One item of $create, or an insert into media.
struct NewMedia {
  FieldValues values;  // Of the media entity, as far as the sender gives them.
  std::variant<std::size_t, Address>
      content;  // Which of the command's files, or bytes stored before.
  std::string path;
  RecordId id;  // Of one that is there by now (undertaking.h), made by $create.
};

struct Resolved;

// What is asked of one side of a relation, in the order in which it happens: $set, $detach,
// $attach, $create.
struct LinkRequest {
  const Field* field = nullptr;
  Side side;  // Of `field`.
  std::string path;
  std::optional<std::vector<LinkItem>> set;
  std::vector<LinkItem> detach, attach;
  std::vector<NewMedia> create;
  std::vector<Resolved> records;  // $create of other records: inserts of their own.
  std::vector<LinkItem> made;     // Those of them that are there by now (undertaking.h).
  std::uint8_t operators = 0;     // Those that stand in the request (events.h).
  bool refused = false;           // Something in it is wrong: not to be decided.

  RecordRef to(const RecordId& id) const { return {side.target->id, id}; }
};

struct Resolved {
  Verb verb = Verb::insert;
  const Entity* entity = nullptr;
  RecordId id;                     // update, remove, and check when it names a record.
  FieldValues values;              // insert: complete with defaults; update: what is to be changed.
  std::vector<LinkRequest> links;  // In the order of the document; of fields that hold links,
  std::vector<LinkRequest> references;  // of relations by the name of what they lead to,
  std::vector<LinkRequest> inverses;    // and of what leads to the record.
  std::optional<NewMedia> media;        // insert into media.
  std::optional<Version> expected;
  bool detach = false;
  bool takes_back = false;  // remove: of an undo (Command::planned_with).
  bool exists = true;       // check.
  std::string path;         // Of the record's part within its command; empty when that is all.
  bool is_item = false;  // That part is an item of $set, $attach or $detach: it names the record.
  // Enough is known to hold it against the store: what is wrong with it is not all that may be
  // said.
  bool decidable = true;

  RecordRef record() const { return {entity->id, id}; }
  // "gallery" within the mutation, for messages.
  std::string path_of(std::string_view name) const;
  std::string path_of_id() const;
};

// The part of a mutation that is about one record.
struct Part {
  std::string path;               // Within the command.
  const Map* document = nullptr;  // insert, update.
  std::optional<RecordId> id;     // Of a record that a choice found; else the mutation's own.
};
// Those of `mutation`, which stands at `path`. `found` are the records of its choice. An item of
// `documents` that is no map has no part.
std::vector<Part> parts_of(const Mutation& mutation, const std::string& path, const Entity& entity,
                           std::span<const RecordId> found);

// The entity that a mutation names; null when there is none, which is then said in `violations`.
const Entity* entity_of(const Schema& schema, const Mutation& mutation, const std::string& path,
                        Violations& violations);

// The schema outlives the result. Adds to `violations` whatever is wrong; without what is wrong,
// the result can still be decided where it says so, so that one answer names everything.
Resolved resolve(const Schema& schema, const Entity& entity, const Mutation& mutation,
                 const Part& part, const References& references, Violations& violations);

}  // namespace emstore::store
