// Reads whole values of MessagePack that anybody may have sent.
#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "base/pack.h"
#include "base/pack_refusal.h"
#include "base/suggest.h"

namespace emstore::pack {
namespace {

// Names of a map are held against each other one by one up to here; of larger maps they are sorted.
constexpr std::size_t kFewNames = 24;

}  // namespace

// Builds the value where it will stay: each list and map has room for all it says it holds before
// the first of it is read, so that nothing is moved. Recursion is as deep as the limits allow.
class Cursor::Tree {
 public:
  Tree(Cursor& cursor, const Limits& limits) : cursor_(cursor), limits_(limits) {}

  Status take(Value& into) {
    if (const std::optional<std::string_view> text = cursor_.short_ascii()) {
      if (depth_ > 0) --owed_;
      into = Value(*text);
      return {};
    }
    const std::size_t offset = cursor_.at_;
    const std::optional<Head> found = cursor_.head();
    if (!found || !cursor_.is_body_there(*found)) return cursor_.refusal("a value");
    if (depth_ > 0) --owed_;
    switch (found->shape) {
      case Shape::list:
        return take_list(*found, into);
      case Shape::map:
        return take_map(*found, into);
      case Shape::text: {
        const std::string_view text = cursor_.take_body(*found);
        EMSTORE_CHECKED(check_text(text, offset));
        into = Value(text);
        return {};
      }
      case Shape::binary:
        into = Value(Binary{std::string(cursor_.take_body(*found))});
        return {};
      case Shape::null:
      case Shape::boolean:
      case Shape::unsigned_integer:
      case Shape::signed_integer:
      case Shape::float32:
      case Shape::float64:
      case Shape::extension:
      case Shape::unused:
        break;
    }
    return take_scalar(*found, into);
  }

 private:
  Status take_scalar(const Head& head, Value& into) {
    if (head.shape == Shape::boolean) {
      into = Value(head.size != 0);
    } else if (head.shape == Shape::unsigned_integer && !std::in_range<std::int64_t>(head.size)) {
      return cursor_.refusal("an integer up to 2^63 - 1");
    } else if (head.shape == Shape::unsigned_integer || head.shape == Shape::signed_integer) {
      into = Value(static_cast<std::int64_t>(head.size));
    } else if (head.shape == Shape::float32) {
      const auto bits = static_cast<std::uint32_t>(head.size);
      EMSTORE_TRY(into, cursor_.number_of(std::bit_cast<float>(bits)));
    } else if (head.shape == Shape::float64) {
      EMSTORE_TRY(into, cursor_.number_of(std::bit_cast<double>(head.size)));
    } else if (head.shape == Shape::extension) {
      EMSTORE_TRY(into, cursor_.time_of(head));
    } else if (head.shape != Shape::null) {
      return cursor_.refusal("a value");
    }
    cursor_.take_body(head);
    return {};
  }

  Status take_list(const Head& head, Value& into) {
    EMSTORE_CHECKED(open(head));
    into = Value(List(head.size));
    for (Value& item : *into.if_list()) EMSTORE_CHECKED(take(item));
    --depth_;
    return {};
  }

  Status take_map(const Head& head, Value& into) {
    const std::size_t offset = cursor_.at_;
    EMSTORE_CHECKED(open(head));
    into = Value(Map());
    Map& map = *into.if_map();
    map.reserve(head.size);
    for (std::uint64_t i = 0; i < head.size; ++i) {
      std::string_view name;
      if (const std::optional<std::string_view> usual = cursor_.short_ascii()) {
        name = *usual;
        --owed_;
      } else {
        EMSTORE_TRY(name, take_name());
      }
      const bool is_twice = head.size <= kFewNames && map.contains(name);
      if (is_twice) return twice(name, offset);
      EMSTORE_CHECKED(take(map.append(std::string(name), Value())));
    }
    --depth_;
    return head.size <= kFewNames ? Status() : check_many_names(map, offset);
  }

  Result<std::string_view> take_name() {
    const std::size_t offset = cursor_.at_;
    Result<std::string_view> name = cursor_.text();
    if (!name) return cursor_.refusal("a text, the name of a value,");
    EMSTORE_CHECKED(check_text(*name, offset));
    --owed_;
    return name;
  }

  Status open(const Head& head) {
    if (depth_ >= limits_.depth_max) return cursor_.too_deep(limits_);
    EMSTORE_CHECKED(cursor_.check_room(head, owed_));
    const std::uint64_t values = head.shape == Shape::map ? 2 * head.size : head.size;
    values_ += values;
    if (values_ > limits_.values_max) {
      return failure(ErrorCode::message_too_large,
                     "more than " + std::to_string(limits_.values_max) + " values in one message");
    }
    cursor_.take_body(head);
    owed_ += values;
    ++depth_;
    return {};
  }

  static Status check_text(std::string_view text, std::size_t offset) {
    if (is_utf8(text)) return {};
    return malformed("the text" + at_byte(offset) + " is not UTF-8");
  }

  static tl::unexpected<Error> twice(std::string_view name, std::size_t offset) {
    return malformed("the map" + at_byte(offset) + " has the name " + quoted(name) + " twice");
  }

  static Status check_many_names(const Map& map, std::size_t offset) {
    std::vector<std::string_view> names;
    names.reserve(map.size());
    for (const Map::Member& member : map) names.emplace_back(member.name);
    std::sort(names.begin(), names.end());
    const auto found = std::adjacent_find(names.begin(), names.end());
    return found == names.end() ? Status() : twice(*found, offset);
  }

  Cursor& cursor_;
  const Limits& limits_;
  std::size_t depth_ = 0;     // Lists and maps that are open.
  std::uint64_t owed_ = 0;    // Values and names that they miss, in all.
  std::uint64_t values_ = 0;  // Values and names so far.
};

Result<Value> Cursor::value(const Limits& limits) {
  Value value;
  EMSTORE_CHECKED(Tree(*this, limits).take(value));
  return value;
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
