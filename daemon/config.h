// The daemon's configuration: every limit and every choice, its default, and where its value came
// from.
//
// Order, the last wins: defaults, /etc/emstore/emstore.toml, $XDG_CONFIG_HOME/emstore/emstore.toml
// (or the file of --config), environment (EMSTORE_LIMITS_REQUEST=4MiB), flags (--set
// limits.request=4MiB). docs/operations.md lists all keys; a test holds it against settings().
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "blobs/uploads.h"
#include "daemon/log.h"
#include "daemon/quota.h"
#include "daemon/sessions.h"
#include "daemon/socket_file.h"
#include "store/query.h"
#include "store/spill.h"
#include "store/store.h"

namespace emstore::daemon {

// Each has a list of file types of its own, and a stack.
inline constexpr std::uint64_t kMediaThreadsMost = 256;

struct Config {
  std::filesystem::path data;
  std::filesystem::path media;  // Empty: <data>/media.
  SocketOptions socket;  // Path empty: $XDG_RUNTIME_DIR/emstore/sock, without that <data>/sock.

  SessionLimits session;
  ConnectionLimits connections;
  std::chrono::microseconds after_deadline{30'000'000};  // How long `after` waits for its commit.
  std::chrono::microseconds drain_deadline{
      10'000'000};  // How long a stop waits for what is in flight.
  std::size_t writer_waiting_max = 16'384;
  std::size_t writer_waiting_bytes_max = 64u << 20;
  std::size_t pool_waiting_max = 4'096;  // Of media work, and of scans.
  std::size_t exports_max = 4;           // That are being fetched.
  std::size_t subscriptions_max = 16;    // Of one connection.
  std::size_t feed_buffer_max = 256u << 10;
  std::size_t feed_lag_max = 1'000;  // Commits.

  store::StoreLimits store;
  store::QueryLimits query;
  std::size_t verify_bytes_max = std::size_t{256} << 20;
  store::DatabaseOptions database;
  bool sync_head_with_every_group = false;
  bool allow_memory = false;  // A data directory in memory: gone with the machine.
  std::chrono::microseconds head_interval{50'000};
  std::chrono::microseconds key_window{std::chrono::hours(24 * 7)};
  std::uint64_t keys_max = 1'000'000;
  std::chrono::microseconds key_expiry_interval{60'000'000};

  std::uint64_t blob_bytes_max = 5ull << 30;
  std::size_t uploads_per_uid_max = 256;
  QuotaLimits quota;
  std::size_t have_contents_max = 1'000;      // Of one blob.have.
  std::uint64_t free_bytes_min = 256u << 20;  // On the disks of data and media.
  std::chrono::microseconds upload_idle{std::chrono::hours(1)};
  std::chrono::microseconds lease{std::chrono::hours(24)};
  std::chrono::microseconds gc_grace{std::chrono::hours(24)};
  std::uint64_t scrub_rate = 64u << 20;              // Bytes a second.
  std::chrono::microseconds scrub_every{0};          // 0: only when it is asked for.
  std::chrono::microseconds scrub_look{60'000'000};  // How often it is looked whether one is due.

  std::size_t media_threads = 2;
  std::chrono::microseconds spin{0};
  LogLevel log_level = LogLevel::info;

  // Of what is kept free, the part that deletions and the merging of tables leave, too: what is
  // written last still has to fit.
  std::uint64_t free_bytes_last() const { return free_bytes_min / 4; }
  std::filesystem::path media_folder() const { return media.empty() ? data / "media" : media; }
  store::FoldRoom fold_room() const {
    return {store::fold_folder(data), verify_bytes_max, free_bytes_min};
  }
};

using Environment = std::map<std::string, std::string, std::less<>>;

// The settings by name, with the value they have and where it came from. For --print-config.
struct SettingShown {
  std::string name;    // "limits.request"
  std::string value;   // As it would stand in a file: "8MiB"
  std::string origin;  // "default", "/etc/emstore/emstore.toml:12", "EMSTORE_DATA", "--data"
  std::string help;
};

struct Configuration {
  Config config;
  std::vector<SettingShown> shown;
};

// What flags say about settings: name, value, and the flag itself.
struct Override {
  std::string name;
  std::string value;
  std::string origin;
};

struct ConfigSources {
  std::vector<std::filesystem::path> optional_files;  // Read where they exist.
  std::optional<std::filesystem::path> file;          // Must exist.
  Environment environment;
  std::vector<Override> overrides;
};

// Errors: invalid_request with the file's line and column, the variable or the flag, and a
// suggestion for unknown names; io_failed for a file that cannot be read.
Result<Configuration> read_config(const ConfigSources& sources);

// Checks that fit no single setting, and fills in the socket's path.
Status complete(Config& config, const Environment& environment);

// The files that are read when --config names none.
std::vector<std::filesystem::path> usual_config_files(const Environment& environment);

// Text ↔ value, as in files: "8MiB", "10s". Nothing when the text is none.
std::optional<std::uint64_t> bytes_of(std::string_view text);
std::optional<std::chrono::microseconds> duration_of(std::string_view text);
std::string bytes_text(std::uint64_t bytes);
std::string duration_text(std::chrono::microseconds duration);

}  // namespace emstore::daemon
