// The rows of a stopped daemon's store, for auditors and tests: one a line,
// `family<TAB>key<TAB>value` in hex, families and keys in order, the log and the bytes of small
// media included.
#pragma once

#include <cstdio>
#include <string_view>

#include "daemon/config.h"
#include "daemon/log.h"

namespace emstore::daemon {

// `family`: a name of store/family.h, or "all".
// Errors: invalid_request (no such family, no store there), locked (a daemon serves it), io_failed.
Status dump(const Config& config, std::string_view family, std::FILE* out, Log& log);

}  // namespace emstore::daemon
