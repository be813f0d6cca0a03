// What happens between a folder and a running store: the checks, and the repair of what can be
// derived.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "store/environment.h"
#include "store/folder_lock.h"
#include "store/merkle.h"
#include "store/store.h"

namespace emstore::store {

// Makes the folder if it is missing, refuses file systems on which nothing can be promised, locks
// it.
Result<FolderLock> prepare_folder(const std::filesystem::path& folder, UnsafeFileSystem unsafe);

// The id of the store, made when the store is. A head without its database, or the other way round,
// is rolled_back.
Result<StoreId> identify(Database& database, const Head& head, Environment& environment);

// The row that holds it: for a store that is made of a log.
RowChange store_id_row(const StoreId& id);

// The head of a store that is being made of a log: it records what is not there, so that nobody
// takes half a store for one. Errors of the second: invalid_request when a head is such.
HeadState head_of_unfinished(const StoreId& id);
Status refuse_unfinished(const Head& head, const std::filesystem::path& folder);

// The media folder that belongs to the store, by a mark that lies in it (daemon/media_mark.h).
Result<std::optional<MediaMark>> read_media_mark(const Reader& reader);
RowChange media_mark_row(const MediaMark& mark);

// Folds the log again for index families that are missing or outdated, and puts them in place;
// holds `memory_max` bytes of rows at a time.
Status rebuild_outdated(Database& database, std::size_t memory_max,
                        const std::function<void(std::string_view what, double done)>& progress);

struct Opened {
  View view;
  Tree tree;
};
// The state as the rows have it. Errors: corrupt_index when tree and log do not end at the same
// commit.
Result<Opened> read_state(const Database& database);

// The root that the tree had at a commit. Errors: corrupt_log, corrupt_index.
Result<Sha256> root_of(const Reader& reader, Sequence sequence);

// Holds the log against what was acknowledged. Errors: rolled_back.
Status check_head(const Head& head, const StoreId& id, const Opened& opened);

// The rows of the store in a folder: opened, told whose they are, and held against the head. Index
// families that are missing, outdated, or lie in damaged tables are made of the log again. Errors:
// as Store::open().
struct StoredRows {
  std::unique_ptr<Database> database;
  StoreId id{};
  Opened opened;
};
Result<StoredRows> open_rows(const StoreOptions& options, const Head& head,
                             Environment& environment);

}  // namespace emstore::store
