#include "protocol/message.h"

#include <type_traits>

#include "protocol/methods.h"

namespace emstore::protocol {

std::string_view method_of(const Call& call) {
  return std::visit(
      [](const auto& one) { return Method<std::remove_cvref_t<decltype(one)>>::kName; }, call);
}

bool is_mutation(const Call& call) {
  return std::visit(
      [](const auto& one) { return MutationCall<std::remove_cvref_t<decltype(one)>>; }, call);
}

}  // namespace emstore::protocol
