// What of the outside world the store needs: time and chance. Decided once, recorded in events.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/types.h"

namespace emstore::store {

class Environment {
 public:
  virtual ~Environment() = default;
  virtual Time now() = 0;
  virtual void random(std::span<std::uint8_t> bytes) = 0;
};

// The system's clock and getrandom(2).
std::unique_ptr<Environment> system_environment();

}  // namespace emstore::store
