#include "cli/json.h"

#include <cmath>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/failures.h"

namespace emstore::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDepthMax = 64;

std::string hex_of(const std::string& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char letter : bytes) {
    const auto byte = static_cast<unsigned char>(letter);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

// to_string() quotes nothing but texts, so a time comes as it should stand in JSON.
std::string rfc3339(Time time) {
  std::string text = to_string(Value(time));
  if (text.size() > 1 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

// A whole number without ".0": JSON knows one kind only, and people know the shorter.
Json json_of(double number) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::trunc(number) == number && std::abs(number) <= kExact) {
    return static_cast<std::int64_t>(number);
  }
  return number;
}

Json json_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return nullptr;
    case Value::Kind::boolean:
      return *value.if_boolean();
    case Value::Kind::integer:
      return *value.if_integer();
    case Value::Kind::number:
      return json_of(*value.if_number());
    case Value::Kind::text:
      return *value.if_text();
    case Value::Kind::binary:
      return hex_of(value.if_binary()->data);
    case Value::Kind::time:
      return rfc3339(*value.if_time());
    case Value::Kind::list: {
      Json list = Json::array();
      for (const Value& item : *value.if_list()) list.push_back(json_of(item));
      return list;
    }
    case Value::Kind::map: {
      Json object = Json::object();
      for (const Map::Member& member : *value.if_map()) object[member.name] = json_of(member.value);
      return object;
    }
  }
  return nullptr;
}

Value value_of(const Json& json, std::string_view what, int depth) {
  if (depth > kDepthMax) throw UsageError(std::string(what) + " nests too deeply");
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > INT64_MAX) return json.get<double>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    List list;
    for (const Json& item : json) list.push_back(value_of(item, what, depth + 1));
    return list;
  }
  if (json.is_object()) {
    Map map;
    for (const auto& [name, item] : json.items()) map.set(name, value_of(item, what, depth + 1));
    return map;
  }
  return nullptr;
}

}  // namespace

std::string to_json(const Value& value) {
  return json_of(value).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_indented_json(const Value& value) {
  return json_of(value).dump(2, ' ', false, Json::error_handler_t::replace);
}

Value parse_json(std::string_view text, std::string_view what) {
  try {
    return value_of(Json::parse(text), what, 0);
  } catch (const Json::parse_error& error) {
    // The message begins with the library's own number: "[json.exception.parse_error.101] parse
    // error …".
    const std::string_view whole = error.what();
    const std::size_t start = whole.find("] ");
    throw UsageError(
        std::string(what) + " is no JSON: " +
        std::string(start == std::string_view::npos ? whole : whole.substr(start + 2)));
  }
}

Value read_json(const std::string& file) {
  if (file == "-")
    return parse_json(std::string{std::istreambuf_iterator<char>(std::cin), {}}, file);
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw UsageError("cannot read " + file, "name a JSON file, or - for standard input");
  return parse_json(std::string{std::istreambuf_iterator<char>(stream), {}}, file);
}

}  // namespace emstore::cli
