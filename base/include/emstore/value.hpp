// Values: what a field, a message or a result can hold. The same shapes as MessagePack and, but for
// Binary and Time, as JSON.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace emstore {

class Value;

// Bytes that are not text.
struct Binary {
  std::string data;
  auto operator<=>(const Binary&) const = default;
};

// A point in time: microseconds since 1970-01-01T00:00:00Z.
struct Time {
  std::int64_t micros = 0;
  auto operator<=>(const Time&) const = default;
};

using List = std::vector<Value>;

template <typename T>
concept Truth = std::same_as<T, bool> || std::same_as<T, std::vector<bool>::reference>;

// Named values, in the order in which they were written. Names are unique: set() replaces.
class Map {
 public:
  struct Member;
  using Members = std::vector<Member>;

  Map();
  Map(std::initializer_list<Member> members);
  Map(const Map&);
  Map(Map&&) noexcept;
  Map& operator=(const Map&);
  Map& operator=(Map&&) noexcept;
  ~Map();

  // The value under `name`, or null when there is none. Valid until the map changes.
  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  Value& set(std::string name, Value value);
  // Adds without looking for the name: the caller knows that it is new.
  Value& append(std::string name, Value value);
  Value& append(std::string_view name);  // A null, to be assigned.
  bool erase(std::string_view name);
  // Room for `size` members in all.
  void reserve(std::size_t size);

  std::size_t size() const;
  bool empty() const;
  Members::const_iterator begin() const;
  Members::const_iterator end() const;
  Members::iterator begin();
  Members::iterator end();

  bool operator==(const Map& other) const;  // Order counts.

 private:
  Members members_;
};

class Value {
 public:
  enum class Kind : std::uint8_t { null, boolean, integer, number, text, binary, time, list, map };

  Value();  // null
  Value(std::nullptr_t);
  // A boolean is what is one, and nothing else that C++ would take for one.
  template <Truth Boolean>
  Value(Boolean boolean) : Value(Exactly<bool>{boolean}) {}
  // Throws std::system_error out_of_range for what is above 2^63-1: no integer of emstore is. Wider
  // ones, which some compilers have, are none.
  template <std::integral Integer>
  requires(!Truth<Integer> && sizeof(Integer) <= sizeof(std::int64_t)) Value(Integer integer)
      : Value(Exactly<std::int64_t>{whole_of(integer)}) {}
  template <std::floating_point Number>
  Value(Number number) : Value(Exactly<double>{static_cast<double>(number)}) {}
  Value(const char* text);
  Value(std::string_view text);
  Value(std::string text);
  template <typename T>
  requires(!std::convertible_to<T*, const char*>) Value(T*)
  = delete;
  Value(Binary binary);
  Value(Time time);
  Value(List list);
  Value(Map map);
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();

  Kind kind() const { return static_cast<Kind>(content_.index()); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_number() const { return kind() == Kind::integer || kind() == Kind::number; }

  // The content when the value is of that kind, else null: `if (auto* text = value.if_text())`.
  const bool* if_boolean() const { return std::get_if<bool>(&content_); }
  const std::int64_t* if_integer() const { return std::get_if<std::int64_t>(&content_); }
  const double* if_number() const { return std::get_if<double>(&content_); }
  const std::string* if_text() const { return std::get_if<std::string>(&content_); }
  const Binary* if_binary() const { return std::get_if<Binary>(&content_); }
  const Time* if_time() const { return std::get_if<Time>(&content_); }
  const List* if_list() const { return std::get_if<List>(&content_); }
  const Map* if_map() const { return std::get_if<Map>(&content_); }
  std::string* if_text() { return std::get_if<std::string>(&content_); }
  Binary* if_binary() { return std::get_if<Binary>(&content_); }
  List* if_list() { return std::get_if<List>(&content_); }
  Map* if_map() { return std::get_if<Map>(&content_); }

  bool operator==(const Value& other) const;

 private:
  template <typename T>
  struct Exactly {
    T value;
  };
  explicit Value(Exactly<bool> boolean);
  explicit Value(Exactly<std::int64_t> integer);
  explicit Value(Exactly<double> number);

  template <std::integral Integer>
  static std::int64_t whole_of(Integer integer) {
    if constexpr (std::unsigned_integral<Integer> && sizeof(Integer) == sizeof(std::int64_t)) {
      if (integer > std::numeric_limits<std::int64_t>::max()) refuse(integer);
    }
    return static_cast<std::int64_t>(integer);
  }
  [[noreturn]] static void refuse(std::uint64_t integer);

  std::variant<std::monostate, bool, std::int64_t, double, std::string, Binary, Time, List, Map>
      content_;
};

struct Map::Member {
  std::string name;
  Value value;
  bool operator==(const Member&) const = default;
};

std::string_view name_of(Value::Kind kind);  // "text", for messages.

// Compact and JSON-like, for messages and tests; binary as its size, times as RFC 3339. Not a
// format.
std::string to_string(const Value& value);

}  // namespace emstore
