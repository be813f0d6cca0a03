// The table of settings: one row each. Configuration files, environment, flags, --print-config and
// docs/operations.md all come from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/config.h"

namespace emstore::daemon {

struct Bytes {
  std::uint64_t* value;
  std::uint64_t least = 1;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};
struct Number {
  std::uint64_t* value;
  std::uint64_t least = 1;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
};
// A time that neither the clock nor the years of a Time run out with.
inline constexpr std::chrono::microseconds kLongest = std::chrono::hours(24 * 36'500);
struct Duration {
  std::chrono::microseconds* value;
  std::chrono::microseconds least{0};
  bool may_be_off = false;  // 0 is taken too.
  std::chrono::microseconds most = kLongest;
};
struct Mode {
  mode_t* value;
};
// Where a setting lies in a Config, and by that what kind it is.
using Place = std::variant<std::string*, std::filesystem::path*, Bytes, Number, Duration, Mode,
                           bool*, LogLevel*>;

struct Setting {
  std::string_view name;  // "section.key", or "key" at the top.
  Place (*place)(Config& config);
  std::string_view help;
};

std::span<const Setting> settings();

// Reads `text` into the setting. Errors: invalid_request that says what the setting takes.
Status assign(const Setting& setting, Config& config, std::string_view text);
// The value as assign() reads it.
std::string text_of(const Setting& setting, const Config& config);
// Whether values of the kind stand in quotes in a TOML file.
bool is_quoted(const Setting& setting);
// The variable that sets it: "EMSTORE_LIMITS_REQUEST".
std::string variable_of(const Setting& setting);

}  // namespace emstore::daemon
