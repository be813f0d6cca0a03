#include "store/text_match.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace emstore::store {
namespace {

struct Free {
  void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
};

// Where the code point after the one at `place` begins.
std::size_t next_code_point(std::string_view text, std::size_t place) {
  do {
    ++place;
  } while (place < text.size() && (static_cast<unsigned char>(text[place]) & 0xC0U) == 0x80U);
  return place;
}

}  // namespace

std::string fold_case(std::string_view text) {
  utf8proc_uint8_t* folded = nullptr;
  const auto options =
      static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &folded, options);
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(folded);
  if (size < 0) return std::string(text);
  return {reinterpret_cast<const char*>(folded), static_cast<std::size_t>(size)};
}

Result<LikePattern> LikePattern::of(std::string_view pattern, Case letters) {
  if (pattern.size() > kLikePatternBytesMax) {
    return failure(ErrorCode::too_long, "a pattern of " + std::to_string(pattern.size()) +
                                            " bytes; at most " +
                                            std::to_string(kLikePatternBytesMax) + " are allowed");
  }
  LikePattern like;
  like.letters_ = letters;
  // The signs with a meaning are ASCII and not letters, so folding leaves them alone.
  const std::string text = letters == Case::folded ? fold_case(pattern) : std::string(pattern);
  bool is_escaped = false;
  for (const char sign : text) {
    if (!is_escaped && sign == '\\') {
      is_escaped = true;
      continue;
    }
    Kind kind = Kind::byte;
    if (!is_escaped && sign == '%') kind = Kind::run;
    if (!is_escaped && sign == '_') kind = Kind::code_point;
    like.units_.push_back({kind, sign});
    is_escaped = false;
  }
  if (is_escaped) {
    return failure(ErrorCode::invalid_request, "a pattern that ends in a single \\", {},
                   "write \\\\ for the sign itself");
  }
  return like;
}

bool LikePattern::matches(std::string_view text) const {
  return letters_ == Case::folded ? matches_units(fold_case(text)) : matches_units(text);
}

std::string LikePattern::prefix() const {
  std::string prefix;
  if (letters_ == Case::folded) return prefix;
  for (const Unit& unit : units_) {
    if (unit.kind != Kind::byte) break;
    prefix += unit.byte;
  }
  return prefix;
}

bool LikePattern::matches_units(std::string_view text) const {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t unit = 0, place = 0;
  // The last `%` passed and where the text it swallows ends: only that one is ever tried again.
  std::size_t run = kNone, run_end = 0;
  while (place < text.size()) {
    const bool has_unit = unit < units_.size();
    if (has_unit && units_[unit].kind == Kind::run) {
      run = unit++;
      run_end = place;
    } else if (has_unit && units_[unit].kind == Kind::code_point) {
      place = next_code_point(text, place);
      ++unit;
    } else if (has_unit && units_[unit].byte == text[place]) {
      ++place;
      ++unit;
    } else if (run != kNone) {
      run_end = next_code_point(text, run_end);
      place = run_end;
      unit = run + 1;
    } else {
      return false;
    }
  }
  while (unit < units_.size() && units_[unit].kind == Kind::run) ++unit;
  return unit == units_.size();
}

}  // namespace emstore::store
