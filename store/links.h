// Links as queries see them: what a field of an owner leads to, and where a media is used.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/budget.h"
#include "store/hits.h"
#include "store/query.h"
#include "store/reader.h"

namespace emstore::store {

// What a `with` starts from: a record, and what the field of a relation holds there.
struct Origin {
  RecordRef record;
  std::optional<RecordId> value;  // When the `with` follows it.
};
// `cells` hold the record. Errors: corrupt_index.
Result<Origin> origin_of(const RecordRef& record, const With& with, const Cells& cells);

// The targets that `with` wants, in its order, cut to its offset and limit: what the links of the
// record lead to, what its value leads to, or what leads to it, by id. One look at the links or
// backlinks; targets without a cover are read together. Errors: result_too_large, corrupt_index,
// io_failed.
Result<Hits> linked(const Reader& reader, const With& with, const Origin& origin, Budget& budget);

// One use of a media.
struct Use {
  RecordRef owner;
  FieldId field{};
  OrderKey order;
  EventPlace since;
};

// Every use of `target`, the oldest first. Errors: result_too_large, corrupt_index, io_failed.
Result<std::vector<Use>> uses_of(const Reader& reader, const RecordRef& target, Budget& budget);

// `reference: [{entity, field, entity_id, position, meta}]`.
Status write_uses(const Reader& reader, const Schema& schema, const With& with,
                  const RecordRef& target, Budget& budget, Sink& sink);

// The field and its entity by their ids. Errors: corrupt_index when the schema does not have them.
struct OwnerField {
  const Entity* entity = nullptr;
  const Field* field = nullptr;
};
Result<OwnerField> owner_field(const Schema& schema, const Use& use);

}  // namespace emstore::store
