// The names of media as they were, for whoever shows what was linked then.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "cli/session.h"

namespace emstore::cli {

class MediaNames {
 public:
  // Asks for the names as of a commit; of media that it deleted, right before it.
  static MediaNames of(Session& session, const std::set<std::int64_t>& ids, std::uint64_t as_of);

  // "media/5 front.png"
  std::string text(std::int64_t id) const;

 private:
  void ask(Session& session, const std::set<std::int64_t>& ids, std::uint64_t as_of);
  std::map<std::int64_t, std::string> names_;
};

}  // namespace emstore::cli
