// Formats of texts, and when two values are the same in JSON.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/time.h"
#include "store/json_schema_node.h"
#include "store/number_rules.h"

namespace emstore::store {
namespace {

constexpr std::array<std::pair<JsonFormat, std::string_view>, 8> kFormats{{
    {JsonFormat::date, "date"},
    {JsonFormat::date_time, "date-time"},
    {JsonFormat::time, "time"},
    {JsonFormat::email, "email"},
    {JsonFormat::hostname, "hostname"},
    {JsonFormat::ipv4, "ipv4"},
    {JsonFormat::uri, "uri"},
    {JsonFormat::uuid, "uuid"},
}};

bool matches(std::string_view text, const RE2& whole) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), whole);
}

bool is_email(std::string_view text) {
  static const RE2 kEmail(
      R"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)");
  return matches(text, kEmail);
}

bool is_hostname(std::string_view text) {
  static const RE2 kHostname(
      R"([A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*)");
  return text.size() <= 253 && matches(text, kHostname);
}

bool is_ipv4(std::string_view text) {
  static const RE2 kAddress(
      R"((?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d))");
  return matches(text, kAddress);
}

bool is_uri(std::string_view text) {
  static const RE2 kUri(
      R"([A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)");
  return matches(text, kUri);
}

bool is_uuid(std::string_view text) {
  static const RE2 kUuid(
      R"([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})");
  return matches(text, kUuid);
}

// A whole number reads as the integer of that value: it is the integers that have more digits than
// a float64 holds.
std::string number_text(double number) {
  constexpr double kBeyondIntegers = 9223372036854775808.0;  // 2^63
  const bool is_integer =
      number >= -kBeyondIntegers && number < kBeyondIntegers && std::trunc(number) == number;
  return is_integer ? std::to_string(static_cast<std::int64_t>(number)) : text_of_number(number);
}

void append_json(const Value& value, std::string& text) {
  if (const std::int64_t* integer = value.if_integer()) {
    text += std::to_string(*integer);
  } else if (const double* number = value.if_number()) {
    text += number_text(*number);
  } else if (const std::string* own = value.if_text()) {
    text += '"' + std::to_string(own->size()) + ':' + *own;  // The size makes an escape needless.
  } else if (const List* list = value.if_list()) {
    text += '[';
    for (const Value& item : *list) {
      append_json(item, text);
      text += ',';
    }
    text += ']';
  } else if (const Map* map = value.if_map()) {
    std::vector<const Map::Member*> members;
    for (const Map::Member& member : *map) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const auto* left, const auto* right) { return left->name < right->name; });
    text += '{';
    for (const Map::Member* member : members) {
      append_json(Value(member->name), text);
      append_json(member->value, text);
      text += ',';
    }
    text += '}';
  } else {
    text += value.if_boolean() == nullptr ? "null" : *value.if_boolean() ? "true" : "false";
  }
}

}  // namespace

std::string canonical_json(const Value& value) {
  std::string text;
  append_json(value, text);
  return text;
}

bool has_json_format(JsonFormat format, std::string_view text) {
  switch (format) {
    case JsonFormat::none:
      return true;
    case JsonFormat::date:
      return date_of(text).has_value();
    case JsonFormat::date_time:
      return time_of(text).has_value();
    case JsonFormat::time:
      return time_of("1970-01-02T" + std::string(text)).has_value();
    case JsonFormat::email:
      return is_email(text);
    case JsonFormat::hostname:
      return is_hostname(text);
    case JsonFormat::ipv4:
      return is_ipv4(text);
    case JsonFormat::uri:
      return is_uri(text);
    case JsonFormat::uuid:
      return is_uuid(text);
  }
  return false;
}

std::optional<JsonFormat> json_format_named(std::string_view name) {
  for (const auto& [format, known] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

std::string_view name_of(JsonFormat format) {
  for (const auto& [known, name] : kFormats) {
    if (known == format) return name;
  }
  return {};
}

}  // namespace emstore::store
