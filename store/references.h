// References: what `{"$ref": name}` stands for within one command. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "store/schema.h"

namespace emstore::store {

// The records that the mutations of a command inserted so far, by the names it gave them.
class References {
 public:
  // No records: the mutation was refused. Errors: duplicate_item for a name that is taken,
  // invalid_request for one that could not be told from a numbered one.
  Status add(const std::string& name, EntityId entity,
             std::optional<std::vector<RecordId>> records);
  // What is named by `{"$ref": text}`; nothing when its mutation was refused. Errors:
  // invalid_request for a name that there is not, wrong_type for a record of another entity.
  Result<std::optional<RecordId>> find(const Schema& schema, std::string_view text,
                                       EntityId entity) const;

 private:
  struct Named {
    EntityId entity{};
    std::optional<std::vector<RecordId>> records;
  };
  std::map<std::string, Named, std::less<>> names_;
};

}  // namespace emstore::store
