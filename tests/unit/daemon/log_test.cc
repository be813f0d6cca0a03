#include "daemon/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace emstore::daemon {
namespace {

TEST(LogLine, IsNamesAndValues) {
  EXPECT_EQ(log_line("connected",
                     {{"uid", 7}, {"path", "/run/sock"}, {"note", "two words"}, {"none", ""}}),
            "event=connected uid=7 path=/run/sock note=\"two words\" none=\"\"");
}

TEST(LogLine, EscapesWhatCouldForgeARecord) {
  EXPECT_EQ(log_line("bad", {{"text", "a\nevent=ok\x1b[31m\"\\\xff"}}),
            "event=bad text=\"a\\x0aevent=ok\\x1b[31m\\\"\\\\\\xff\"");
}

TEST(LogLine, IsPrintableWhateverAClientSends) {
  std::string everything;
  for (int byte = 0; byte < 256; ++byte) everything.push_back(static_cast<char>(byte));
  const std::string line = log_line("x", {{"text", everything}});
  EXPECT_TRUE(std::ranges::all_of(line, [](char sign) { return sign >= 0x20 && sign < 0x7f; }));
}

}  // namespace
}  // namespace emstore::daemon
