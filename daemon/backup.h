// Backup: exports that follow each other, in one folder, with large media beside them as files.
//
//   <folder>/<from>-<to>.emstore    commits `from` to `to` (20 digits each), and small media
//   <folder>/media/ab/abcd….128     large media, by their addresses
//   <folder>/latest                 [store id, sequence, root, state digest] of the last stream;
//                                   from the first moment on, with no state until there is one.
//                                   Behind that, if there are any: the contents that are missing
//   <folder>/…new                   what is being written, or what an interrupted one has left
//
// One call takes log and media as of one commit, while commits go on; the next one adds what is
// new. It is what an import proves commit by commit, and needs no database to be read.
//
// Bytes that are damaged stop nothing: what they are of is left out and noted, and each call tries
// again.
//
// Threads: any, one call for a folder at a time.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "blobs/file_store.h"
#include "daemon/import.h"
#include "store/store.h"
#include "store/verify.h"

namespace emstore::daemon {

// {directory, sequence, root, state_digest, commits, media, media_bytes}: what is in it, and how
// much of it is new; damaged and damaged_contents (export.h) when something is left out. Errors:
// invalid_request (no absolute path; another store's; another history), corrupt_log (a commit that
// is not what was recorded: the backup is then as before), disk_full, io_failed, cancelled.
Result<Value> backup(const store::Store& store, const blobs::FileStore& files,
                     const std::filesystem::path& folder, const store::Progress& progress);

// A store made of the backup in `folder`, compared with what that says of it. Errors: as of
// import_store; invalid_request (no backup there).
Result<ImportReport> restore(const Config& config, const std::filesystem::path& folder, Log& log);

}  // namespace emstore::daemon
