// Cuts a stream of bytes into MessagePack values, each one message. Values follow each other bare,
// as MessagePack-RPC has it; nothing is parsed but their lengths. Limits are checked while a
// message is still arriving: a claim of 4 GiB is refused at its fifth byte. Threads: one at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace emstore::protocol {

class Cutter {
 public:
  Cutter(std::size_t bytes_max, std::size_t depth_max);

  // The place for the next bytes of the stream: at least `wanted` bytes. Fill some, then call
  // filled(). Memory follows the bytes that came, never those that a message claims; call next()
  // until it gives nothing before asking for more.
  std::span<char> space(std::size_t wanted);
  void filled(std::size_t count);

  // The next whole message, or nothing while it has not arrived entirely. The view is valid until
  // the next call of space(). The same messages come out however the stream was split. Errors:
  // malformed_message, message_too_large, depth_exceeded. The stream is then unusable: every
  // further call gives the same error.
  Result<std::optional<std::string_view>> next();

  // Whether, after next() gave nothing, part of a message waits for its rest.
  bool is_within_message() const;
  // How many values the message has that next() gave: lists, maps, names and all.
  std::size_t values() const { return values_; }

  // What the stream takes in memory. release() gives it back where no byte waits in it.
  std::size_t held_bytes() const { return buffer_.capacity(); }
  void release();

 private:
  Result<bool> scan();
  void take_short();
  Status take_head();
  Status refuse(ErrorCode code, std::string message);

  // buffer_: [0, begin_) given away, [begin_, scanned_) looked at, [scanned_, end_) arrived, then
  // room.
  std::string buffer_;
  std::size_t begin_ = 0, scanned_ = 0, end_ = 0;
  std::size_t bytes_max_, depth_max_;
  std::size_t values_ = 0;           // Of the message, so far.
  std::vector<std::uint64_t> open_;  // Values still missing in each open list or map.
  std::uint64_t missing_ = 0;        // The same in all: each will take a byte at least.
  std::uint64_t skip_ = 0;           // Bytes of a text or binary still to come.
  std::optional<Error> broken_;
};

}  // namespace emstore::protocol
