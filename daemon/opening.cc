#include "daemon/opening.h"

#include <sys/stat.h>

#include <chrono>
#include <string>
#include <system_error>
#include <utility>

namespace emstore::daemon {
namespace {

// Long work while opening, a line every few seconds.
std::function<void(std::string_view, double)> progress_log(Log& log) {
  constexpr std::chrono::seconds kPause{2};
  return [&log, kPause, next = std::chrono::steady_clock::now() + kPause](std::string_view what,
                                                                          double done) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now < next && done < 1) return;
    next = now + kPause;
    log.info("opening", {{"work", what}, {"percent", static_cast<int>(done * 100)}});
  };
}

}  // namespace

Status make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::is_directory(folder, error)) return {};
  std::filesystem::create_directories(folder, error);
  if (!error) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  if (!error) return {};
  return failure(ErrorCode::io_failed,
                 "cannot create the directory " + folder.string() + ": " + error.message(), "",
                 "create it for this user, or name another one");
}

Result<OpenedStore> open_store(const Config& config, Log& log) {
  if (config.data.empty()) {
    return failure(ErrorCode::invalid_request, "no data directory is named", "data",
                   "name one: emstored --data DIR");
  }
  EMSTORE_CHECKED(make_private_folder(config.data));
  auto environment = store::system_environment();
  store::StoreOptions options;
  options.directory = config.data;
  options.database = config.database;
  options.database.free_bytes_min = config.free_bytes_last();
  options.database.log = [&log](std::string_view line) { log.debug("rocksdb", {{"line", line}}); };
  options.database.on_background_error = [&log](const Error& error) {
    log.error("background_error", error);
  };
  options.database.on_torn_end = [&log](const store::TornEnd& end) {
    log.warning("torn_end_dropped",
                {{"file", end.file.string()}, {"from", end.offset}, {"bytes", end.bytes}});
  };
  options.database.on_damaged_index = [&log](const store::DamagedTable& table) {
    log.warning("damaged_index_dropped", {{"file", table.file.string()},
                                          {"family", store::name_of(table.family)},
                                          {"found", table.error.message}});
  };
  options.limits = config.store;
  options.limits.free_bytes_min = config.free_bytes_min;
  options.sync_head_with_every_group = config.sync_head_with_every_group;
  options.unsafe_file_system =
      config.allow_memory ? store::UnsafeFileSystem::allow : store::UnsafeFileSystem::refuse;
  options.progress = progress_log(log);
  options.mended = [&log](const Address& address) {
    log.warning("mended", {{"blob", to_string(address)}});
  };
  options.clock_is_behind = [&log](std::chrono::microseconds behind) {
    log.warning("clock_behind",
                {{"seconds", std::chrono::duration_cast<std::chrono::seconds>(behind).count()}});
  };
  EMSTORE_TRY(std::unique_ptr<store::Store> store, store::Store::open(options, *environment));
  return OpenedStore{std::move(environment), std::move(store)};
}

}  // namespace emstore::daemon
