#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace emstore::cli {
namespace {

std::string styled(bool colors, std::string_view code, std::string_view text) {
  if (!colors) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value != '\0';
}

bool wants_colors(ColorChoice choice, bool is_terminal) {
  if (choice != ColorChoice::automatic) return choice == ColorChoice::always;
  const char* term = std::getenv("TERM");
  return is_terminal && !is_set("NO_COLOR") && !(term && std::string_view(term) == "dumb");
}

struct Letter {
  std::size_t bytes;
  std::int32_t code;  // -1: a byte that is no UTF-8.
};

// The first of the text, which is not empty. Letters are read as UTF-8 whatever the user's locale
// is.
Letter first_letter(std::string_view text) {
  utf8proc_int32_t code = -1;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &code);
  if (bytes <= 0) return {1, -1};
  return {static_cast<std::size_t>(bytes), code};
}

// Of a byte, control character or letter that nobody knows one, whatever it is shown as.
std::size_t columns_of(std::int32_t code) {
  const utf8proc_category_t category = utf8proc_category(code);
  if (category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CN) return 1;
  if (category == UTF8PROC_CATEGORY_MC) return 1;  // Beside a letter, though utf8proc says 0.
  return static_cast<std::size_t>(utf8proc_charwidth(code));
}

// Controls beyond the first 32, and those that turn the direction of writing: what follows would
// stand where it does not belong.
bool steers(std::int32_t code) {
  return (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

std::string printed_as(const char* format, unsigned code) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, code);
  return text.data();
}

}  // namespace

Terminal terminal_of_stdout(ColorChoice choice) {
  Terminal terminal;
  terminal.is_terminal = ::isatty(STDOUT_FILENO) == 1;
  terminal.colors = wants_colors(choice, terminal.is_terminal);
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    terminal.columns = size.ws_col;
  return terminal;
}

bool is_stderr_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool has_colors_on_stderr(ColorChoice choice) { return wants_colors(choice, is_stderr_terminal()); }

std::string bold(const Terminal& terminal, std::string_view text) {
  return styled(terminal.colors, "1", text);
}
std::string dim(const Terminal& terminal, std::string_view text) {
  return styled(terminal.colors, "2", text);
}
std::string green(const Terminal& terminal, std::string_view text) {
  return styled(terminal.colors, "32", text);
}
std::string red(bool colors, std::string_view text) { return styled(colors, "31;1", text); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    width += columns_of(letter.code);
    text.remove_prefix(letter.bytes);
  }
  return width;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    if (letter.code < 0) return false;
    text.remove_prefix(letter.bytes);
  }
  return true;
}

std::string harmless_letters(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    if (letter.code < 0) {
      result += printed_as("\\x%02x", static_cast<unsigned char>(text.front()));
    } else if (steers(letter.code)) {
      result += printed_as("\\u%04x", static_cast<unsigned>(letter.code));
    } else {
      result.append(text.substr(0, letter.bytes));
    }
    text.remove_prefix(letter.bytes);
  }
  return result;
}

std::string harmless(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (const char letter : harmless_letters(text)) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte >= 0x20) {
      result += letter;
    } else if (letter == '\n') {
      result += "\\n";
    } else if (letter == '\t') {
      result += "\\t";
    } else {
      result += printed_as("\\x%02x", byte);
    }
  }
  return result;
}

std::string cut_to(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string result;
  std::size_t used = 1;  // For the "…".
  while (!text.empty()) {
    const Letter letter = first_letter(text);
    const std::size_t columns = columns_of(letter.code);
    if (used + columns > width) break;
    used += columns;
    result.append(text.substr(0, letter.bytes));
    text.remove_prefix(letter.bytes);
  }
  return result + "…";
}

}  // namespace emstore::cli
