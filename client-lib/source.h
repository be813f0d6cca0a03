// Where the bytes of an upload come from: a regular file, or memory.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <variant>

#include <emstore/document.hpp>

#include "base/result.h"

namespace emstore {

class Source {
 public:
  // `file` outlives the source. Errors: invalid_request, which says why the file cannot be read.
  static Result<Source> open(const File& file);
  Source(Source&& other) noexcept;
  Source& operator=(Source&& other) noexcept;
  ~Source();

  std::uint64_t size() const { return size_; }
  // Of a file; -1 of memory.
  int descriptor() const { return descriptor_; }
  // Exactly `length` bytes from `offset` on, which lie within the size; in `room`, whose memory is
  // used again. Errors: source_changed.
  Result<std::string> piece(std::uint64_t offset, std::uint64_t length,
                            std::string room = {}) const;
  // Whether it is as it was when it was opened. Errors: source_changed.
  Status check_unchanged() const;

 private:
  Source() = default;
  int descriptor_ = -1;
  const std::string* memory_ = nullptr;  // Or the descriptor.
  std::string path_;
  std::uint64_t size_ = 0;
  timespec modified_{};
};

}  // namespace emstore
