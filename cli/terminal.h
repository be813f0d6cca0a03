// Where output goes and how it may look: colours and boxes for a person at a terminal, plain text
// else.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace emstore::cli {

enum class ColorChoice { automatic, always, never };

struct Terminal {
  bool is_terminal = false;  // Of standard output.
  bool colors = false;
  std::size_t columns = 80;
};

// `automatic` asks the terminal, $NO_COLOR and $TERM.
Terminal terminal_of_stdout(ColorChoice choice);
bool is_stderr_terminal();
bool has_colors_on_stderr(ColorChoice choice);

// The text in a style, or unchanged where there are no colours.
std::string bold(const Terminal& terminal, std::string_view text);
std::string dim(const Terminal& terminal, std::string_view text);
std::string green(const Terminal& terminal, std::string_view text);
std::string red(bool colors, std::string_view text);

// How many columns of a terminal the UTF-8 text takes: wide letters two, combining marks none.
std::size_t display_width(std::string_view text);
// Whether the text is UTF-8, whatever the user's locale is.
bool is_utf8(std::string_view text);
// The text without what would steer a terminal: control characters as \n, \t, \x1b or \u009b, those
// for the direction of writing as \u202e, and bytes that are no UTF-8 as \x9b.
std::string harmless(std::string_view text);
// The same of all but the first 32 characters, which JSON escapes by itself; so it stays JSON.
std::string harmless_letters(std::string_view text);
// Its beginning, within `width` columns, with "…" when something is missing.
std::string cut_to(std::string_view text, std::size_t width);

}  // namespace emstore::cli
