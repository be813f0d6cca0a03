#include "store/schemas_of_then.h"

#include <utility>

#include "store/log.h"

namespace emstore::store {
namespace {

constexpr std::size_t kSchemasKept = 8;

}  // namespace

Result<std::shared_ptr<const Schema>> SchemasOfThen::before(const View& view,
                                                            const CommitInfo& commit) {
  if (commit.schema == view.schema->version) return view.schema;
  {
    const std::lock_guard lock(guard_);
    const auto known = schemas_.find(commit.schema);
    if (known != schemas_.end()) return known->second;
  }
  EMSTORE_TRY(Schema read, schema_before(*view.reader, commit));
  auto schema = std::make_shared<const Schema>(std::move(read));
  const std::lock_guard lock(guard_);
  if (schemas_.size() >= kSchemasKept) schemas_.clear();
  schemas_.emplace(commit.schema, schema);
  return schema;
}

}  // namespace emstore::store
