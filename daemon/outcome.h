// What became of a run that serves nobody. For programs: one line of JSON, in the words of
// `emstore --json`. What is no UTF-8 in a text, as in the name of a folder, shows as U+FFFD.
#pragma once

#include <cstddef>
#include <emstore/error.hpp>
#include <filesystem>
#include <string>

#include "daemon/import.h"

namespace emstore::daemon {

// {directory, sequence, media, root, state_digest, compared, collected, damaged: [address]}
std::string json_of(const ImportReport& made, const std::filesystem::path& directory);
// {error: {code, message, path?, hint?, retryable}}
std::string json_of(const Error& error);

// For people: a warning for each content that has no bytes, up to so many of them, how many more
// there are, and what to do. Empty when there is none.
inline constexpr std::size_t kDamagedNamedMax = 100;
std::string warnings_of(const ImportReport& made);

}  // namespace emstore::daemon
