// What may be asked of the writer, and what it answers. Names are as the user wrote them: they are
// resolved against the schema in force when the command's turn comes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/types.h"

namespace emstore::store {

enum class Verb : std::uint8_t { insert, update, remove };

struct Mutation {
  Verb verb = Verb::insert;
  std::string entity;
  Value id;      // update, remove.
  Map document;  // insert, update. An insert into media has `file`, `name`, `type` and media
                 // fields.
  std::optional<Version> expected;
  bool detach = false;  // remove of a media: drop its links first.
};

// The content of one `file: <bytes>` of a document, hashed and looked at off the writer's thread.
struct PreparedFile {
  std::string bytes;  // At most kSmallBlobBytesMax.
  ContentDigest digest;
  std::string mime_type;
};

struct RequestKey {
  std::string key;
  Sha256 digest{};  // Over method, target and body as sent.
};

// A list of mutations: all of them or none, in one commit.
struct Command {
  std::vector<Mutation> mutations;
  std::vector<PreparedFile> files;  // See prepare_files().
  std::optional<RequestKey> key;
  std::string reason, correlation, causation;
  bool dry_run = false;  // Says what would happen (CommitOutcome::plan), and does nothing.
};

// Takes the bytes out of `document` wherever a $create names a file (`{field: {$create: {file:
// <bytes>}}}`, one or a list, also within records that are created) or, with `is_media`, where the
// document itself does, and leaves the number of the file in `files` there instead: 8 big-endian
// bytes. No other bytes remain at these places, and nothing else is touched: what is no bytes is
// judged by resolve(). `prepare` hashes and sniffs. Errors: value_too_large for more bytes than fit
// inline; with the path.
Status prepare_files(Map& document, bool is_media, std::vector<PreparedFile>& files,
                     const std::function<PreparedFile(std::string bytes)>& prepare);

// Changes the schema; a group of its own.
struct SchemaCommand {
  Map schema;
  bool dry_run = false;
  bool allow_destructive = false;
  std::optional<RequestKey> key;
  std::string reason, correlation, causation;
  // How far the data that the change drops is emptied: the key of the last record looked at. Kept
  // by Store::commit.
  std::string emptied = {};
};

// Gives `uid` the right to name these bytes in a $create until the lease ends. Small bytes are
// stored with it; large ones lie in their file already.
struct LeaseCommand {
  std::uint32_t uid = 0;
  ContentDigest digest;
  std::string mime_type;
  std::variant<std::string, Address> content;  // The small bytes, or where the file lies.
  std::int64_t micros = 0;                     // How long the lease lasts.
};

// Forgets request keys that are older than the window, in time or in commits, a slice at a time.
struct ExpireCommand {
  std::int64_t window_micros = 0;
  std::uint64_t commits_max =
      0;  // Keys of earlier commits than the last so many are forgotten; 0: no bound.
};

struct Submission {
  Peer peer;
  std::variant<Command, SchemaCommand, LeaseCommand, ExpireCommand> work;
};

// ---- Answers ------------------------------------------------------------------------------------

// What a mutation did to one link field.
struct FieldOutcome {
  std::string field;
  std::vector<RecordId> added, removed, moved;
  std::vector<RecordId> already;  // Asked to attach, was there: nothing happened.
  std::vector<RecordId> missing;  // Asked to detach, was not there: nothing happened.
  bool operator==(const FieldOutcome&) const = default;
};

struct MutationOutcome {
  RecordId id;
  Version version = 0;  // Of the record, after; of a deleted record, the deleting commit.
  Map data;  // Insert: all fields; update: the changed ones; remove: none. As queries show them.
  std::vector<FieldOutcome> changes;
  bool operator==(const MutationOutcome&) const = default;
};

// What a commit does to one record.
struct Effect {
  enum class Kind : std::uint8_t { created, updated, deleted } kind = Kind::updated;
  std::string entity;
  RecordId id;
  std::vector<std::string> fields;  // updated: those that change, links included.
  bool operator==(const Effect&) const = default;
};

struct CommitOutcome {
  Sequence sequence = 0;  // Of this commit; of the last one before, when nothing changed.
  bool replayed = false;  // The request was carried out before; this is its answer.
  std::vector<MutationOutcome> mutations;
  std::optional<std::vector<Effect>> plan;  // Of a dry run.
};

struct SchemaOutcome {
  Sequence sequence = 0;
  Sequence version = 0;
  bool changed = false;
  bool replayed = false;
  std::vector<std::string> difference;
  // What was dropped is not emptied yet: the same command is to be carried out again, from here on.
  std::optional<std::string> emptied = {};
};

struct LeaseOutcome {
  Address address;
  bool existed = false;  // The bytes were stored before.
  Time expires;
};

struct ExpireOutcome {
  bool more = false;  // Another slice waits.
};

using Outcome = Result<std::variant<CommitOutcome, SchemaOutcome, LeaseOutcome, ExpireOutcome>>;

}  // namespace emstore::store
