#include "cli/table.h"

#include <algorithm>
#include <numeric>

namespace emstore::cli {
namespace {

constexpr std::size_t kNarrowest = 6;
// Where nothing is cut, a column is no wider: else one long text would fill all rows with blanks.
constexpr std::size_t kWidest = 80;

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

std::string padded(const std::string& text, std::size_t width, Table::Align align) {
  const std::string blanks(width - std::min(width, display_width(text)), ' ');
  return align == Table::Align::left ? text + blanks : blanks + text;
}

std::string without_trailing_blanks(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = harmless(cell);
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(const Terminal& terminal, std::size_t indent) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = display_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i]));
    widths.push_back(width);
  }
  if (!terminal.is_terminal) {
    for (std::size_t& width : widths) width = std::min(width, kWidest);
    return widths;
  }
  // The widest columns give way until the table fits.
  const std::size_t rules = indent + 3 * columns_.size();
  while (std::accumulate(widths.begin(), widths.end(), rules) > terminal.columns) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
  }
  return widths;
}

std::string Table::text(const Terminal& terminal, std::size_t indent) const {
  const auto widths_of_columns = widths(terminal, indent);
  const std::string margin(indent, ' ');
  const auto fitted = [&](const std::string& cell, std::size_t column) {
    const std::size_t width = widths_of_columns[column];
    return padded(terminal.is_terminal ? cut_to(cell, width) : cell, width, columns_[column].align);
  };
  const std::string between = terminal.is_terminal ? dim(terminal, " │ ") : "  ";
  std::string header, rule;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) header += between;
    if (i > 0) rule += "─┼─";
    header += bold(terminal, fitted(columns_[i].title, i));
    rule += repeated("─", widths_of_columns[i]);
  }
  std::string text = margin + without_trailing_blanks(header) + "\n";
  if (terminal.is_terminal) text += margin + dim(terminal, rule) + "\n";
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += between;
      line += fitted(row[i], i);
    }
    text += margin + without_trailing_blanks(line) + "\n";
  }
  return text;
}

}  // namespace emstore::cli
