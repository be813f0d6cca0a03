#include <emstore/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <emstore/error.hpp>

#include "base/time.h"

namespace emstore {

Map::Map() = default;
Map::Map(std::initializer_list<Member> members) {
  members_.reserve(members.size());
  for (const Member& member : members) set(member.name, member.value);
}
Map::Map(const Map&) = default;
Map::Map(Map&&) noexcept = default;
Map& Map::operator=(const Map&) = default;
Map& Map::operator=(Map&&) noexcept = default;
Map::~Map() = default;

const Value* Map::find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

Value* Map::find(std::string_view name) {
  for (Member& member : members_) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

Value& Map::set(std::string name, Value value) {
  if (Value* present = find(name)) return *present = std::move(value);
  return append(std::move(name), std::move(value));
}

Value& Map::append(std::string name, Value value) {
  Member& member = members_.emplace_back();
  member.name = std::move(name);
  member.value = std::move(value);
  return member.value;
}

Value& Map::append(std::string_view name) {
  Member& member = members_.emplace_back();
  member.name = name;
  return member.value;
}

bool Map::erase(std::string_view name) {
  const auto named = std::find_if(members_.begin(), members_.end(),
                                  [name](const Member& member) { return member.name == name; });
  if (named == members_.end()) return false;
  members_.erase(named);
  return true;
}

void Map::reserve(std::size_t size) { members_.reserve(size); }
std::size_t Map::size() const { return members_.size(); }
bool Map::empty() const { return members_.empty(); }
Map::Members::const_iterator Map::begin() const { return members_.begin(); }
Map::Members::const_iterator Map::end() const { return members_.end(); }
Map::Members::iterator Map::begin() { return members_.begin(); }
Map::Members::iterator Map::end() { return members_.end(); }
bool Map::operator==(const Map& other) const { return members_ == other.members_; }

Value::Value() = default;
Value::Value(std::nullptr_t) {}
Value::Value(Exactly<bool> boolean) : content_(boolean.value) {}
Value::Value(Exactly<std::int64_t> integer) : content_(integer.value) {}
Value::Value(Exactly<double> number) : content_(number.value) {}
Value::Value(const char* text) : content_(std::string(text)) {}
Value::Value(std::string_view text) : content_(std::string(text)) {}
Value::Value(std::string text) : content_(std::move(text)) {}
Value::Value(Binary binary) : content_(std::move(binary)) {}
Value::Value(Time time) : content_(time) {}
Value::Value(List list) : content_(std::move(list)) {}
Value::Value(Map map) : content_(std::move(map)) {}
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;
bool Value::operator==(const Value& other) const { return content_ == other.content_; }

void Value::refuse(std::uint64_t integer) {
  throw std::system_error(make_error_code(ErrorCode::out_of_range),
                          std::to_string(integer) + " is above the largest integer, 2^63-1");
}

std::string_view name_of(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::boolean:
      return "boolean";
    case Value::Kind::integer:
      return "integer";
    case Value::Kind::number:
      return "number";
    case Value::Kind::text:
      return "text";
    case Value::Kind::binary:
      return "binary";
    case Value::Kind::time:
      return "time";
    case Value::Kind::list:
      return "list";
    case Value::Kind::map:
      return "map";
  }
  return "null";
}

namespace {

void print_text(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out.append({'\\', letter});
    } else if (letter == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      out.append("\\u00").append({kHex[byte >> 4U], kHex[byte & 15U]});
    } else {
      out += letter;
    }
  }
  out += '"';
}

void print_number(double number, std::string& out) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void print(const Value& value, std::string& out);

void print_list(const List& list, std::string& out) {
  std::string_view separator;
  out += '[';
  for (const Value& item : list) {
    out += separator;
    print(item, out);
    separator = ",";
  }
  out += ']';
}

void print_map(const Map& map, std::string& out) {
  std::string_view separator;
  out += '{';
  for (const Map::Member& member : map) {
    out += separator;
    print_text(member.name, out);
    out += ':';
    print(member.value, out);
    separator = ",";
  }
  out += '}';
}

void print(const Value& value, std::string& out) {
  switch (value.kind()) {
    case Value::Kind::null:
      out += "null";
      break;
    case Value::Kind::boolean:
      out += *value.if_boolean() ? "true" : "false";
      break;
    case Value::Kind::integer:
      out += std::to_string(*value.if_integer());
      break;
    case Value::Kind::number:
      print_number(*value.if_number(), out);
      break;
    case Value::Kind::text:
      print_text(*value.if_text(), out);
      break;
    case Value::Kind::binary:
      out += '<' + std::to_string(value.if_binary()->data.size()) + " bytes>";
      break;
    case Value::Kind::time:
      out += to_string(*value.if_time());
      break;
    case Value::Kind::list:
      print_list(*value.if_list(), out);
      break;
    case Value::Kind::map:
      print_map(*value.if_map(), out);
      break;
  }
}

}  // namespace

std::string to_string(const Value& value) {
  std::string text;
  print(value, text);
  return text;
}

}  // namespace emstore
