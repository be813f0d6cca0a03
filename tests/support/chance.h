// What tests that chance leads share: dice, how long and from which seed they run.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

namespace emstore::testing {

// The same numbers from the same seed with every library.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool in(std::uint64_t bound) { return below(bound) == 0; }  // Once in so many.
  template <typename List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }
  const char* one_of(std::initializer_list<const char*> list) {
    return *(list.begin() + below(list.size()));
  }

 private:
  std::mt19937_64 engine_;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise);
// SEED of the environment, or what every run has.
std::uint32_t seed_given();

}  // namespace emstore::testing
