// Reads whole values of MessagePack that anybody may have sent.
#include <algorithm>
#include <bit>
#include <memory>
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
// the first of it is read, so that nothing is moved. Recursion is as deep as the limits allow. Why
// it fails stands beside the tree: a Status for each value would cost more than most values do.
class Cursor::Tree {
 public:
  Tree(Cursor& cursor, const Limits& limits) : cursor_(cursor), limits_(limits) {}

  // `into` is null, so that the value can be made in its place. False: see why().
  bool take(Value& into) {
    if (const std::optional<std::string_view> text = cursor_.short_ascii()) {
      if (depth_ > 0) --owed_;
      return make(into, *text);
    }
    const std::size_t offset = cursor_.at_;
    const std::optional<Head> found = cursor_.head();
    if (!found || !cursor_.is_body_there(*found)) return fail(cursor_.refusal("a value"));
    if (depth_ > 0) --owed_;
    switch (found->shape) {
      case Shape::list:
        return take_list(*found, into);
      case Shape::map:
        return take_map(*found, into);
      case Shape::text: {
        const std::string_view text = cursor_.take_body(*found);
        return check_text(text, offset) && make(into, text);
      }
      case Shape::binary:
        return make(into, Binary{std::string(cursor_.take_body(*found))});
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

  Error why() { return *std::move(why_); }

 private:
  template <typename Content>
  static bool make(Value& into, Content&& content) {
    std::construct_at(&into, std::forward<Content>(content));  // Nothing is lost with a null.
    return true;
  }

  template <typename Content>
  bool make_if(Value& into, Result<Content> content) {
    return content ? make(into, *content) : fail(failure(std::move(content).error()));
  }

  bool fail(tl::unexpected<Error> why) {
    why_ = std::move(why).value();
    return false;
  }

  bool take_scalar(const Head& head, Value& into) {
    bool is_made = true;
    if (head.shape == Shape::boolean) {
      make(into, head.size != 0);
    } else if (head.shape == Shape::unsigned_integer && !std::in_range<std::int64_t>(head.size)) {
      return fail(cursor_.refusal("an integer up to 2^63 - 1"));
    } else if (head.shape == Shape::unsigned_integer || head.shape == Shape::signed_integer) {
      make(into, static_cast<std::int64_t>(head.size));
    } else if (head.shape == Shape::float32) {
      const auto bits = static_cast<std::uint32_t>(head.size);
      is_made = make_if(into, cursor_.number_of(std::bit_cast<float>(bits)));
    } else if (head.shape == Shape::float64) {
      is_made = make_if(into, cursor_.number_of(std::bit_cast<double>(head.size)));
    } else if (head.shape == Shape::extension) {
      is_made = make_if(into, cursor_.time_of(head));
    } else if (head.shape != Shape::null) {
      return fail(cursor_.refusal("a value"));
    }
    cursor_.take_body(head);
    return is_made;
  }

  bool take_list(const Head& head, Value& into) {
    if (!open(head)) return false;
    make(into, List(head.size));
    for (Value& item : *into.if_list()) {
      if (!take(item)) return false;
    }
    --depth_;
    return true;
  }

  bool take_map(const Head& head, Value& into) {
    const std::size_t offset = cursor_.at_;
    if (!open(head)) return false;
    make(into, Map());
    Map& map = *into.if_map();
    map.reserve(head.size);
    std::uint64_t kinds = 0;  // Of the names so far: one of another kind is not among them.
    for (std::uint64_t i = 0; i < head.size; ++i) {
      const std::optional<std::string_view> name = take_name();
      if (!name) return false;
      const std::uint64_t kind = kind_of_name(*name);
      const bool may_be_twice = head.size <= kFewNames && (kinds & kind) != 0;
      if (may_be_twice && map.contains(*name)) return fail(twice(*name, offset));
      kinds |= kind;
      if (!take(map.append(*name))) return false;
    }
    --depth_;
    return head.size <= kFewNames || check_many_names(map, offset);
  }

  // One bit of 64. Equal names have equal bits.
  static std::uint64_t kind_of_name(std::string_view name) {
    if (name.empty()) return 1;
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    return std::uint64_t{1} << ((name.size() * 7 + first * 3U + last) % 64);
  }

  std::optional<std::string_view> take_name() {
    const std::size_t offset = cursor_.at_;
    std::optional<std::string_view> name = cursor_.short_ascii();
    if (!name) {
      const Result<std::string_view> text = cursor_.text();
      if (!text) {
        fail(cursor_.refusal("a text, the name of a value,"));
        return std::nullopt;
      }
      if (!check_text(*text, offset)) return std::nullopt;
      name = *text;
    }
    --owed_;
    return name;
  }

  bool open(const Head& head) {
    if (depth_ >= limits_.depth_max) return fail(cursor_.too_deep(limits_));
    if (Status room = cursor_.check_room(head, owed_); !room) {
      return fail(failure(std::move(room).error()));
    }
    const std::uint64_t values = head.shape == Shape::map ? 2 * head.size : head.size;
    values_ += values;
    if (values_ > limits_.values_max) {
      return fail(
          failure(ErrorCode::message_too_large,
                  "more than " + std::to_string(limits_.values_max) + " values in one message"));
    }
    cursor_.take_body(head);
    owed_ += values;
    ++depth_;
    return true;
  }

  bool check_text(std::string_view text, std::size_t offset) {
    return is_utf8(text) || fail(malformed("the text" + at_byte(offset) + " is not UTF-8"));
  }

  static tl::unexpected<Error> twice(std::string_view name, std::size_t offset) {
    return malformed("the map" + at_byte(offset) + " has the name " + quoted(name) + " twice");
  }

  bool check_many_names(const Map& map, std::size_t offset) {
    std::vector<std::string_view> names;
    names.reserve(map.size());
    for (const Map::Member& member : map) names.emplace_back(member.name);
    std::sort(names.begin(), names.end());
    const auto found = std::adjacent_find(names.begin(), names.end());
    return found == names.end() || fail(twice(*found, offset));
  }

  Cursor& cursor_;
  const Limits& limits_;
  std::size_t depth_ = 0;     // Lists and maps that are open.
  std::uint64_t owed_ = 0;    // Values and names that they miss, in all.
  std::uint64_t values_ = 0;  // Values and names so far.
  std::optional<Error> why_;
};

Result<Value> Cursor::value(const Limits& limits) {
  Value value;
  Tree tree(*this, limits);
  if (!tree.take(value)) return failure(tree.why());
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
