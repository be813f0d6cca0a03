// Names and values, a line each, and values as people tell one from another.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/session.h"

namespace emstore::cli {

class Pairs {
 public:
  void add(std::string name, std::string value);
  // Indented by two; the values stand below each other.
  void print(const Session& session) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// "nothing", a text in quotes, anything else as in a cell.
std::string told(const Value& value);
// From one to the other.
std::string told_change(const Value& before, const Value& after);

}  // namespace emstore::cli
