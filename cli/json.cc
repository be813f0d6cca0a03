#include "cli/json.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/failures.h"
#include "cli/terminal.h"

namespace emstore::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kDepthMax = 64;

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

// Builds the value while the text is read: later nobody knows how a number was written.
class ValueReader : public Json::json_sax_t {
 public:
  explicit ValueReader(std::string_view what) : what_(what) {}
  Value result() && { return std::move(result_); }

  bool null() override { return take(nullptr); }
  bool boolean(bool value) override { return take(value); }
  bool number_integer(std::int64_t value) override { return take(value); }
  bool number_unsigned(std::uint64_t value) override {
    if (value <= INT64_MAX) return take(static_cast<std::int64_t>(value));
    return number_float(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(double value, const std::string& text) override {
    const bool is_whole = text.find_first_of(".eE") == std::string::npos;
    if (!is_whole || is_exact(value, text)) return take(value);
    throw UsageError(std::string(what_) + " holds " + text + ", which would be rounded",
                     "write it as a text");
  }
  bool string(std::string& value) override { return take(std::move(value)); }
  bool binary(Json::binary_t&) override { return false; }  // JSON has none.
  bool start_object(std::size_t) override { return open(Map()); }
  bool start_array(std::size_t) override { return open(List()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    open_.back().name = std::move(name);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception& error) override {
    // The message begins with the library's own number: "[json.exception.parse_error.101] parse
    // error …".
    const std::string_view whole = error.what();
    const std::size_t start = whole.find("] ");
    throw UsageError(
        std::string(what_) + " is no JSON: " +
        std::string(start == std::string_view::npos ? whole : whole.substr(start + 2)));
  }

 private:
  struct Open {
    Value value;       // A list or a map.
    std::string name;  // Of the member that comes.
  };

  bool open(Value value) {
    if (open_.size() >= kDepthMax) throw UsageError(std::string(what_) + " nests too deeply");
    open_.push_back({std::move(value), {}});
    return true;
  }
  bool close() {
    Value value = std::move(open_.back().value);
    open_.pop_back();
    return take(std::move(value));
  }
  bool take(Value value) {
    if (open_.empty()) {
      result_ = std::move(value);
    } else if (List* list = open_.back().value.if_list()) {
      list->push_back(std::move(value));
    } else {
      open_.back().value.if_map()->set(open_.back().name, std::move(value));
    }
    return true;
  }

  std::string_view what_;
  std::vector<Open> open_;
  Value result_;
};

}  // namespace

std::string to_json(const Value& value) {
  return harmless_letters(json_of(value).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string to_indented_json(const Value& value) {
  return harmless_letters(json_of(value).dump(2, ' ', false, Json::error_handler_t::replace));
}

bool is_exact(double number, std::string_view digits) {
  std::array<char, 512> text{};  // The largest double has 309 digits.
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, 0)
          .ptr;
  return digits == std::string_view(text.data(), static_cast<std::size_t>(end - text.data()));
}

Value parse_json(std::string_view text, std::string_view what) {
  ValueReader reader(what);
  Json::sax_parse(text, &reader);
  return std::move(reader).result();
}

Value read_json(const std::string& file) {
  if (file == "-")
    return parse_json(std::string{std::istreambuf_iterator<char>(std::cin), {}}, file);
  std::ifstream stream(file, std::ios::binary);
  // A folder opens as if it were a file.
  if (!stream || std::filesystem::is_directory(file)) {
    throw UsageError("cannot read " + file, "name a JSON file, or - for standard input");
  }
  return parse_json(std::string{std::istreambuf_iterator<char>(stream), {}}, file);
}

}  // namespace emstore::cli
