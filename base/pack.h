// MessagePack, for stored bytes and for the wire: the only door to msgpack-cxx.
//
// What is written is canonical: the shortest form of every integer and length, `number` always as
// float64, Time as timestamp extension (-1). Names of maps keep the order they are given in.
// Format: https://github.com/msgpack/msgpack/blob/master/spec.md
// Threads: everything here may be called from any thread; a writer from one thread at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/big_endian.h"
#include "base/pack_head.h"
#include "base/result.h"
#include "base/sink.h"

namespace emstore::pack {

// Whether all bytes are below 0x80; by words, of which the last two may overlap.
inline bool is_ascii(std::string_view bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t bits = 0;
  std::uint64_t word = 0;
  if (bytes.size() < kWord) {
    for (const char byte : bytes) bits |= static_cast<unsigned char>(byte);
    return (bits & kHighBits) == 0;
  }
  for (std::size_t i = 0; i + kWord <= bytes.size(); i += kWord) {
    std::memcpy(&word, bytes.data() + i, kWord);
    bits |= word;
  }
  std::memcpy(&word, bytes.data() + bytes.size() - kWord, kWord);
  return ((bits | word) & kHighBits) == 0;
}

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
  Status members(std::string_view pairs, std::size_t) override {
    out_.append(pairs);
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

// The packed time at `place`, in the shortest of its three forms; gives its size.
inline constexpr std::size_t kTimeBytesMax = 15;
std::size_t put_time(Time value, char* place);

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
  std::optional<std::uint64_t> whole();
  Result<std::uint64_t> long_unsigned();
  Result<std::int64_t> long_integer();
  Result<bool> no_boolean();
  Result<std::string_view> long_raw();
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

inline std::optional<Head> Cursor::head() const {
  if (at_end()) return std::nullopt;
  const char* const bytes = all_.data() + at_;
  if (bytes_left() < head_length(static_cast<unsigned char>(*bytes))) return std::nullopt;
  return head_of(bytes);
}

inline bool Cursor::is_body_there(const Head& head) const {
  const std::size_t length = head_length(static_cast<unsigned char>(all_[at_]));
  return !has_body(head.shape) || head.size <= bytes_left() - length;
}

inline std::string_view Cursor::take_body(const Head& head) {
  at_ += head_length(static_cast<unsigned char>(all_[at_]));
  return take(has_body(head.shape) ? head.size : 0);
}

// The next piece when it is an integer that is packed without a sign; else nothing is taken.
inline std::optional<std::uint64_t> Cursor::whole() {
  const unsigned first = next();
  if (first < 0x80) {
    ++at_;
    return first;
  }
  if (first < 0xCC || first > 0xCF) return std::nullopt;
  const std::size_t width = std::size_t{1} << (first & 3U);
  if (bytes_left() <= width) return std::nullopt;
  const char* const bytes = all_.data() + at_ + 1;
  at_ += 1 + width;
  switch (first & 3U) {
    case 0:
      return load_big_endian<std::uint8_t>(bytes);
    case 1:
      return load_big_endian<std::uint16_t>(bytes);
    case 2:
      return load_big_endian<std::uint32_t>(bytes);
    default:
      return load_big_endian<std::uint64_t>(bytes);
  }
}

inline Result<std::uint64_t> Cursor::unsigned_integer() {
  if (const std::optional<std::uint64_t> bits = whole()) return *bits;
  return long_unsigned();
}

inline Result<std::int64_t> Cursor::integer() {
  const std::size_t begin = at_;
  if (const std::optional<std::uint64_t> bits = whole()) {
    if (std::in_range<std::int64_t>(*bits)) return static_cast<std::int64_t>(*bits);
    at_ = begin;
  }
  return long_integer();
}

inline Result<bool> Cursor::boolean() {
  const unsigned first = next();
  if ((first & 0xFEU) != 0xC2U) return no_boolean();
  ++at_;
  return (first & 1U) != 0;
}

inline Result<std::string_view> Cursor::binary() {
  constexpr unsigned kBin8 = 0xC4;
  const std::size_t left = bytes_left();
  const std::size_t size = left > 1 ? static_cast<unsigned char>(all_[at_ + 1]) : 0;
  if (next() != kBin8 || left < 2 + size) return bytes_of(Shape::binary, "a binary");
  at_ += 2;
  return take(size);
}

// The bytes of a value that takes at most 257 of them and holds no others; 0: read its head.
inline std::size_t Cursor::short_length() const {
  const unsigned first = next();
  if (first < 0x80 || first >= 0xE0) return 1;
  if (first >= 0xA0 && first < 0xC0) return 1 + (first & 0x1FU);
  const bool has_size = (first == 0xC4 || first == 0xD9) && bytes_left() > 1;  // bin 8, str 8.
  if (has_size) return 2U + static_cast<unsigned char>(all_[at_ + 1]);
  if (first >= 0xCA && first <= 0xD3) return head_length(static_cast<unsigned char>(first));
  return 0;
}

inline Result<std::string_view> Cursor::raw() {
  const std::size_t length = short_length();
  if (length == 0 || length > bytes_left()) return long_raw();
  return take(length);
}

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
  if (!is_ascii(text)) return std::nullopt;
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
