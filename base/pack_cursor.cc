// Reads MessagePack: heads, typed pieces, whole values.
#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "base/pack.h"
#include "base/pack_refusal.h"
#include "base/suggest.h"
#include "base/time.h"

namespace emstore::pack {

namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

std::uint64_t big_endian(const char* bytes, std::size_t size) {
  std::uint64_t bits = 0;
  for (std::size_t place = 0; place < size; ++place) {
    bits = bits << 8U | static_cast<unsigned char>(bytes[place]);
  }
  return bits;
}

// Two's complement of `size` bytes, widened.
std::uint64_t signed_big_endian(const char* bytes, std::size_t size) {
  const std::size_t unused = 64 - 8 * size;
  const auto shifted = static_cast<std::int64_t>(big_endian(bytes, size) << unused);
  return static_cast<std::uint64_t>(shifted >> unused);
}

// Of an integer also what keeps it out of a place for integers.
std::string_view found_name(const Head& head) {
  switch (head.shape) {
    case Shape::null:
      return "null";
    case Shape::boolean:
      return "a boolean";
    case Shape::unsigned_integer:
      return std::in_range<std::int64_t>(head.size) ? "an integer" : "an integer from 2^63 on";
    case Shape::signed_integer:
      return static_cast<std::int64_t>(head.size) < 0 ? "a negative integer" : "an integer";
    case Shape::float32:
    case Shape::float64:
      return "a number";
    case Shape::text:
      return "a text";
    case Shape::binary:
      return "a binary";
    case Shape::extension:
      return "an extension";
    case Shape::list:
      return "a list";
    case Shape::map:
      return "a map";
    case Shape::unused:
      return "the byte 0xC1, which begins nothing";
  }
  return "nothing";
}

// The values that follow a head and belong to it.
std::uint64_t values_after(const Head& head) {
  if (head.shape == Shape::list) return head.size;
  if (head.shape == Shape::map) return 2 * head.size;
  return 0;
}

}  // namespace

Head long_head(const char* bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  const HeadForm& form = kHeadForms[first - 0xC0];
  const char* const tail = bytes + 1;
  const std::size_t length = form.length - 1U;
  if (form.shape == Shape::boolean) return {form.shape, 0, first & 1U};
  if (form.shape == Shape::signed_integer) return {form.shape, 0, signed_big_endian(tail, length)};
  if (form.shape != Shape::extension) return {form.shape, 0, big_endian(tail, length)};
  const std::uint64_t size = form.fixed_size != 0 ? form.fixed_size : big_endian(tail, length - 1);
  return {form.shape, static_cast<std::int8_t>(tail[length - 1]), size};
}

tl::unexpected<Error> Cursor::refusal(std::string_view wanted) const {
  const std::string where = at_byte(at_);
  if (at_end()) return malformed("the bytes end" + where + ", before " + std::string(wanted));
  const std::optional<Head> found = head();
  if (!found) return malformed("the bytes end within the value that begins" + where);
  const std::string name(found_name(*found));
  const std::size_t left = bytes_left() - head_length(static_cast<unsigned char>(all_[at_]));
  if (!is_body_there(*found)) {
    return malformed(name + " of " + std::to_string(found->size) + " bytes" + where + ", but " +
                     std::to_string(left) + " follow");
  }
  if (values_after(*found) > left) return too_few_bytes(*found);
  return malformed(std::string(wanted) + " is expected" + where + ", not " + name);
}

tl::unexpected<Error> Cursor::too_few_bytes(const Head& head) const {
  const std::size_t left = bytes_left() - head_length(static_cast<unsigned char>(all_[at_]));
  return malformed(std::string(found_name(head)) + " of " + std::to_string(head.size) +
                   at_byte(at_) + ", but " + std::to_string(left) +
                   " bytes follow for all that is still to come");
}

tl::unexpected<Error> Cursor::too_deep(const Limits& limits) const {
  return failure(ErrorCode::depth_exceeded, "more than " + std::to_string(limits.depth_max) +
                                                " lists and maps within each other" + at_byte(at_));
}

// Every value that any open list or map still owes takes a byte at least, so what is made room for
// never exceeds the input.
Status Cursor::check_room(const Head& head, std::uint64_t owed) const {
  const std::size_t left = bytes_left() - head_length(static_cast<unsigned char>(all_[at_]));
  if (owed + values_after(head) > left) return too_few_bytes(head);
  return {};
}

Result<std::uint64_t> Cursor::long_unsigned() {
  const std::optional<Head> found = head();
  const bool is_whole =
      found &&
      (found->shape == Shape::unsigned_integer ||
       (found->shape == Shape::signed_integer && static_cast<std::int64_t>(found->size) >= 0));
  if (!is_whole) return refusal("an integer from 0");
  take_body(*found);
  return found->size;
}

Result<std::int64_t> Cursor::long_integer() {
  const std::optional<Head> found = head();
  const bool is_whole =
      found &&
      (found->shape == Shape::signed_integer ||
       (found->shape == Shape::unsigned_integer && std::in_range<std::int64_t>(found->size)));
  if (!is_whole) return refusal("an integer of 64 bits with sign");
  take_body(*found);
  return static_cast<std::int64_t>(found->size);
}

Result<bool> Cursor::no_boolean() { return refusal("a boolean"); }

Result<std::string_view> Cursor::bytes_of(Shape shape, const char* wanted) {
  const std::optional<Head> found = head();
  if (!found || found->shape != shape || !is_body_there(*found)) return refusal(wanted);
  return take_body(*found);
}

Result<std::size_t> Cursor::begin(Shape shape, const char* wanted, std::size_t values_each) {
  const std::optional<Head> found = head();
  if (!found || found->shape != shape) return refusal(wanted);
  const std::size_t left = bytes_left() - head_length(static_cast<unsigned char>(all_[at_]));
  if (found->size * values_each > left) return refusal(wanted);
  take_body(*found);
  return found->size;
}

Result<std::string_view> Cursor::long_raw() {
  const std::size_t begin = at_;
  // Values still to come; each takes a byte at least, so claims beyond the input are refused at
  // once.
  std::uint64_t missing = 1;
  while (missing > 0) {
    if (const std::size_t length = short_length(); length != 0 && length <= bytes_left()) {
      at_ += length;
      --missing;
      continue;
    }
    const std::optional<Head> found = head();
    if (!found || found->shape == Shape::unused || !is_body_there(*found))
      return refusal("a value");
    missing += values_after(*found);
    if (missing > bytes_left()) return too_few_bytes(*found);
    take_body(*found);
    --missing;
  }
  return all_.substr(begin, at_ - begin);
}

Result<double> Cursor::number_of(double number) const {
  if (!std::isfinite(number)) return malformed("a number" + at_byte(at_) + " is not finite");
  return number == 0 ? 0.0 : number;
}

Result<Time> Cursor::time_of(const Head& head) const {
  const char* const body = all_.data() + at_ + head_length(static_cast<unsigned char>(all_[at_]));
  std::int64_t seconds = 0;
  std::uint64_t nanos = 0;
  if (head.extension_type != kTimestampType) {
    return malformed("an extension of type " + std::to_string(head.extension_type) + at_byte(at_) +
                     "; only timestamps (-1) are known");
  }
  if (head.size == 4) {
    seconds = static_cast<std::int64_t>(big_endian(body, 4));
  } else if (head.size == 8) {
    const std::uint64_t bits = big_endian(body, 8);
    nanos = bits >> kTimestampSecondsBits;
    seconds = static_cast<std::int64_t>(bits & ((1ULL << kTimestampSecondsBits) - 1));
  } else if (head.size == 12) {
    nanos = big_endian(body, 4);
    seconds = static_cast<std::int64_t>(big_endian(body + 4, 8));
  } else {
    return malformed("a timestamp of " + std::to_string(head.size) + " bytes" + at_byte(at_));
  }
  if (nanos >= kNanosPerSecond || nanos % kNanosPerMicro != 0) {
    return malformed("the time" + at_byte(at_) + " is not a whole number of microseconds");
  }
  constexpr std::int64_t kSecondsMax = std::numeric_limits<std::int64_t>::max() / kMicrosPerSecond;
  const bool fits = seconds < kSecondsMax && seconds > -kSecondsMax;
  const auto micros = static_cast<std::int64_t>(nanos / kNanosPerMicro);
  const Time time{fits ? seconds * kMicrosPerSecond + micros : kSecondsMax * kMicrosPerSecond};
  if (!is_in_calendar(time)) {
    return malformed("the time" + at_byte(at_) + " lies outside the years 0000 to 9999");
  }
  return time;
}

// Any value but a list or map, whose body is there.
Status Cursor::scalar_to(Sink& sink, const Head& head) {
  switch (head.shape) {
    case Shape::null:
      sink.null();
      break;
    case Shape::boolean:
      sink.boolean(head.size != 0);
      break;
    case Shape::unsigned_integer:
      if (!std::in_range<std::int64_t>(head.size)) return refusal("an integer up to 2^63 - 1");
      sink.integer(static_cast<std::int64_t>(head.size));
      break;
    case Shape::signed_integer:
      sink.integer(static_cast<std::int64_t>(head.size));
      break;
    case Shape::float32: {
      EMSTORE_TRY(const double number,
                  number_of(std::bit_cast<float>(static_cast<std::uint32_t>(head.size))));
      sink.number(number);
      break;
    }
    case Shape::float64: {
      EMSTORE_TRY(const double number, number_of(std::bit_cast<double>(head.size)));
      sink.number(number);
      break;
    }
    case Shape::text:
      sink.text(take_body(head));
      return {};
    case Shape::binary:
      sink.binary(take_body(head));
      return {};
    case Shape::extension: {
      EMSTORE_TRY(const Time time, time_of(head));
      sink.time(time);
      break;
    }
    case Shape::list:
    case Shape::map:
    case Shape::unused:
      return refusal("a value");
  }
  take_body(head);
  return {};
}

// Walks through one value, however nested, with a stack of its own instead of recursion.
class Cursor::Walker {
 public:
  Walker(Cursor& cursor, Sink& sink) : cursor_(cursor), sink_(sink) {
    scopes_.reserve(8);  // Deeper ones are rare.
  }

  Status run() {
    do {
      if (!scopes_.empty() && scopes_.back().is_map) EMSTORE_CHECKED(take_name());
      EMSTORE_CHECKED(take_value());
      close_full_scopes();
    } while (!scopes_.empty());
    return {};
  }

 private:
  // A list or map whose values have not all been taken.
  struct Scope {
    std::uint64_t missing;  // Values, or pairs.
    bool is_map;
  };

  Status take_name() {
    const Result<std::string_view> name = cursor_.text();
    if (!name) return cursor_.refusal("a text, the name of a value,");
    sink_.text(*name);
    --owed_;
    return {};
  }

  Status take_value() {
    const std::optional<Head> found = cursor_.head();
    if (!found || !cursor_.is_body_there(*found)) return cursor_.refusal("a value");
    if (!scopes_.empty()) --owed_;
    if (found->shape == Shape::list || found->shape == Shape::map) return open(*found);
    EMSTORE_CHECKED(cursor_.scalar_to(sink_, *found));
    value_taken();
    return {};
  }

  Status open(const Head& head) {
    const Limits limits;
    if (scopes_.size() >= limits.depth_max) return cursor_.too_deep(limits);
    EMSTORE_CHECKED(cursor_.check_room(head, owed_));
    cursor_.take_body(head);
    owed_ += values_after(head);
    const bool is_map = head.shape == Shape::map;
    is_map ? sink_.begin_map(head.size) : sink_.begin_list(head.size);
    scopes_.push_back({head.size, is_map});
    return {};
  }

  // Counts a complete value in the list or map around it.
  void value_taken() {
    if (!scopes_.empty()) --scopes_.back().missing;
  }

  void close_full_scopes() {
    while (!scopes_.empty() && scopes_.back().missing == 0) {
      scopes_.pop_back();
      value_taken();
    }
  }

  Cursor& cursor_;
  Sink& sink_;
  std::vector<Scope> scopes_;
  std::uint64_t owed_ = 0;  // Values and names that the open scopes miss, in all.
};

Status Cursor::copy_to(Sink& sink) {
  const unsigned first = next();
  // Most of what rows hold: short texts and small integers.
  if (const std::size_t size = first & 0x1FU; (first & 0xE0U) == 0xA0U && bytes_left() > size) {
    ++at_;
    sink.text(take(size));
    return {};
  }
  if (first < 0x80) {
    ++at_;
    sink.integer(first);
    return {};
  }
  const std::optional<Head> found = head();
  if (!found || !is_body_there(*found)) return refusal("a value");
  if (found->shape != Shape::list && found->shape != Shape::map) return scalar_to(sink, *found);
  return Walker(*this, sink).run();
}

}  // namespace emstore::pack
