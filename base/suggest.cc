#include "base/suggest.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <emstore/value.hpp>
#include <vector>

namespace emstore {
namespace {

// Names are short; beyond this nothing was merely mistyped.
constexpr std::size_t kLongestName = 64;

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// Levenshtein's distance with one row of the table; upper and lower case are the same.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t column = 0; column < row.size(); ++column) row[column] = column;
  for (std::size_t line = 0; line < a.size(); ++line) {
    std::size_t diagonal = row[0];
    row[0] = line + 1;
    for (std::size_t column = 0; column < b.size(); ++column) {
      const std::size_t changed = diagonal + (lower(a[line]) == lower(b[column]) ? 0 : 1);
      diagonal = row[column + 1];
      row[column + 1] = std::min({changed, diagonal + 1, row[column] + 1});
    }
  }
  return row.back();
}

// The length of the UTF-8 sequence that begins `bytes`, 0 when it is malformed (RFC 3629, section
// 4).
std::size_t sequence_length(std::string_view bytes) {
  const auto byte = [bytes](std::size_t place) -> unsigned {
    return place < bytes.size() ? static_cast<unsigned char>(bytes[place]) : 0U;
  };
  const auto follows = [&byte](std::size_t place, unsigned low, unsigned high) {
    return byte(place) >= low && byte(place) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2, 0x80, 0xBF) && follows(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// Whether eight bytes of ASCII come first: most text is nothing else, and is passed over quickly.
bool is_ascii_word(std::string_view bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::uint64_t word = 0;
  if (bytes.size() < sizeof word) return false;
  std::memcpy(&word, bytes.data(), sizeof word);
  return (word & kHighBits) == 0;
}

bool is_continuation(char letter) { return (static_cast<unsigned char>(letter) & 0xC0U) == 0x80U; }

// A message is a text, whatever it speaks of.
std::string with_signs_for_what_is_no_text(std::string_view bytes) {
  std::string text;
  for (const char letter : bytes) {
    text += static_cast<unsigned char>(letter) < 0x80U ? std::string_view(&letter, 1) : "\uFFFD";
  }
  return text;
}

}  // namespace

std::string_view suggestion(std::string_view wrong, std::span<const std::string_view> candidates) {
  if (wrong.empty() || wrong.size() > kLongestName) return {};
  // A distance of the whole length would suggest anything for a name of two letters.
  const std::size_t allowed =
      std::min(std::max<std::size_t>(2, wrong.size() / 3), wrong.size() - 1);
  std::string_view nearest;
  std::size_t nearest_distance = allowed + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > wrong.size() + allowed) continue;
    const std::size_t distance = edit_distance(wrong, candidate);
    if (distance < nearest_distance) {
      nearest = candidate;
      nearest_distance = distance;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> candidates) {
  const std::string_view nearest = suggestion(wrong, candidates);
  if (nearest.empty()) return {};
  return "did you mean \"" + std::string(nearest) + "\"?";
}

std::string Quoted::operator()(std::string_view text) const {
  constexpr std::size_t kBytesMax = 80;
  if (!is_utf8(text)) return operator()(with_signs_for_what_is_no_text(text.substr(0, kBytesMax)));
  if (text.size() <= kBytesMax) return to_string(Value(text));
  std::size_t end = kBytesMax;
  while (end > 0 && is_continuation(text[end])) --end;
  return to_string(Value(std::string(text.substr(0, end)) + "…"));
}

std::string brief(const Value& value) {
  constexpr std::size_t kBytesMax = 80;
  if (const std::string* text = value.if_text()) return quoted(*text);
  std::string text = to_string(value);
  return text.size() <= kBytesMax ? text : "a long " + std::string(name_of(value.kind()));
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    if (is_ascii_word(bytes)) {
      bytes.remove_prefix(sizeof(std::uint64_t));
      continue;
    }
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace emstore
