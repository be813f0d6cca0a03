#include "daemon/flags.h"

#include <gtest/gtest.h>

#include <vector>

namespace emstore::daemon {
namespace {

Result<Flags> read(std::vector<std::string_view> arguments) { return read_flags(arguments); }

TEST(Flags, TakeTheirValueAfterASpaceOrASign) {
  const auto flags = read({"--data", "/d", "--socket=/s", "--set", "limits.depth=3"});
  ASSERT_TRUE(flags) << to_string(flags.error());
  ASSERT_EQ(flags->overrides.size(), 3u);
  EXPECT_EQ(flags->overrides[0].name, "data");
  EXPECT_EQ(flags->overrides[0].value, "/d");
  EXPECT_EQ(flags->overrides[1].name, "socket.path");
  EXPECT_EQ(flags->overrides[1].value, "/s");
  EXPECT_EQ(flags->overrides[2].name, "limits.depth");
  EXPECT_EQ(flags->overrides[2].value, "3");
  EXPECT_EQ(flags->overrides[2].origin, "--set");
}

TEST(Flags, AskForOneThing) {
  EXPECT_TRUE(read({"--version"})->version);
  EXPECT_TRUE(read({"--help"})->help);
  EXPECT_TRUE(read({"-h"})->help);
  EXPECT_TRUE(read({"--print-config"})->print_config);
  EXPECT_EQ(read({"--dump", "all"})->dump, "all");
}

TEST(Flags, RefuseJsonOfWhatTellsNone) {
  EXPECT_TRUE(read({"--json", "--import"})->json);
  EXPECT_TRUE(read({"--restore", "/b", "--json"})->json);
  EXPECT_FALSE(read({"--import"})->json);
  for (const char* other : {"--print-config", "--version", "--data=/d"}) {
    EXPECT_EQ(read({"--json", other}).error().code, ErrorCode::invalid_request) << other;
  }
}

TEST(Flags, RefuseWhatTheyDoNotKnow) {
  EXPECT_EQ(read({"--dta", "/d"}).error().hint, "did you mean \"--data\"?");
  EXPECT_EQ(read({"data"}).error().code, ErrorCode::invalid_request);
  EXPECT_EQ(read({"--data"}).error().message, "--data needs a value");
  EXPECT_EQ(read({"--version=3"}).error().message, "--version takes no value");
}

TEST(Flags, AskForNoMoreThanOneThing) {
  using Words = std::vector<std::string_view>;
  for (const Words& words :
       {Words{"--dump", "log", "--import"}, Words{"--import", "--restore", "x"},
        Words{"--restore=x", "--dump=all"}}) {
    const auto flags = read(words);
    ASSERT_FALSE(flags) << words[0];
    EXPECT_NE(flags.error().message.find("do not go together"), std::string::npos);
  }
  EXPECT_TRUE(read({"--import", "--data", "/d"})->import);
  EXPECT_EQ(read({"--dump", "log", "--dump", "all"}).error().message, "--dump is given twice");
  EXPECT_TRUE(read({"--import", "--import"}).has_value());
}

}  // namespace
}  // namespace emstore::daemon
