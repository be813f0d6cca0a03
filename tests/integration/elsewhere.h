// Another place for the store of a running daemon: exports, and what is made of them or of backups.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "daemon/import.h"
#include "stores.h"

namespace emstore::testing {

// The stream of an export; `told` is what the daemon says of it.
std::string exported(const RunningDaemon& running, std::optional<std::uint64_t> until = {},
                     Map* told = nullptr);

// Where nothing is yet.
class Elsewhere {
 public:
  Elsewhere() : config_(small_config(folder_.path())) {}
  Result<daemon::ImportReport> take(std::string_view stream);
  Result<daemon::ImportReport> restore(const std::filesystem::path& backup);
  const daemon::Config& config() const { return config_; }
  Proof proof() const { return proof_of(config_); }
  // The files of media, with their bytes' digests.
  std::map<std::string, Sha256> media() const;

 private:
  TemporaryFolder folder_;
  daemon::Config config_;
};

}  // namespace emstore::testing
