// Help for messages: what was probably meant, and how names and values are shown.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace emstore {

class Value;

// The candidate nearest to `wrong`, when it is near enough to be a slip of the hand: equal but for
// upper and lower case, or at an edit distance of at most 2 or a third of its length. Else empty.
// The view is the candidate's.
std::string_view suggestion(std::string_view wrong, std::span<const std::string_view> candidates);

// `did you mean "gallery"?`, or empty.
std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> candidates);

// quoted(text): the text within quotes, for a message; cut with "…" after 80 bytes, control
// characters escaped; bytes that are not UTF-8 show as U+FFFD. An object, because std::quoted would
// take calls of a function of this name.
struct Quoted {
  std::string operator()(std::string_view text) const;
};
inline constexpr Quoted quoted;  // NOLINT(readability-identifier-naming): used as a function.

// A value for a message: as JSON writes it, or `a long list`; a text as quoted() has it.
std::string brief(const Value& value);

// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

}  // namespace emstore
