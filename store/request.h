// What the log keeps of a request beside its facts.
#pragma once

#include "store/commands.h"
#include "store/events.h"

namespace emstore::store {

// Whether its commit begins with a `request`.
template <typename Asked>
bool is_recorded(const Asked& command) {
  return command.key || !command.reason.empty() || !command.correlation.empty() ||
         !command.causation.empty();
}

template <typename Asked>
RequestRecorded request_of(const Asked& command) {
  RequestRecorded request;
  if (command.key) {
    request.key = command.key->key;
    request.digest = command.key->digest;
  }
  request.reason = command.reason;
  request.correlation = command.correlation;
  request.causation = command.causation;
  return request;
}

}  // namespace emstore::store
