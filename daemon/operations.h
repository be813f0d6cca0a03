// Calls that change records → mutations of the store. Each takes the call apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "protocol/message.h"
#include "store/commands.h"

namespace emstore::daemon {

Result<store::Mutation> mutation_of(protocol::InsertOne& call);
Result<store::Mutation> mutation_of(protocol::UpdateOne& call);
Result<store::Mutation> mutation_of(protocol::DeleteOne& call);
Result<store::Mutation> mutation_of(protocol::InsertMany& call);
Result<store::Mutation> mutation_of(protocol::UpdateWhere& call);
Result<store::Mutation> mutation_of(protocol::DeleteWhere& call);
// Errors: invalid_request when the file stands among the fields.
Result<store::Mutation> mutation_of(protocol::MediaUpload& call);
// Errors: invalid_request for a check that says nothing or contradicts itself.
Result<store::Mutation> mutation_of(protocol::Check& call);

// The operations of a transaction, in order. Errors: whatever is wrong with the form of each, all
// of it, with paths (`operations[2].updateOne[1]`).
Result<std::vector<store::Mutation>> mutations_of(const List& operations);

// What a mutation answers within its reply.
enum class AnswerForm : std::uint8_t {
  record,   // {id, version, data, changes}
  records,  // {data: [{id, …}]}
  found,    // {data: [{id, …}], hasMore}
  nothing,  // nil
};
AnswerForm form_of(const store::Mutation& mutation);

}  // namespace emstore::daemon
