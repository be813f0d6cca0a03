// An open file, which closes itself, and what the system says when there is none.
#pragma once

#include <unistd.h>

#include <string>
#include <system_error>
#include <utility>

namespace emstore {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// "No such file or directory"
inline std::string errno_text(int number) { return std::generic_category().message(number); }

}  // namespace emstore
