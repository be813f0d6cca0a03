// Garbage: media that nothing links, bytes that no media has. Family::unused is the queue of both,
// in the order in which they fell out of use, so that collecting costs what there is to collect.
//
// The record of a media goes first, in an event; the bytes with the commit that says so. Small
// bytes are a row, which goes in the same batch. A file is removed after that commit is durable:
// until then its address stands in Family::meta, so that a crash only puts the removal off.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "store/commands.h"
#include "store/overlay.h"
#include "store/row_bytes.h"

namespace emstore::store {

struct Unused {
  std::string key;  // Of the row.
  UnusedKey what;
  Time since;
};
// What is unused since `through` or longer, from the row `from` on (empty: from the first); false
// from `visit` ends it.
Status each_unused(const Reader& reader, std::string_view from, Sequence through,
                   const std::function<Result<bool>(Unused unused)>& visit);
// Of a media of the queue: its bytes. Errors: corrupt_index.
Result<UnusedMedia> unused_media(const Reader& reader, const RecordRef& media, Sequence since);

// Whether nothing needs the bytes: they were collected, or never became media's, and nobody holds a
// lease on them, be it over or not.
Result<bool> is_abandoned(const Reader& reader, const Address& address);
// Removes the bytes, and what is known of their damage: of a row at once; a file is only put down
// as to be removed. Errors: corrupt_index, io_failed.
Status drop_bytes(Overlay& rows, const Address& address, Sequence since);
// All that are put down so, and taking one off the list, unless it came anew meanwhile.
Result<std::vector<FileRemoval>> files_to_remove(const Reader& reader);
Status forget_removal(Overlay& rows, const FileRemoval& file);

// What collecting would find now. `list` has the first `list_max` media.
struct Garbage {
  std::uint64_t media = 0, blobs = 0, bytes = 0, leased = 0;
  std::vector<UnusedMedia> list;
};
struct GarbageOptions {
  std::int64_t grace_micros = 0;
  std::size_t list_max = 1000;
};
Result<Garbage> find_garbage(const Reader& reader, Sequence through, Time now,
                             const GarbageOptions& options);

}  // namespace emstore::store
