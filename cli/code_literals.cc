#include "cli/code_literals.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "cli/json.h"

namespace emstore::cli {
namespace {

bool is_identifier(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

std::string number_text(double number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  std::string text(digits.data(), end.ptr);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

// Bytes that are no plain letters as three octal digits: what follows cannot lengthen these.
std::string text_in_cpp(std::string_view text) {
  std::string literal = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\' || letter == '?') {
      literal += std::string("\\") + letter;
    } else if (byte < 0x20 || byte == 0x7F) {
      literal += '\\';
      for (const unsigned shift : {6U, 3U, 0U}) {
        literal += static_cast<char>('0' + ((byte >> shift) & 7U));
      }
    } else {
      literal += letter;
    }
  }
  literal += '"';
  if (text.find('\0') == std::string_view::npos) return literal;
  return "std::string(" + literal + ", " + std::to_string(text.size()) + ")";
}

}  // namespace

std::string in_typescript(const Value& value) {
  if (const List* list = value.if_list()) {
    std::string text;
    for (const Value& item : *list) text += (text.empty() ? "" : ", ") + in_typescript(item);
    return "[" + text + "]";
  }
  if (const Map* map = value.if_map()) {
    std::string text;
    for (const Map::Member& member : *map) {
      text += (text.empty() ? "" : ", ") +
              (is_identifier(member.name) ? member.name : to_json(Value(member.name))) + ": " +
              in_typescript(member.value);
    }
    return text.empty() ? "{}" : "{ " + text + " }";
  }
  if (const double* number = value.if_number();
      number != nullptr && *number == std::floor(*number)) {
    std::string text = number_text(*number);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
  }
  return to_json(value);
}

std::string in_cpp(const Value& value) {
  if (const bool* boolean = value.if_boolean()) return *boolean ? "true" : "false";
  if (const std::int64_t* integer = value.if_integer()) return std::to_string(*integer);
  if (const double* number = value.if_number()) return number_text(*number);
  if (const std::string* text = value.if_text()) return text_in_cpp(*text);
  if (const Time* time = value.if_time()) {
    return "emstore::Time{" + std::to_string(time->micros) + "}";
  }
  if (const List* list = value.if_list()) {
    std::string text;
    for (const Value& item : *list) {
      text += (text.empty() ? "Value(" : ", Value(") + in_cpp(item) + ")";
    }
    return "List{" + text + "}";
  }
  if (const Map* map = value.if_map()) {
    std::string text;
    for (const Map::Member& member : *map) {
      text += (text.empty() ? "{" : ", {") + text_in_cpp(member.name) + ", " +
              in_cpp(member.value) + "}";
    }
    return "Map{" + text + "}";
  }
  return "nullptr";
}

std::string texts_in_cpp(const List& texts) {
  std::string text;
  for (const Value& item : texts) text += (text.empty() ? "" : ", ") + in_cpp(item);
  return "{" + text + "}";
}

}  // namespace emstore::cli
