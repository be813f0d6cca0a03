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
#include "base/picture.h"
#include "base/result.h"
#include "base/types.h"

namespace emstore::store {

// A check changes nothing: it holds, or the whole command is refused.
enum class Verb : std::uint8_t { insert, update, remove, check };

// Records by what they are, not by their ids.
struct Choice {
  Map where;                           // As a query's.
  bool all = false;                    // An empty `where` is meant to be empty.
  Value order_by;                      // As a query's orderBy; null: by id.
  std::optional<std::uint64_t> limit;  // The first so many; the answer says whether there are more.
};

// What is asked of one record; of several new ones, each a map in `documents`; or of those that a
// `choice` finds, once the mutations before this one are done.
//
// Wherever an id may stand, `{"$ref": name}` names the record that an earlier mutation of the same
// command inserted under that name; `name[2]` the third of its documents.
struct Mutation {
  Verb verb = Verb::insert;
  std::string entity;
  Value id;      // update, remove, check.
  Map document;  // insert, update. An insert into media has `file`, `name`, `type` and media
                 // fields.
  std::optional<Version> expected;
  bool detach = false;                 // remove of a media: drop its links first.
  std::string name = {};               // insert.
  std::optional<List> documents = {};  // insert: instead of `document`.
  std::optional<Choice> choice = {};   // update, remove: instead of `id`; check: beside it.
  bool exists = true;                  // check: false: there must be no such record.
  std::string place = {};              // What errors call it; empty: by its number.
};

// The content of one `file: <bytes>` of a document, hashed and looked at off the writer's thread.
struct PreparedFile {
  std::string bytes;  // At most kSmallBlobBytesMax.
  ContentDigest digest;
  std::string mime_type;
  std::optional<PictureSize> picture = {};
};

struct RequestKey {
  std::string key;
  Sha256 digest{};  // Over method, target and body as sent.
};

// What helps an undo on which later commits stand.
inline constexpr std::string_view kLaterFirst =
    "take back the later commits first, the last of them first";

// A list of mutations: all of them or none, in one commit, in this order.
struct Command {
  std::vector<Mutation> mutations;
  bool is_transaction = false;      // Then paths begin with `operations[i]`, also of a single one.
  std::vector<PreparedFile> files;  // See prepare_files().
  std::optional<RequestKey> key;
  std::string reason, correlation, causation;
  bool dry_run = false;  // Says what would happen (CommitOutcome::plan), and does nothing.
  // Of an undo, which is planned beside the writer: the version of the schema whose names it uses.
  // It is refused when that is another one by now. What its removals delete goes together and
  // alone: media stay, nothing is taken along, and nothing that stays may lead there.
  std::optional<Sequence> planned_with = {};
};

// Takes the bytes out of the documents of `command` wherever a $create names a file (`{field:
// {$create: {file: <bytes>}}}`, one or a list, also within records that are created) or an insert
// into media does, and leaves the number of the file in `files` there instead: 8 big-endian bytes.
// No other bytes remain at these places, and nothing else is touched: what is no bytes is judged by
// resolve(). `prepare` hashes and sniffs. Errors: value_too_large for more bytes than fit inline;
// with the path.
Status prepare_files(Command& command,
                     const std::function<PreparedFile(std::string bytes)>& prepare);

// The place of a mutation within its command: "operations[2]", or empty when it is all there is;
// or its own `place`.
std::string path_of(const Command& command, std::size_t mutation);

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
  std::variant<std::string, Address> content;  // The small bytes, or where they lie already.
  std::int64_t micros = 0;                     // How long the lease lasts.
  bool existed = false;                        // The file was there before.
  bool mended = false;                         // It was damaged, or gone.
  bool compared = false;                       // Byte for byte: the file is whole.
  // The token under which the bytes came, remembered as long as the lease; empty: none.
  std::string token = {};
  std::optional<PictureSize> picture = {};
};

// Removes leases that are over, a slice at a time.
struct ExpireLeasesCommand {
  std::string from;  // Where the slice begins; empty: at the first lease.
};

// Collects what nothing uses, a slice at a time, in one commit: media that nothing links, then
// bytes that no media has and no lease holds.
struct CollectCommand {
  std::int64_t grace_micros = 0;  // Media that were made or linked less long ago stay.
  Sequence through = 0;           // What is unused since a later commit stays.
  std::string from = {};          // Where the slice begins; empty: at what is unused for longest.
};

// A file that is to be removed, since this commit.
struct FileRemoval {
  Address address;
  Sequence since = 0;
  bool operator==(const FileRemoval&) const = default;
};

// These files are gone: nobody has to remove them again.
struct RemovedCommand {
  std::vector<FileRemoval> files;
};

// Bytes that were found to be damaged: nobody is to be given them any more (damage.h). A file has
// been set aside by now.
struct SetAsideCommand {
  Address address;
  // When they had last been mended before they were looked at, as the row says; 0: never, or there
  // is damage that waits. What was mended since needs no setting aside.
  Time mended;
};

// Bytes of which damage is noted were found to be whole: it is mended, unless it is another damage
// than the one that was `found` then.
struct FoundWholeCommand {
  Address address;
  Time found;
};

// How far the scrub of media is.
struct ScrubState {
  Time started;
  Time finished;                // 0: it has not come to its end.
  std::optional<Address> last;  // That was looked at.
  std::uint64_t contents = 0, bytes = 0, damaged = 0;
  bool is_under_way() const { return finished.micros == 0; }
  bool operator==(const ScrubState&) const = default;
};
struct ScrubCommand {
  ScrubState state;
};

// Forgets request keys that are older than the window, in time or in commits, a slice at a time.
struct ExpireCommand {
  std::int64_t window_micros = 0;
  // Keys of earlier commits than the last so many are forgotten, once there is one of 64 to 4,096
  // commits before these; 0: no bound.
  std::uint64_t commits_max = 0;
};

struct Submission {
  Peer peer;
  std::variant<Command, SchemaCommand, LeaseCommand, ExpireCommand, ExpireLeasesCommand,
               CollectCommand, RemovedCommand, SetAsideCommand, FoundWholeCommand, ScrubCommand>
      work;
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

struct RecordOutcome {
  RecordId id;
  Version version = 0;  // Of the record, after; of a deleted record, the deleting commit.
  Map data;  // Insert: all fields; update: the changed ones; remove: none. As queries show them.
  std::vector<FieldOutcome> changes;
  bool operator==(const RecordOutcome&) const = default;
};

struct MutationOutcome {
  std::vector<RecordOutcome> records;  // One, or one a document, or those found; of a check none.
  bool has_more = false;               // The limit of a choice left some out.
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
  std::vector<MutationOutcome> mutations;   // One for each of the command.
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

struct ExpireLeasesOutcome {
  std::string next;  // Where the next slice begins; empty: that was the last one.
  std::size_t removed = 0;
};

// A media that nothing links, and the bytes it has.
struct UnusedMedia {
  RecordId id;
  Address address;
  std::uint64_t size = 0;
  Sequence since = 0;  // The commit after which nothing linked it.
  bool operator==(const UnusedMedia&) const = default;
};

struct CollectOutcome {
  Sequence sequence = 0;           // Of this commit; of the last one before, when nothing changed.
  std::vector<UnusedMedia> media;  // That were deleted.
  std::uint64_t blobs = 0, bytes = 0;  // That were collected.
  std::uint64_t row_bytes = 0;         // Of these bytes, what lay in rows.
  std::uint64_t leased = 0;            // Addresses that only a lease holds.
  std::string next;                    // Where the next slice begins; empty: that was the last one.
};

struct RemovedOutcome {};

struct SetAsideOutcome {
  bool is_damaged = false;  // Otherwise they are as recorded, or nothing needs them, by now.
};

struct FoundWholeOutcome {};

struct ScrubOutcome {};

using Outcome = Result<
    std::variant<CommitOutcome, SchemaOutcome, LeaseOutcome, ExpireOutcome, ExpireLeasesOutcome,
                 CollectOutcome, RemovedOutcome, SetAsideOutcome, FoundWholeOutcome, ScrubOutcome>>;

}  // namespace emstore::store
