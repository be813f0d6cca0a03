#include "base/types.h"

#include <algorithm>

#include "base/hash.h"

namespace emstore {
namespace {

constexpr std::size_t kUuidTextSize = 36;

bool has_dash_at(std::size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

std::optional<RecordId> uuid_of(std::string_view text) {
  if (text.size() != kUuidTextSize) return std::nullopt;
  std::string digits;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (has_dash_at(place) != (text[place] == '-')) return std::nullopt;
    if (text[place] != '-') digits += text[place];
  }
  const std::optional<std::string> bytes = from_hex(digits);
  if (!bytes) return std::nullopt;
  std::array<std::uint8_t, 16> uuid{};
  std::copy(bytes->begin(), bytes->end(), uuid.begin());
  return RecordId(uuid);
}

}  // namespace

std::string to_string(const RecordId& id) {
  if (!id.is_uuid()) return std::to_string(id.integer());
  std::string text = to_hex(as_bytes(id.uuid()));
  for (const std::size_t place : {8U, 13U, 18U, 23U}) text.insert(place, 1, '-');
  return text;
}

Value to_value(const RecordId& id) {
  if (id.is_uuid()) return to_string(id);
  return id.integer();
}

std::optional<RecordId> record_id_of(const Value& value) {
  if (const auto* integer = value.if_integer()) {
    if (*integer < 1) return std::nullopt;
    return RecordId(static_cast<std::uint64_t>(*integer));
  }
  if (const auto* text = value.if_text()) return uuid_of(*text);
  return std::nullopt;
}

}  // namespace emstore
