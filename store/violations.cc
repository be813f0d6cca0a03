#include "store/violations.h"

namespace emstore::store {

void Violations::add(Error error) {
  std::vector<Error> parts = std::exchange(error.violations, {});
  if (parts.empty()) parts.push_back(std::move(error));
  for (Error& part : parts) {
    if (!full()) errors_.push_back(std::move(part));
  }
}

Error Violations::to_error() && {
  Error first = errors_.front();
  first.violations = std::move(errors_);
  return first;
}

Status Violations::to_status() && {
  if (errors_.empty()) return {};
  if (errors_.size() == 1) return failure(std::move(errors_.front()));
  return failure(std::move(*this).to_error());
}

}  // namespace emstore::store
