// The limits of the wire. All configurable in the daemon; a client learns them from `hello`.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emstore::protocol {

struct Limits {
  std::size_t request_bytes_max = 8u << 20;  // One request, whole.
  std::size_t reply_bytes_max = 20u << 20;   // One reply or push: a commit fits whole.
  std::size_t chunk_bytes_max = 1u << 20;    // One blob.write or blob.read.
  std::size_t depth_max = 64;          // Lists and maps within each other, the message included.
  std::size_t values_max = 1'000'000;  // Of one request: a value of one byte takes tens in memory.
};

}  // namespace emstore::protocol
