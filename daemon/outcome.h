// What became of a run that serves nobody, for programs: one line of JSON, in the words of
// `emstore --json`. Texts that are not UTF-8, as the names of folders may be, have U+FFFD for what
// is none.
#pragma once

#include <emstore/error.hpp>
#include <filesystem>
#include <string>

#include "daemon/import.h"

namespace emstore::daemon {

// {directory, sequence, media, root, state_digest, compared, collected, damaged: [address]}
std::string json_of(const ImportReport& made, const std::filesystem::path& directory);
// {error: {code, message, path?, hint?, retryable}}
std::string json_of(const Error& error);

}  // namespace emstore::daemon
