// The commands, one function each; one file a group. Each returns the exit code, and throws Failure
// or UsageError.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"

namespace emstore::cli {

// schema_commands.cc
struct SchemaApplyWords {
  std::string file;  // JSON; "-" is standard input.
  bool dry_run = false;
  bool allow_destructive = false;
};
int apply_schema(Session& session, const SchemaApplyWords& words);
// How a schema is shown: as tables, or as what makes it again.
enum class SchemaForm { tables, typescript, cpp };
int show_schema(Session& session, SchemaForm form);

// mutation_commands.cc
// What is recorded with a commit.
struct RequestWords {
  std::string key, reason, correlation, causation;
};
struct MutationWords {
  std::string entity, id;
  std::vector<std::string> assignments;
  RequestWords request;
  std::optional<std::uint64_t> expected;
  bool detach = false;
  bool dry_run = false;
  std::string from;                // insert: a JSON file; "-" is standard input.
  std::vector<std::string> where;  // update, delete: instead of the id.
  bool all = false;
  std::optional<std::uint64_t> limit;
};
int insert_record(Session& session, const MutationWords& words);
int update_record(Session& session, const MutationWords& words);
int delete_record(Session& session, const MutationWords& words);
// Takes back what a commit did.
struct UndoWords {
  std::uint64_t sequence = 0;
  RequestWords request;
};
int undo(Session& session, const UndoWords& words);
// The operations in a JSON file, all or none; `request` is its own.
int carry_out_transaction(Session& session, const MutationWords& words);

enum class LinkVerb { attach, detach, set };
struct LinkWords {
  std::string entity, id, field;
  std::vector<std::string> media;  // Ids; @file uploads.
  RequestWords request;
};
int change_links(Session& session, LinkVerb verb, const LinkWords& words);

// find_command.cc
struct FindWords {
  std::string entity, id;
  std::vector<std::string> where, with;
  std::string order_by, select;
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  std::string cursor;
  std::string as_of;  // A sequence, or a time.
  bool count = false, exists = false, explain = false;
};
int find_records(Session& session, const FindWords& words);

// media_commands.cc
struct MediaPutWords {
  std::vector<std::string> files, assignments;
};
int put_media(Session& session, const MediaPutWords& words);
struct MediaGetWords {
  std::string id_or_address, output;
};
int get_media(Session& session, const MediaGetWords& words);
int have_media(Session& session, const std::vector<std::string>& addresses);
int list_media(Session& session, std::optional<std::uint64_t> limit, std::uint64_t offset);
int show_media(Session& session, const std::string& id);

// import_command.cc
struct ImportWords {
  std::string from_bknd;      // A database file.
  std::string uploads = ".";  // The folder of its files.
  std::string schema;         // A JSON file; empty: as the database has it.
  bool skip_missing = false;
  bool dry_run = false;
};
int import_store(Session& session, const ImportWords& words);

// log_command.cc
struct LogWords {
  std::string what;  // ENTITY or ENTITY/ID; empty: everything.
  std::uint64_t from = 1;
  std::optional<std::uint64_t> to, limit, uid;
  std::string since, until, field, media;
  std::vector<std::string> operators;
  bool reverse = false;
  bool full = false;   // Each commit as `show` does.
  bool graph = false;  // A lane for each record.
};
int show_log(Session& session, const LogWords& words);

// watch_command.cc
struct WatchWords {
  std::string what;  // ENTITY or ENTITY/ID; empty: everything.
  std::string field;
  std::vector<std::string> operators;
  std::optional<std::uint64_t> from, limit;
  bool once = false;  // Ends when all there is has been shown.
};
int watch(Session& session, const WatchWords& words);

// commit_command.cc
int show_commit(Session& session, std::uint64_t sequence);
void print_commit(Session& session, const Map& commit);  // For people.
// diff_command.cc
struct DiffWords {
  std::uint64_t from = 0, to = 0;  // Commits; 0: before the first one.
  std::string entity, id;          // Only of these; empty: of all. The name at either commit.
};
int show_difference(Session& session, const DiffWords& words);

// store_commands.cc
struct AuditWords {
  std::uint64_t slice = 1, slices = 1;
  std::optional<std::uint64_t> at;
  std::string root;
};
int audit(Session& session, const AuditWords& words);
int scrub(Session& session);
struct ExportWords {
  std::optional<std::uint64_t> until;
};
int export_store(Session& session, const ExportWords& words);
struct StoreWords {
  std::string into, backup;
  std::optional<std::uint64_t> until;
};
// These become emstored, which makes the store.
int take_export(Session& session, const StoreWords& words);
int restore(Session& session, const StoreWords& words);
int replay(Session& session, const StoreWords& words);
int backup(Session& session, const std::string& directory);

// daemon_commands.cc
int show_status(Session& session);
int ping(Session& session);
int verify(Session& session);
int rebuild(Session& session);
struct GcWords {
  bool dry_run = false;
  std::optional<std::uint64_t> grace;  // Seconds.
};
int collect_garbage(Session& session, const GcWords& words);
struct CallWords {
  std::string method;
  std::vector<std::string> params;
};
int call(Session& session, const CallWords& words);

}  // namespace emstore::cli
