// Opening the store of a configuration: its folder made, its settings handed on.
#pragma once

#include <memory>

#include "daemon/config.h"
#include "daemon/log.h"
#include "store/environment.h"
#include "store/store.h"

namespace emstore::daemon {

struct OpenedStore {
  std::unique_ptr<store::Environment> environment;
  std::unique_ptr<store::Store> store;
};

// Creates the data directory (0700) where it is missing. `log` outlives the store.
// Errors: invalid_request (no directory named), io_failed, and those of Store::open.
Result<OpenedStore> open_store(const Config& config, Log& log);

// Makes the folder and those above it, private to this user.
Status make_private_folder(const std::filesystem::path& folder);

}  // namespace emstore::daemon
