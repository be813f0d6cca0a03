// Sink: takes a value piece by piece, so that a result goes straight into the bytes of a reply and
// no tree is built on the way. Lists and maps say their size first, as MessagePack wants it.
#pragma once

#include <cstdint>
#include <string_view>

#include <emstore/value.hpp>

#include "base/result.h"

namespace emstore {

class Sink {
 public:
  virtual ~Sink() = default;

  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  virtual void integer(std::int64_t value) = 0;
  virtual void number(double value) = 0;
  virtual void text(std::string_view value) = 0;
  virtual void binary(std::string_view value) = 0;
  virtual void time(Time value) = 0;
  // Exactly `size` values follow. Who calls has seen to it that as many can follow: sinks may make
  // room.
  virtual void begin_list(std::size_t size) = 0;
  // Exactly `size` pairs of text() and a value follow.
  virtual void begin_map(std::size_t size) = 0;
  // One whole value that is packed already, canonical as pack.h writes it. Errors:
  // malformed_message, from sinks that take it apart.
  virtual Status packed(std::string_view bytes);
  // The next `count` pairs of a map that has been begun, packed likewise, one after the other.
  virtual Status members(std::string_view pairs, std::size_t count);
  // What has been written so far, in bytes or an estimate of them: for limits.
  virtual std::size_t bytes_written() const = 0;

  void value(const Value& value);  // Any Value, by the calls above.
};

// A sink that builds the tree after all. take() once, when the value is complete.
class ValueSink final : public Sink {
 public:
  ValueSink();
  ~ValueSink() override;
  void null() override;
  void boolean(bool value) override;
  void integer(std::int64_t value) override;
  void number(double value) override;
  void text(std::string_view value) override;
  void binary(std::string_view value) override;
  void time(Time value) override;
  void begin_list(std::size_t size) override;
  void begin_map(std::size_t size) override;
  std::size_t bytes_written() const override;
  Value take();

 private:
  struct Frame;
  void add(Value value);
  void close_full_frames();
  std::vector<Frame> open_;
  Value root_;
  std::size_t bytes_ = 0;
};

}  // namespace emstore
