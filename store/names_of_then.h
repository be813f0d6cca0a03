// NamesOfThen: what entities and fields were called under the schemas of the log, for those who ask
// the log about what was dropped or renamed since. The last that was called so is meant. The
// schemas are read when somebody first asks for a name that is gone, each of them once.
//
// Threads: any.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/types.h"
#include "store/schema.h"
#include "store/store.h"

namespace emstore::store {

class NamesOfThen {
 public:
  // Nothing: no schema of the view's log has the name. Views are of one store. Errors: corrupt_log.
  Result<std::optional<EntityId>> entity(const View& view, const std::string& name);
  Result<std::optional<FieldId>> field(const View& view, EntityId entity, const std::string& name);

 private:
  struct Names {
    std::map<std::string, EntityId> entities;
    std::map<std::pair<EntityId, std::string>, FieldId> fields;
  };

  Status learn(const View& view);

  std::mutex guard_;
  Names names_;
  Sequence learnt_ = 0;  // The last schema that was read.
};

}  // namespace emstore::store
