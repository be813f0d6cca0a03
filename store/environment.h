// What of the outside world the store needs: time and chance. Decided once, recorded in events.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "base/types.h"

namespace emstore::store {

class Environment {
 public:
  virtual ~Environment() = default;
  virtual Time now() = 0;
  // How long it is since some moment. Nobody sets it: it tells how much time passes.
  virtual std::chrono::microseconds elapsed() = 0;
  virtual void random(std::span<std::uint8_t> bytes) = 0;
};

// The system's clock and getrandom(2).
std::unique_ptr<Environment> system_environment();

}  // namespace emstore::store
