// MessagePack, for stored bytes and for the wire: the only door to msgpack-cxx.
//
// What is written is canonical: the shortest form of every integer and length, `number` always as
// float64, Time as timestamp extension (-1). Names of maps keep the order they are given in.
// Format: https://github.com/msgpack/msgpack/blob/master/spec.md
// Threads: everything here may be called from any thread; a writer from one thread at a time.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/pack_head.h"
#include "base/result.h"
#include "base/sink.h"

namespace emstore::pack {

// Appends to a string that outlives it. Texts and binaries are shorter than 4 GiB.
class Writer final : public Sink {
 public:
  explicit Writer(std::string& out) : out_(out), start_(out.size()) {}

  void null() override;
  void boolean(bool value) override;
  void integer(std::int64_t value) override;
  void number(double value) override;
  void text(std::string_view value) override;
  void binary(std::string_view value) override;
  void time(Time value) override;
  void begin_list(std::size_t size) override;
  void begin_map(std::size_t size) override;
  Status packed(std::string_view bytes) override {
    out_.append(bytes);
    return {};
  }
  std::size_t bytes_written() const override { return out_.size() - start_; }

  void unsigned_integer(std::uint64_t value);
  // Bytes that are one complete MessagePack value already.
  void raw(std::string_view packed) { out_.append(packed); }

 private:
  std::string& out_;
  std::size_t start_;
};

std::string to_bytes(const Value& value);

struct Limits {
  std::size_t depth_max = 64;         // Lists and maps within each other.
  std::size_t bytes_max = 32u << 20;  // Of the whole input.
  // Values in all, lists and maps and what they hold. A value of one byte takes 40 in memory, so
  // who reads from strangers sets this below `bytes_max`.
  std::size_t values_max = std::numeric_limits<std::size_t>::max();
};

// The one value that `bytes` hold, and nothing after it. Names of maps are texts and unique, texts
// are UTF-8, integers fit std::int64_t, numbers are finite, times lie in the calendar and are whole
// microseconds; -0.0 becomes 0.0. Memory stays proportional to the input whatever lengths it
// claims. Errors: malformed_message (what, and at which byte), depth_exceeded, message_too_large.
Result<Value> read(std::string_view bytes, const Limits& limits = {});

// Reads typed pieces one after the other, in place: texts and binaries are views into the input.
// Each call fails with malformed_message when the next piece is another; the cursor is then
// unusable. text(), raw() and copy_to() are for bytes that were read() once: they leave UTF-8 and
// the uniqueness of names unchecked. What value() gives is checked like read().
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : all_(bytes) {}

  Result<std::uint64_t> unsigned_integer();
  Result<std::int64_t> integer();
  Result<bool> boolean();
  Result<std::string_view> text();
  Result<std::string_view> binary();
  Result<std::size_t> begin_list();  // The number of values that follow: no more than bytes do.
  Result<std::size_t> begin_map();   // The number of pairs that follow.
  // Takes a null when it is next; false and untouched otherwise.
  bool take_null();
  Result<Value> value(const Limits& limits = {});
  // The bytes of the next value, whatever it is, without reading into it.
  Result<std::string_view> raw();
  // Hands the next value to `sink`, piece by piece. Kinds as read() gives them, and its depth.
  Status copy_to(Sink& sink);
  // What comes next; `unused` at the end and within a cut head.
  Shape next_shape() const { return head().value_or(Head{}).shape; }
  // All that has not been read, unread.
  std::string_view take_rest() { return take(bytes_left()); }
  bool at_end() const { return at_ == all_.size(); }
  std::string_view rest() const { return all_.substr(at_); }
  std::size_t offset() const { return at_; }  // From the first byte of the input.

 private:
  class Walker;
  class Tree;

  // The byte at the cursor, or 0xC1, which begins nothing, at the end.
  unsigned next() const {
    return at_ < all_.size() ? static_cast<unsigned char>(all_[at_]) : 0xC1U;
  }
  std::size_t bytes_left() const { return all_.size() - at_; }
  std::optional<Head> head() const;
  std::string_view take(std::size_t size);
  std::string_view take_body(const Head& head);
  bool is_body_there(const Head& head) const;
  Result<std::string_view> bytes_of(Shape shape, const char* wanted);
  Result<std::size_t> begin(Shape shape, const char* wanted, std::size_t values_each);
  Status scalar_to(Sink& sink, const Head& head);
  std::size_t short_length() const;
  std::optional<std::string_view> short_ascii();
  Result<double> number_of(double number) const;
  Result<Time> time_of(const Head& head) const;
  Status check_room(const Head& head, std::uint64_t owed) const;
  // Why what `wanted` names cannot be taken here.
  tl::unexpected<Error> refusal(std::string_view wanted) const;
  tl::unexpected<Error> too_few_bytes(const Head& head) const;
  tl::unexpected<Error> too_deep(const Limits& limits) const;

  std::string_view all_;
  std::size_t at_ = 0;
};

// The usual short forms are read in place; all others in pack_cursor.cc.
inline Result<std::string_view> Cursor::text() {
  const unsigned first = next();
  const std::size_t size = first & 0x1FU;
  if ((first & 0xE0U) != 0xA0U || bytes_left() <= size) return bytes_of(Shape::text, "a text");
  ++at_;
  return take(size);
}

// The next piece when it is a text of less than 32 bytes, all of them ASCII; else nothing is taken.
inline std::optional<std::string_view> Cursor::short_ascii() {
  const unsigned first = next();
  const std::size_t size = first & 0x1FU;
  if ((first & 0xE0U) != 0xA0U || bytes_left() <= size) return std::nullopt;
  const std::string_view text = all_.substr(at_ + 1, size);
  unsigned char all_bits = 0;
  for (const char letter : text) all_bits |= static_cast<unsigned char>(letter);
  if (all_bits >= 0x80) return std::nullopt;
  at_ += 1 + size;
  return text;
}

inline Result<std::size_t> Cursor::begin_list() {
  const unsigned first = next();
  const std::size_t size = first & 0x0FU;
  if ((first & 0xF0U) != 0x90U || bytes_left() <= size) return begin(Shape::list, "a list", 1);
  ++at_;
  return size;
}

inline Result<std::size_t> Cursor::begin_map() {
  const unsigned first = next();
  const std::size_t size = first & 0x0FU;
  if ((first & 0xF0U) != 0x80U || bytes_left() <= 2 * size) return begin(Shape::map, "a map", 2);
  ++at_;
  return size;
}

inline bool Cursor::take_null() {
  if (next() != 0xC0U) return false;
  ++at_;
  return true;
}

inline std::string_view Cursor::take(std::size_t size) {
  const std::string_view taken = all_.substr(at_, size);
  at_ += size;
  return taken;
}

}  // namespace emstore::pack
