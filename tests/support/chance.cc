#include "tests/support/chance.h"

#include <cstdlib>

namespace emstore::testing {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint32_t seed_given() {
  constexpr std::uint64_t kUsual = 20'261'122;
  return static_cast<std::uint32_t>(number_from_environment("SEED", kUsual));
}

}  // namespace emstore::testing
