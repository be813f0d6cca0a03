#include "cli/terminal.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

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

struct CodePoint {
  std::size_t bytes;
  std::int64_t code;  // -1: a byte that is no UTF-8.
};

// The first of the text, which is not empty. A form that is longer than need be, a surrogate and
// what lies above the last code point are no UTF-8.
CodePoint first_code_point(std::string_view text) {
  constexpr CodePoint kNone{1, -1};
  constexpr std::array<std::int64_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};  // By length.
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {1, lead};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc0 || lead >= 0xf8 || text.size() < bytes) return kNone;
  std::int64_t code = lead & (0xffU >> (bytes + 1));
  for (const char next : text.substr(1, bytes - 1)) {
    const auto byte = static_cast<unsigned char>(next);
    if ((byte & 0xc0U) != 0x80U) return kNone;
    code = code << 6 | (byte & 0x3fU);
  }
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  return code < kLeast[bytes] || is_surrogate || code > 0x10ffff ? kNone : CodePoint{bytes, code};
}

// Made once: it takes longer than everything that is asked of it.
locale_t letters_locale() {
  static const locale_t kLocale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return kLocale;
}

// How wide letters are, whatever the user's locale is. Without the one that knows it, each is as
// wide as another.
class Utf8Letters {
 public:
  Utf8Letters() {
    if (letters_locale()) before_ = ::uselocale(letters_locale());
  }
  Utf8Letters(const Utf8Letters&) = delete;
  Utf8Letters& operator=(const Utf8Letters&) = delete;
  ~Utf8Letters() {
    if (before_) ::uselocale(before_);
  }

  struct Letter {
    std::size_t bytes;
    std::size_t columns;
  };
  // The first letter of the text, which is not empty.
  Letter first(std::string_view text) const {
    const auto [bytes, code] = first_code_point(text);
    const int columns = code <= 0 ? 1 : ::wcwidth(static_cast<wchar_t>(code));
    return {bytes, columns < 0 ? 1 : static_cast<std::size_t>(columns)};
  }

 private:
  locale_t before_{};
};

// Controls beyond the first 32, and those that turn the direction of writing: what follows would
// stand where it does not belong.
bool steers(std::int64_t code) {
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
  const Utf8Letters letters;
  std::size_t width = 0;
  while (!text.empty()) {
    const auto letter = letters.first(text);
    width += letter.columns;
    text.remove_prefix(letter.bytes);
  }
  return width;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto letter = first_code_point(text);
    if (letter.code < 0) return false;
    text.remove_prefix(letter.bytes);
  }
  return true;
}

std::string harmless_letters(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto letter = first_code_point(text);
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
  const Utf8Letters letters;
  std::string result;
  std::size_t used = 1;  // For the "…".
  while (!text.empty()) {
    const auto letter = letters.first(text);
    if (used + letter.columns > width) break;
    used += letter.columns;
    result.append(text.substr(0, letter.bytes));
    text.remove_prefix(letter.bytes);
  }
  return result + "…";
}

}  // namespace emstore::cli
