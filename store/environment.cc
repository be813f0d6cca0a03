#include "store/environment.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include "base/check.h"

namespace emstore::store {
namespace {

class SystemEnvironment final : public Environment {
 public:
  Time now() override {
    using std::chrono::microseconds;
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return Time{std::chrono::duration_cast<microseconds>(since_epoch).count()};
  }

  std::chrono::microseconds elapsed() override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
  }

  // The kernel is asked for a page at a time: every event takes a salt, and a call each would show.
  void random(std::span<std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      if (used_ == pool_.size()) refill();
      const std::size_t count = std::min(bytes.size(), pool_.size() - used_);
      const auto from = pool_.begin() + static_cast<std::ptrdiff_t>(used_);
      std::copy_n(from, count, bytes.begin());
      std::fill_n(from, count, std::uint8_t{0});
      used_ += count;
      bytes = bytes.subspan(count);
    }
  }

 private:
  void refill() {
    std::size_t filled = 0;
    while (filled < pool_.size()) {
      const ssize_t count = getrandom(pool_.data() + filled, pool_.size() - filled, 0);
      EMSTORE_CHECK(count > 0 || errno == EINTR);
      if (count > 0) filled += static_cast<std::size_t>(count);
    }
    used_ = 0;
  }

  std::array<std::uint8_t, 4096> pool_{};
  std::size_t used_ = pool_.size();
};

}  // namespace

std::unique_ptr<Environment> system_environment() { return std::make_unique<SystemEnvironment>(); }

}  // namespace emstore::store
