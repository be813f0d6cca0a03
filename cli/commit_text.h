// Commits as people read them.
#pragma once

#include <emstore/value.hpp>

#include <cstdint>
#include <string>

namespace emstore::cli {

inline constexpr std::uint64_t kCommitsAPage = 500;  // Of the log, in one request.

// The events of a commit in a line. The request is left out, media made along are only counted. A
// request alone is a keyed one that changed nothing.
std::string events_text(const Map& commit);
// Of one that comes without its events.
std::string untold_text(const Map& commit);

}  // namespace emstore::cli
