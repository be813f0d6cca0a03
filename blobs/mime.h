// What content is, by its first bytes: the only door to libmagic.
// Threads: one Sniffer a thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace emstore::blobs {

inline constexpr std::size_t kSniffBytesMax = 65'536;

class Sniffer {
 public:
  // Errors: io_failed when there is no list of file types, or none that knows the usual ones.
  static Result<Sniffer> open();
  Sniffer(Sniffer&&) noexcept;
  Sniffer& operator=(Sniffer&&) noexcept;
  ~Sniffer();

  // "image/png"; "application/octet-stream" when the content says nothing. At most kSniffBytesMax
  // bytes are looked at.
  std::string mime_type(std::string_view first_bytes) const;

 private:
  struct State;
  explicit Sniffer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace emstore::blobs
