#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "cli/json.h"
#include "cli/terminal.h"

namespace emstore::cli {
namespace {

constexpr std::int64_t kMicrosPerSecond = 1'000'000;

template <typename... Arguments>
std::string printed(const char* format, Arguments... arguments) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), format, arguments...);
  return text.data();
}

const Value& null_value() {
  static const Value kNull;
  return kNull;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double size = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return printed("%.1f %s", size, kUnits[unit]);
}

std::string count_text(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t place = digits.size(); place > 3;) {
    place -= 3;
    digits.insert(place, ",");
  }
  return digits;
}

std::string time_text(Time time) {
  std::int64_t seconds = time.micros / kMicrosPerSecond;
  if (time.micros % kMicrosPerSecond < 0) --seconds;
  const auto when = static_cast<std::time_t>(seconds);
  std::tm parts{};
  if (!::gmtime_r(&when, &parts)) return std::to_string(time.micros) + " us";
  return printed("%04d-%02d-%02d %02d:%02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1,
                 parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string duration_text(double seconds) {
  if (seconds < 1) return printed("%.0f ms", seconds * 1000);
  if (seconds < 60) return printed("%.1f s", seconds);
  const auto minutes = static_cast<std::uint64_t>(seconds / 60);
  if (minutes < 60) return printed("%llu min", static_cast<unsigned long long>(minutes));
  if (minutes < 48 * 60) {
    return printed("%llu h %llu min", static_cast<unsigned long long>(minutes / 60),
                   static_cast<unsigned long long>(minutes % 60));
  }
  return printed("%llu days", static_cast<unsigned long long>(minutes / (24 * 60)));
}

std::string address_text(std::string_view blob) {
  const std::size_t colon = blob.find(':');
  if (colon != std::string_view::npos) blob.remove_prefix(colon + 1);
  const std::size_t dot = blob.find('.');
  const std::string_view digest = blob.substr(0, dot);
  const std::string_view ordinal = dot == std::string_view::npos ? "" : blob.substr(dot);
  if (digest.size() <= 12) return std::string(blob);
  return std::string(digest.substr(0, 8)) + "…" + std::string(digest.substr(digest.size() - 4)) +
         std::string(ordinal);
}

std::string cell_text(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      return "";
    case Value::Kind::text:
      return *value.if_text();
    case Value::Kind::time:
      return time_text(*value.if_time());
    case Value::Kind::number: {
      const double number = *value.if_number();
      if (std::trunc(number) == number && std::abs(number) < 1e15) return printed("%.0f", number);
      return to_string(value);
    }
    case Value::Kind::boolean:
    case Value::Kind::integer:
      return to_string(value);
    case Value::Kind::binary:
    case Value::Kind::list:
    case Value::Kind::map:
      return to_json(value);
  }
  return "";
}

std::string names_text(RecordsView media) {
  std::string names;
  for (const RecordView medium : media) {
    if (!names.empty()) names += ", ";
    const Value& name = medium["name"];
    names += name.is_null() ? "#" + cell_text(medium.id()) : cell_text(name);
  }
  return names;
}

const Value& value_at(const Map& map, std::string_view path) {
  const std::size_t dot = path.find('.');
  const Value* value = map.find(path.substr(0, dot));
  if (!value) return null_value();
  if (dot == std::string_view::npos) return *value;
  return value->if_map() ? value_at(*value->if_map(), path.substr(dot + 1)) : null_value();
}

std::uint64_t number_at(const Map& map, std::string_view path) {
  const Value& value = value_at(map, path);
  if (const auto* integer = value.if_integer())
    return static_cast<std::uint64_t>(std::max<std::int64_t>(*integer, 0));
  if (const auto* number = value.if_number())
    return static_cast<std::uint64_t>(std::max(*number, 0.0));
  return 0;
}

const Map& map_at(const Map& map, std::string_view path) {
  static const Map kNone;
  const Map* found = value_at(map, path).if_map();
  return found == nullptr ? kNone : *found;
}

std::string text_at(const Map& map, std::string_view path) {
  const std::string* text = value_at(map, path).if_text();
  return text == nullptr ? std::string() : *text;
}

}  // namespace emstore::cli
