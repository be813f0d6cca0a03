#include "cli/pairs.h"

#include <algorithm>

#include "cli/terminal.h"
#include "cli/text.h"

namespace emstore::cli {

void Pairs::add(std::string name, std::string value) {
  pairs_.emplace_back(harmless(name), harmless(value));
}

void Pairs::print(const Session& session) const {
  std::size_t width = 0;
  for (const auto& [name, value] : pairs_) width = std::max(width, display_width(name));
  for (const auto& [name, value] : pairs_) {
    const std::string blanks(width - display_width(name) + 2, ' ');
    session.print(dim(session.terminal(), "  " + name + blanks) + value + "\n");
  }
}

std::string told(const Value& value) {
  if (value.is_null()) return "nothing";
  if (value.if_text() != nullptr) return "\"" + *value.if_text() + "\"";
  return cell_text(value);
}

std::string told_change(const Value& before, const Value& after) {
  return told(before) + " → " + told(after);
}

}  // namespace emstore::cli
