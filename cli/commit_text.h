// Commits as people read them.
#pragma once

#include <emstore/value.hpp>

#include <string>

namespace emstore::cli {

// The events of a commit in a line. The request is left out, media made along are only counted. A
// request alone is a keyed one that changed nothing.
std::string events_text(const Map& commit);

}  // namespace emstore::cli
