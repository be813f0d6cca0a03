#include "store/events.h"

namespace emstore::store {

EventKind kind_of(const Event& event) {
  return std::visit([](const auto& fact) { return std::decay_t<decltype(fact)>::kind; }, event);
}

}  // namespace emstore::store
