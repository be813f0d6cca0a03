// The limits of the wire. All configurable in the daemon; a client learns them from `hello`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emstore::protocol {

// The most that depth_max may be: values are read and destroyed by recursion.
inline constexpr std::size_t kDepthMost = 512;

struct Limits {
  std::size_t request_bytes_max = 8u << 20;  // One request, whole.
  std::size_t reply_bytes_max = 20u << 20;   // One reply or push: a commit fits whole.
  std::size_t chunk_bytes_max = 1u << 20;    // One blob.write or blob.read.
  std::size_t depth_max = 64;  // Lists and maps within each other, the message included.
};

}  // namespace emstore::protocol
