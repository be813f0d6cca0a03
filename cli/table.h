// A table for people. On a terminal it has rules and fits the width; elsewhere the same rows stand
// in columns that two blanks part, and what is longer than a column may be wide stands whole beyond
// it.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace emstore::cli {

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns; missing ones are empty.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::string text(const Terminal& terminal, std::size_t indent = 0) const;

 private:
  std::vector<std::size_t> widths(const Terminal& terminal, std::size_t indent) const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace emstore::cli
