// The store: the log of commits, and what follows from it. The front of this folder.
//
// Threads: write() from one thread at a time, with groups in the order in which they were begun;
// commit(), begin_group(), work(), begin_rebuild(), adopt(), sync_head() and close() from one
// caller at a time, the writer, and all of these but begin_group() only when every group is
// written; everything else from any thread. What view() returns is immutable and may be kept: it
// reads the rows as of one commit.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/commands.h"
#include "store/environment.h"
#include "store/folder_lock.h"
#include "store/head.h"
#include "store/index_states.h"
#include "store/log_clock.h"
#include "store/reader.h"
#include "store/rocks.h"
#include "store/schema.h"

namespace emstore::store {

struct StoreLimits {
  std::size_t group_commits_max = 256;
  std::size_t group_bytes_max = 16u << 20;
  std::size_t commit_changes_max = 100'000;
  std::size_t commit_bytes_max = 16u << 20;
  std::size_t violations_max = 100;
  // Records that one command inserts, changes, deletes or checks; and those that it looks at to
  // find them.
  std::size_t mutations_max = 10'000;
  std::size_t examined_max = 100'000;
  // Of what a command about several records answers: a reply that is too large could not be sent.
  std::size_t answer_bytes_max = 16u << 20;
  std::size_t writer_cache_bytes = 32u << 20;  // Rows that commits read or changed last.
  // Rows that a rebuild of the indexes holds until it writes them, as one sorted table a family.
  std::size_t rebuild_bytes_max = std::size_t{256} << 20;
  std::uint64_t free_bytes_min = 0;  // On the disk, of which a rebuild leaves so much.
};

struct StoreOptions {
  std::filesystem::path directory;
  DatabaseOptions database;
  StoreLimits limits;
  bool sync_head_with_every_group = false;  // Otherwise the caller calls sync_head() now and then.
  // Told about long work while opening: what, how far (0 to 1).
  std::function<void(std::string_view what, double done)> progress = {};
  // Told, by the caller of commit() or write(), once bytes that were damaged or gone are there
  // again, durably.
  std::function<void(const Address& address)> mended = {};
  // Told, by any thread, of a clock that is behind the log (log_clock.h).
  LogClock::Behind clock_is_behind = {};
  UnsafeFileSystem unsafe_file_system = UnsafeFileSystem::refuse;
  // For tests: a store that acknowledges what is not synced must be caught. Never set elsewhere.
  Durability durability = Durability::synced;
};

// What a media folder and the store that it belongs to both have, so that no other store takes its
// files for its own: made by chance, once. It is placed when the folder is known to have it.
struct MediaMark {
  std::array<std::uint8_t, 16> id{};
  bool is_placed = false;
  bool operator==(const MediaMark&) const = default;
};

// What the log has come to with one commit.
struct LogState {
  Sequence sequence = 0;
  Time time;      // Of that commit.
  Sha256 root{};  // Of the log's tree.
  std::shared_ptr<const Schema> schema;
  std::shared_ptr<const IndexStates> indexes;
};

// The store as of one commit.
struct View : LogState {
  std::shared_ptr<const Reader> reader;
};

class PendingGroup;

class Store {
 public:
  // Opens the store in a folder, creating it where there is none; checks the log against the head
  // and makes index families that are missing or outdated anew. Errors: rolled_back, corrupt_log,
  // corrupt_index, unsupported_format, locked, disk_full, io_failed.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, Environment& environment);
  ~Store();

  // Carries out a group: one answer for each submission, in order. When it returns, every commit in
  // it is on disk, and refusals and no-ops rest on what is. Each commit is all or nothing; a
  // refused one leaves no trace. An error outcome_unknown means that the store takes no further
  // writes.
  std::vector<Outcome> commit(std::span<const Submission> group);

  // The same in two halves, for one who decides a group while the one before it is written. Begins
  // a group on top of the last one, which has ended; those before that have been through write().
  // It keeps to one schema: a SchemaCommand is for commit(). Destroy it before the store.
  std::shared_ptr<PendingGroup> begin_group();
  // Writes what a group has come to, once it has ended. Answers as commit() does. After a write
  // that failed nothing is written, of what was decided on top of it neither.
  std::vector<Outcome> write(PendingGroup& group);

  // One slice of background work (filling new indexes, merging small tables); false when there is
  // none.
  Result<bool> work();

  // A rebuild of every index beside the live ones (rebuild.h), and its end: folds the commits
  // since, and puts its rows in place of the live ones, whatever those are. Indexes that are not
  // ready start again from their first record. After an error nothing has changed, but for
  // outcome_unknown.
  Result<std::unique_ptr<class Rebuild>> begin_rebuild();
  Status adopt(std::unique_ptr<class Rebuild> rebuild);

  // Notes, durably, which media folder is the store's; no commit, and before the first group.
  // Errors: those of a write.
  Status note(const MediaMark& mark);

  // Makes the head durable. Cheap when nothing changed.
  Status sync_head();
  // Marks a stop in order; nothing is committed afterwards. Errors: outcome_unknown when a write
  // failed before.
  Status close();

  std::shared_ptr<const View> view() const;
  // What a commit would have for its time now: what ages are measured against.
  Time now() const;
  const StoreId& id() const;
  // Whether the run before this one ended with close(), or this one is the first.
  bool stopped_in_order() const;
  // False after close(), and once a write has failed: the log may then hold more than any view
  // says.
  bool takes_writes() const;
  const Database& database() const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  // Answers as many of them, from the first on, as one group holds; at least one.
  std::vector<Outcome> apply_schema(const Submission& submission);
  std::vector<Outcome> commit_group(std::span<const Submission> submissions);
  Status write_rows(PendingGroup& group);
  void settle();
  std::unique_ptr<State> state_;
};

}  // namespace emstore::store
