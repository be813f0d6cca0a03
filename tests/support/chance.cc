#include "tests/support/chance.h"

#include <cstdlib>
#include <system_error>

namespace emstore::testing {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

std::uint32_t seed_given() {
  constexpr std::uint64_t kUsual = 20'261'122;
  return static_cast<std::uint32_t>(number_from_environment("SEED", kUsual));
}

std::filesystem::path scratch_folder() {
  std::error_code ignored;
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::is_directory(memory, ignored) ? memory
                                                        : std::filesystem::temp_directory_path();
}

}  // namespace emstore::testing
