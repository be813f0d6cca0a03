// Patterns of $like and $ilike, and the folding of upper and lower case: the only door to utf8proc.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace emstore::store {

// Bounds the time that matching takes, which is in the worst case pattern times text.
inline constexpr std::size_t kLikePatternBytesMax = 1024;

// Texts that differ only in case, by Unicode's full case folding, become equal; so do composed and
// decomposed forms of one character. Text that is not UTF-8 is given back as it is.
std::string fold_case(std::string_view text);

enum class Case : bool { matters, folded };

// `%` stands for any text, `_` for one code point, `\` takes the meaning from what follows it.
class LikePattern {
 public:
  // Errors: too_long, invalid_request for a `\` at the end. The path is left to the caller.
  static Result<LikePattern> of(std::string_view pattern, Case letters);

  bool matches(std::string_view text) const;
  // What every text begins with that matches; empty when letters are folded.
  std::string prefix() const;

 private:
  enum class Kind : std::uint8_t { byte, code_point, run };
  struct Unit {
    Kind kind;
    char byte = 0;
  };

  bool matches_units(std::string_view text) const;

  Case letters_ = Case::matters;
  std::vector<Unit> units_;
};

}  // namespace emstore::store
