// docs/operations.md against the code: what it lists is what there is.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "daemon/flags.h"
#include "daemon/settings.h"

namespace emstore::daemon {
namespace {

std::string manual() {
  std::ifstream file(EMSTORE_SOURCE "/docs/operations.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// First column → rest of the row, of all rows whose first column is code.
std::map<std::string, std::string> rows_of(const std::string& text) {
  std::map<std::string, std::string> rows;
  const std::regex row("\n\\| `([^`]+)` \\| ([^\n]*)\\|");
  for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) {
    rows.emplace((*it)[1], (*it)[2]);
  }
  return rows;
}

std::vector<std::string> settings_that_differ(const std::string& text) {
  const std::map<std::string, std::string> rows = rows_of(text);
  std::vector<std::string> wrong;
  for (const Setting& setting : settings()) {
    std::string value = text_of(setting, Config());
    if (is_quoted(setting)) value = "\"" + value + "\"";
    const std::string expected = "`" + value + "` | " + std::string(setting.help) + " ";
    const auto row = rows.find(std::string(setting.name));
    if (row == rows.end() || row->second != expected) wrong.emplace_back(setting.name);
  }
  return wrong;
}

TEST(OperationsManual, ListsEverySettingWithItsDefault) {
  EXPECT_EQ(settings_that_differ(manual()), std::vector<std::string>{});
}

TEST(OperationsManual, IsCaughtWhenADefaultIsWrong) {
  const std::string wrong = std::regex_replace(manual(), std::regex("`\"8MiB\"`"), "`\"9MiB\"`");
  EXPECT_EQ(settings_that_differ(wrong), std::vector<std::string>{"limits.request"});
}

TEST(OperationsManual, NamesNoSettingThatIsNotThere) {
  for (const auto& [name, rest] : rows_of(manual())) {
    if (!std::regex_match(name, std::regex("(limits|store|socket|requests|threads|log)\\.[a-z_]+")))
      continue;
    EXPECT_TRUE(std::ranges::any_of(settings(), [&name = name](const Setting& setting) {
      return setting.name == name;
    })) << name;
  }
}

TEST(OperationsManual, ListsEveryFlag) {
  const std::string text = manual();
  const std::string help(usage());
  const std::regex flag("--[a-z-]+");
  for (std::sregex_iterator it(help.begin(), help.end(), flag), end; it != end; ++it) {
    EXPECT_NE(text.find("`" + it->str()), std::string::npos) << it->str();
  }
}

TEST(OperationsManual, GivesTheExitCodeOfEveryClass) {
  const std::string text = manual();
#define EMSTORE_ERROR(error_class, name, advice)                               \
  EXPECT_NE(text.find("\n| " + std::to_string(exit_code_of(ErrorCode::name)) + \
                      " | `" #error_class "` |"),                              \
            std::string::npos)                                                 \
      << #error_class;
#include <emstore/errors.def>
#undef EMSTORE_ERROR
}

}  // namespace
}  // namespace emstore::daemon
