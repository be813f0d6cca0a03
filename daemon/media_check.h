// The bytes of one content of media against what is recorded of it: where audit, scrub and backup
// meet.
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "blobs/file_store.h"
#include "store/row_bytes.h"
#include "store/store.h"

namespace emstore::daemon {

struct CheckedContent {
  std::uint64_t bytes = 0;  // That were read.
  // What is wrong: bytes that are not as recorded, are missing or cannot be read.
  std::optional<Error> fault;
};

// Re-hashes the bytes of an address, as of the view; nothing when they were collected meanwhile.
// Errors: cancelled, by `pace`.
Result<std::optional<CheckedContent>> check_content(
    const store::Store& store, const store::View& view, const blobs::FileStore& files,
    const Address& address, const store::BlobRow& row, const blobs::Pace& pace = {});

// Whether a commit has collected the bytes by now, perhaps since the view that somebody reads.
bool is_collected(const store::Store& store, const Address& address);
// Whether a failure to read bytes counts as damage to them: any one, that of a disk included, but
// for `busy`, which says something of the moment only.
inline bool is_of_bytes(const Error& error) { return error.code != ErrorCode::busy; }

}  // namespace emstore::daemon
