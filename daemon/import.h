// Import: a store made of exported streams (export.h), one or several that follow each other, by a
// program that serves nobody. The store that comes of it is opened, folded and compared with what
// the stream says of it.
//
// Threads: one.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/hash.h"
#include "base/result.h"
#include "daemon/config.h"
#include "daemon/log.h"

namespace emstore::daemon {

// Where a stream comes from: the next bytes of it, 0 at its end.
using Source = std::function<Result<std::size_t>(std::span<char>)>;

// A descriptor that is open for reading; `name` is for messages.
Source source_of(int descriptor, std::string name);
// A file, which is open from its first byte to its last.
Source source_of(const std::filesystem::path& path);

struct ImportReport {
  Sequence sequence = 0;
  Sha256 root{};
  Sha256 state_digest{};
  std::uint64_t blobs = 0;
  bool is_compared = false;  // The stream says what the state is; an export `until` does not.
  // Contents of the store that no bytes came of: damaged where the stream was made or in the
  // backup, or collected after the commit at which the stream ends.
  std::vector<Address> damaged = {};
  std::uint64_t collected = 0;
};

// Into the data directory of `config`, which must be empty or not there. `beside`: the folder of a
// backup with the files that the streams leave out; what of its media is damaged or gone is left
// out then, and told. Errors: corrupt_log with
// the commit's sequence, corrupt_blob with the address, corrupt_index when the state is another,
// disk_full, io_failed; what is there then is no store.
Result<ImportReport> import_store(const Config& config, const std::vector<Source>& streams,
                                  const std::optional<std::filesystem::path>& beside, Log& log);

}  // namespace emstore::daemon
