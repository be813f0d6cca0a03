// docs/protocol.md against the code.
#include <emstore/error.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "protocol/codec.h"

namespace emstore::protocol {
namespace {

using Row = std::vector<std::string>;

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(EMSTORE_SOURCE + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  EXPECT_FALSE(lines.empty()) << path;
  return lines;
}

std::string trimmed(std::string_view text, std::string_view marks) {
  const std::size_t begin = text.find_first_not_of(marks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(marks) - begin + 1));
}

// The cells of "| a | `b` |", without spaces and backticks; a dash stands for nothing.
Row cells_of(const std::string& line) {
  Row cells;
  std::istringstream stream(line.substr(1));
  for (std::string cell; std::getline(stream, cell, '|');) {
    cell = trimmed(cell, " `");
    cells.push_back(cell == "–" ? "" : cell);
  }
  return cells;
}

// The rows below the table head that begins with `head`.
std::vector<Row> table(std::string_view head) {
  std::vector<Row> rows;
  bool is_within = false;
  for (const std::string& line : lines_of("/docs/protocol.md")) {
    if (!is_within && line.starts_with(head)) {
      is_within = true;
    } else if (is_within && !line.starts_with("|")) {
      break;
    } else if (is_within && !line.starts_with("|--")) {
      rows.push_back(cells_of(line));
    }
  }
  return rows;
}

TEST(ProtocolManual, ListsEveryMethodAsTheCodeHasIt) {
  std::vector<Row> expected;
  for (const MethodInfo& method : methods()) {
    expected.push_back({std::string(method.name), std::string(method.params),
                        std::string(method.options), std::string(method.result),
                        std::string(method.summary)});
  }
  EXPECT_EQ(table("| method |"), expected);
}

TEST(ProtocolManual, ListsEveryErrorAsTheCodeHasIt) {
  const std::vector<Row> expected{
#define EMSTORE_ERROR(error_class, name, advice) {#error_class, #name, trimmed(advice, " `")},
#include <emstore/errors.def>
#undef EMSTORE_ERROR
  };
  EXPECT_EQ(table("| class |"), expected);
}

TEST(ProtocolManual, NamesTheDefaultLimits) {
  const Limits limits;
  std::map<std::string, std::string> shown;
  for (const Row& row : table("| limit |")) shown[row.at(0)] = row.at(1);
  const auto mebibytes = [](std::size_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; };
  EXPECT_EQ(shown["one request"], mebibytes(limits.request_bytes_max));
  EXPECT_EQ(shown["one reply or push"], mebibytes(limits.reply_bytes_max));
  EXPECT_EQ(shown["bytes of one `blob.write` or `blob.read"], mebibytes(limits.chunk_bytes_max));
  EXPECT_EQ(shown["lists and maps within each other, the message's own included"],
            std::to_string(limits.depth_max));
}

// Every ```hex block is one whole message, and a golden one.
TEST(ProtocolManual, ShowsOnlyGoldenBytes) {
  std::string golden;
  for (const std::string& line : lines_of("/tests/golden/messages.json")) golden += line;
  std::size_t blocks = 0;
  std::optional<std::string> block;
  for (const std::string& line : lines_of("/docs/protocol.md")) {
    if (line == "```hex") {
      block.emplace();
    } else if (block && line == "```") {
      ++blocks;
      EXPECT_NE(golden.find("\"hex\": \"" + *block + "\""), std::string::npos) << *block;
      block.reset();
    } else if (block) {
      for (const char letter : line) {
        if (letter != ' ') *block += letter;
      }
    }
  }
  EXPECT_GE(blocks, 5U);
}

}  // namespace
}  // namespace emstore::protocol
