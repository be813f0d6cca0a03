// The schemas that commits were made under, for those who show them: names and kinds of fields are
// those of then. They never change, so those that were asked for last are kept, a few of them.
//
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "store/event_bytes.h"
#include "store/schema.h"
#include "store/store.h"

namespace emstore::store {

class SchemasOfThen {
 public:
  // The schema in force before a commit of the view's log; views are of one store. Errors:
  // corrupt_log.
  Result<std::shared_ptr<const Schema>> before(const View& view, const CommitInfo& commit);

 private:
  std::mutex guard_;
  std::map<Sequence, std::shared_ptr<const Schema>> schemas_;  // By the commits that applied them.
};

}  // namespace emstore::store
