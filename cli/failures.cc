#include "cli/failures.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "cli/json.h"
#include "cli/terminal.h"

namespace emstore::cli {
namespace {

std::string line(std::string_view label, std::string_view text) {
  std::string result = "  " + std::string(label);
  result.resize(8, ' ');
  return result.append(harmless(text)).append("\n");
}

std::string code_text(ErrorCode code) { return "  [" + std::string(name_of(code)) + "]"; }

std::string hint_of(const Error& error) {
  return error.hint.empty() ? std::string(advice_for(error.code)) : error.hint;
}

Map map_of(const Error& error) {
  Map map{{"code", name_of(error.code)}, {"message", error.message}};
  if (!error.path.empty()) map.append("path", error.path);
  if (!error.hint.empty()) map.append("hint", error.hint);
  return map;
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

Error output_failure() {
  return {ErrorCode::io_failed,
          "cannot write to standard output",
          "",
          "see whether its disk is full, or whoever reads it has gone",
          {}};
}

std::string text_of(const Error& error, bool colors) {
  std::string text =
      red(colors, "error:") + " " + harmless(error.message) + code_text(error.code) + "\n";
  if (!error.path.empty()) text += line("at", error.path);
  text += line("hint", hint_of(error));
  if (error.violations.size() < 2) return text;
  text +=
      "  " + std::to_string(error.violations.size()) + " reasons in all, nothing was changed:\n";
  for (const Error& violation : error.violations) {
    text += "  - " + harmless(violation.message) + code_text(violation.code);
    if (!violation.path.empty()) text += " at " + harmless(violation.path);
    text += "\n";
  }
  return text;
}

std::string json_of(const Error& error) {
  Map map = map_of(error);
  if (const std::string hint = hint_of(error); !hint.empty()) map.set("hint", hint);
  map.append("retryable", is_retryable(error.code));
  List violations;
  for (const Error& violation : error.violations) violations.emplace_back(map_of(violation));
  if (!violations.empty()) map.append("violations", std::move(violations));
  return to_json(Map{{"error", std::move(map)}});
}

std::string text_of(const UsageError& error, bool colors) {
  std::string text = red(colors, "error:") + " " + harmless(error.what()) + "\n";
  if (!error.hint().empty()) text += line("hint", error.hint());
  return text;
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string> candidates) {
  const std::string* nearest = nullptr;
  std::size_t least = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(wrong, candidate);
    if (distance >= least || distance >= candidate.size()) continue;
    least = distance;
    nearest = &candidate;
  }
  return nearest ? "did you mean \"" + *nearest + "\"?" : "";
}

}  // namespace emstore::cli
