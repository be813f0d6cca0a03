// The command line of emstored.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/config.h"

namespace emstore::daemon {

struct Flags {
  bool help = false;
  bool version = false;
  bool print_config = false;
  std::optional<std::string> dump;     // A family, or "all".
  bool import = false;                 // From standard input.
  std::optional<std::string> restore;  // The folder of a backup.
  bool json = false;                   // What became of either, for programs.
  std::optional<std::string> config_file;
  std::vector<Override> overrides;
};

// `arguments` without the program's name. Both `--data DIR` and `--data=DIR`.
// Errors: invalid_request, with a suggestion for an unknown flag; for two flags of which each asks
// for something else than to serve; for --json without what it tells.
Result<Flags> read_flags(std::span<const std::string_view> arguments);

std::string_view usage();

}  // namespace emstore::daemon
