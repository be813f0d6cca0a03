// The audit of a whole store: log, tree, head, indexes, the files of the database, and the bytes of
// media against both their digests.
//
// Threads: any; of the store it uses what any thread may.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "blobs/file_store.h"
#include "protocol/message.h"
#include "store/audit.h"

namespace emstore::daemon {

struct AuditWish {
  std::uint64_t slice = 1, slices = 1;  // Media: only those of slice 1 … slices.
  std::optional<store::NotedRoot> noted;
  store::FoldRoom room;
};
// Errors: out_of_range, wrong_type; with the option's name.
Result<AuditWish> audit_wish_of(const protocol::Audit& call, store::FoldRoom room);

// {whole, sequence, root, commits, events, blobs, blob_bytes, slice, slices, state_digest, damages,
// findings: [{part, place, message}]}. Errors: cancelled.
Result<Value> audit(const store::Store& store, const blobs::FileStore& files,
                    const std::filesystem::path& head, const AuditWish& wish,
                    const store::Progress& progress);

}  // namespace emstore::daemon
