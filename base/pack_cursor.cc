// Reads MessagePack: heads, typed pieces, whole values.
#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>
#include <vector>

#include "base/pack.h"
#include "base/suggest.h"
#include "base/time.h"

namespace emstore::pack {

namespace {

constexpr std::uint64_t kNanosPerMicro = 1'000;
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

Head short_head(unsigned char first) {
  if (first < 0x80) return {Shape::unsigned_integer, 0, first};
  if (first < 0x90) return {Shape::map, 0, first & 0x0FU};
  if (first < 0xA0) return {Shape::list, 0, first & 0x0FU};
  if (first < 0xC0) return {Shape::text, 0, first & 0x1FU};
  return {Shape::signed_integer, 0, static_cast<std::uint64_t>(static_cast<std::int8_t>(first))};
}

std::string_view found_name(Shape shape) {
  switch (shape) {
    case Shape::null:
      return "null";
    case Shape::boolean:
      return "a boolean";
    case Shape::unsigned_integer:
    case Shape::signed_integer:
      return "an integer";
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

bool has_body(Shape shape) {
  return shape == Shape::text || shape == Shape::binary || shape == Shape::extension;
}

// The values that follow a head and belong to it.
std::uint64_t values_after(const Head& head) {
  if (head.shape == Shape::list) return head.size;
  if (head.shape == Shape::map) return 2 * head.size;
  return 0;
}

tl::unexpected<Error> malformed(std::string message) {
  return failure(ErrorCode::malformed_message, std::move(message));
}

std::string at_byte(std::size_t offset) { return " at byte " + std::to_string(offset); }

}  // namespace

Head head_of(const char* bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0xC0 || first >= 0xE0) return short_head(first);
  const HeadForm& form = kHeadForms[first - 0xC0];
  const char* const tail = bytes + 1;
  const std::size_t length = form.length - 1U;
  if (form.shape == Shape::boolean) return {form.shape, 0, first & 1U};
  if (form.shape == Shape::signed_integer) return {form.shape, 0, signed_big_endian(tail, length)};
  if (form.shape != Shape::extension) return {form.shape, 0, big_endian(tail, length)};
  const std::uint64_t size = form.fixed_size != 0 ? form.fixed_size : big_endian(tail, length - 1);
  return {form.shape, static_cast<std::int8_t>(tail[length - 1]), size};
}

std::optional<Head> Cursor::head() const {
  if (at_end()) return std::nullopt;
  const char* const bytes = all_.data() + at_;
  if (bytes_left() < head_length(static_cast<unsigned char>(*bytes))) return std::nullopt;
  return head_of(bytes);
}

bool Cursor::is_body_there(const Head& head) const {
  const std::size_t length = head_length(static_cast<unsigned char>(all_[at_]));
  return !has_body(head.shape) || head.size <= bytes_left() - length;
}

std::string_view Cursor::take_body(const Head& head) {
  at_ += head_length(static_cast<unsigned char>(all_[at_]));
  return take(has_body(head.shape) ? head.size : 0);
}

tl::unexpected<Error> Cursor::refusal(std::string_view wanted) const {
  const std::string where = at_byte(at_);
  if (at_end()) return malformed("the bytes end" + where + ", before " + std::string(wanted));
  const std::optional<Head> found = head();
  if (!found) return malformed("the bytes end within the value that begins" + where);
  const std::string name(found_name(found->shape));
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
  return malformed(std::string(found_name(head.shape)) + " of " + std::to_string(head.size) +
                   at_byte(at_) + ", but " + std::to_string(left) +
                   " bytes follow for all that is still to come");
}

Result<std::uint64_t> Cursor::unsigned_integer() {
  const std::optional<Head> found = head();
  const bool is_whole =
      found &&
      (found->shape == Shape::unsigned_integer ||
       (found->shape == Shape::signed_integer && static_cast<std::int64_t>(found->size) >= 0));
  if (!is_whole) return refusal("an integer from 0");
  take_body(*found);
  return found->size;
}

Result<std::int64_t> Cursor::integer() {
  const std::optional<Head> found = head();
  const bool is_whole =
      found &&
      (found->shape == Shape::signed_integer ||
       (found->shape == Shape::unsigned_integer && std::in_range<std::int64_t>(found->size)));
  if (!is_whole) return refusal("an integer of 64 bits with sign");
  take_body(*found);
  return static_cast<std::int64_t>(found->size);
}

Result<bool> Cursor::boolean() {
  const std::optional<Head> found = head();
  if (!found || found->shape != Shape::boolean) return refusal("a boolean");
  take_body(*found);
  return found->size != 0;
}

Result<std::string_view> Cursor::binary() { return bytes_of(Shape::binary, "a binary"); }

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

Result<std::string_view> Cursor::raw() {
  const std::size_t begin = at_;
  // Values still to come; each takes a byte at least, so claims beyond the input are refused at
  // once.
  std::uint64_t missing = 1;
  while (missing > 0) {
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

Status Cursor::number_to(Sink& sink, double number) {
  if (!std::isfinite(number)) return malformed("a number" + at_byte(at_) + " is not finite");
  sink.number(number == 0 ? 0.0 : number);
  return {};
}

Status Cursor::time_to(Sink& sink, const Head& head) {
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
  sink.time(time);
  return {};
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
    case Shape::float32:
      EMSTORE_CHECKED(number_to(sink, std::bit_cast<float>(static_cast<std::uint32_t>(head.size))));
      break;
    case Shape::float64:
      EMSTORE_CHECKED(number_to(sink, std::bit_cast<double>(head.size)));
      break;
    case Shape::text:
      sink.text(take_body(head));
      return {};
    case Shape::binary:
      sink.binary(take_body(head));
      return {};
    case Shape::extension:
      EMSTORE_CHECKED(time_to(sink, head));
      break;
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
  Walker(Cursor& cursor, Sink& sink, const Limits& limits, bool is_strict)
      : cursor_(cursor), sink_(sink), limits_(limits), is_strict_(is_strict) {
    scopes_.reserve(8);  // Deeper ones are rare.
  }

  Status run() {
    do {
      if (!scopes_.empty() && scopes_.back().is_map) EMSTORE_CHECKED(take_name());
      EMSTORE_CHECKED(take_value());
      EMSTORE_CHECKED(close_full_scopes());
    } while (!scopes_.empty());
    return {};
  }

 private:
  // A list or map whose values have not all been taken.
  struct Scope {
    std::uint64_t missing;  // Values, or pairs.
    bool is_map;
    std::size_t offset;      // Of its head, for messages.
    std::size_t first_name;  // Where its names begin in names_.
  };

  Status take_name() {
    const std::size_t offset = cursor_.at_;
    const Result<std::string_view> name = cursor_.text();
    if (!name) return cursor_.refusal("a text, the name of a value,");
    EMSTORE_CHECKED(check_text(*name, offset));
    sink_.text(*name);
    if (is_strict_) names_.push_back(*name);
    --owed_;
    return {};
  }

  Status take_value() {
    const std::size_t offset = cursor_.at_;
    const std::optional<Head> found = cursor_.head();
    if (!found || !cursor_.is_body_there(*found)) return cursor_.refusal("a value");
    if (!scopes_.empty()) --owed_;
    if (found->shape == Shape::list || found->shape == Shape::map) return open(*found);
    if (is_strict_ && found->shape == Shape::text) {
      const std::string_view text = cursor_.take_body(*found);
      EMSTORE_CHECKED(check_text(text, offset));
      sink_.text(text);
    } else {
      EMSTORE_CHECKED(cursor_.scalar_to(sink_, *found));
    }
    value_taken();
    return {};
  }

  Status open(const Head& head) {
    if (scopes_.size() >= limits_.depth_max) {
      return failure(ErrorCode::depth_exceeded, "more than " + std::to_string(limits_.depth_max) +
                                                    " lists and maps within each other" +
                                                    at_byte(cursor_.at_));
    }
    const Scope scope{head.size, head.shape == Shape::map, cursor_.at_, names_.size()};
    const std::uint64_t values = values_after(head);
    const std::size_t left =
        cursor_.bytes_left() - head_length(static_cast<unsigned char>(cursor_.all_[cursor_.at_]));
    // Every value that any open list or map still owes takes a byte at least, so what is made room
    // for never exceeds the input.
    if (owed_ + values > left) return cursor_.too_few_bytes(head);
    values_ += values;
    if (values_ > limits_.values_max) {
      return failure(ErrorCode::message_too_large,
                     "more than " + std::to_string(limits_.values_max) + " values in one message");
    }
    cursor_.take_body(head);
    owed_ += values;
    scope.is_map ? sink_.begin_map(head.size) : sink_.begin_list(head.size);
    scopes_.push_back(scope);
    return {};
  }

  // Counts a complete value in the list or map around it.
  void value_taken() {
    if (!scopes_.empty()) --scopes_.back().missing;
  }

  Status close_full_scopes() {
    while (!scopes_.empty() && scopes_.back().missing == 0) {
      EMSTORE_CHECKED(check_names(scopes_.back()));
      names_.resize(scopes_.back().first_name);
      scopes_.pop_back();
      value_taken();
    }
    return {};
  }

  Status check_text(std::string_view text, std::size_t offset) const {
    if (is_strict_ && !is_utf8(text)) {
      return malformed("the text" + at_byte(offset) + " is not UTF-8");
    }
    return {};
  }

  // No name twice. Sorts the names of the scope, which nobody needs any more.
  Status check_names(const Scope& scope) {
    const auto begin = names_.begin() + static_cast<std::ptrdiff_t>(scope.first_name);
    std::sort(begin, names_.end());
    const auto twice = std::adjacent_find(begin, names_.end());
    if (twice == names_.end()) return {};
    return malformed("the map" + at_byte(scope.offset) + " has the name " + quoted(*twice) +
                     " twice");
  }

  Cursor& cursor_;
  Sink& sink_;
  const Limits& limits_;
  bool is_strict_;
  std::vector<Scope> scopes_;
  std::vector<std::string_view> names_;  // Of all open maps.
  std::uint64_t owed_ = 0;               // Values and names that the open scopes miss, in all.
  std::uint64_t values_ = 0;
};

Result<Value> Cursor::value(const Limits& limits) {
  ValueSink sink;
  EMSTORE_CHECKED(Walker(*this, sink, limits, /*is_strict=*/true).run());
  return sink.take();
}

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
  const Limits limits;
  return Walker(*this, sink, limits, /*is_strict=*/false).run();
}

Result<Value> read(std::string_view bytes, const Limits& limits) {
  if (bytes.size() > limits.bytes_max) {
    return failure(ErrorCode::message_too_large, std::to_string(bytes.size()) + " bytes, where " +
                                                     std::to_string(limits.bytes_max) +
                                                     " are allowed");
  }
  Cursor cursor(bytes);
  EMSTORE_TRY(Value value, cursor.value(limits));
  if (!cursor.at_end()) {
    return malformed(std::to_string(cursor.rest().size()) + " bytes follow the value that ends" +
                     at_byte(cursor.offset()));
  }
  return value;
}

}  // namespace emstore::pack
