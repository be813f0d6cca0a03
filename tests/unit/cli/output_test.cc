#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/failures.h"
#include "cli/json.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/text.h"

namespace emstore::cli {
namespace {

const Terminal kPipe{};
const Terminal kNarrow{.is_terminal = true, .colors = false, .columns = 24};

TEST(Table, AlignsByWhatTheEyeSees) {
  Table table({{"ID", Table::Align::right}, {"NAME"}, {"X"}});
  table.add({"7", "Café", "a"});
  table.add({"18", "日本", "b"});
  table.add({"100", "e\xcc\x81"});  // e and a combining accent: one column.
  EXPECT_EQ(table.text(kPipe),
            " ID  NAME  X\n"
            "  7  Café  a\n"
            " 18  日本  b\n"
            "100  e\xcc\x81\n");
}

TEST(Table, FitsATerminalAndHasRulesThere) {
  Table table({{"NAME"}, {"TEXT"}});
  table.add({"Laptop", "much too long for so narrow a place"});
  const std::string text = table.text(kNarrow);
  EXPECT_THAT(text, ::testing::HasSubstr("│"));
  EXPECT_THAT(text, ::testing::HasSubstr("…"));
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    EXPECT_LE(display_width(std::string_view(text).substr(start, end - start)), kNarrow.columns);
    start = end + 1;
  }
}

TEST(Table, MakesNoRoomForOneLongText) {
  const std::string text(100'000, 'x');
  Table table({{"ID"}, {"TEXT"}, {"PRICE"}});
  for (int row = 0; row < 100; ++row) table.add({"1", "short", "5"});
  table.add({"2", text, "6"});
  const std::string shown = table.text(kPipe);
  EXPECT_THAT(shown, ::testing::EndsWith("\n2   " + text + "  6\n"));
  EXPECT_LT(shown.size(), text.size() + std::size_t{100 * 100});
}

TEST(Table, LetsNoCellSteerTheTerminal) {
  Table table({{"NAME"}});
  table.add(
      {"a\x1b[2Jb\nc\xc2\x9b"
       "d"});
  EXPECT_EQ(table.text(kPipe), "NAME\na\\x1b[2Jb\\nc\\u009bd\n");
}

TEST(Harmless, LeavesLettersAndTellsWhatSteers) {
  EXPECT_EQ(harmless("Café 日本 ~\xc2\xa0"), "Café 日本 ~\xc2\xa0");
  EXPECT_EQ(harmless("\x7f \xc2\x80 \xc2\x9f"), "\\u007f \\u0080 \\u009f");
  EXPECT_EQ(harmless("\x9b[2J \xff \xc3"), "\\x9b[2J \\xff \\xc3");
  EXPECT_EQ(harmless("a\u202egnp.exe \u2066\u2069"), "a\\u202egnp.exe \\u2066\\u2069");
  EXPECT_EQ(harmless(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(to_json(Value("\xc2\x9b\x7fé\u202e\x1b")), R"("\u009b\u007fé\u202e\u001b")");
}

TEST(Utf8, EndsWhereUnicodeDoes) {
  for (const char* text : {"", "a\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xc2", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                           "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                           "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xe2\x82z", "\xff"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(DisplayWidth, IsThatOfATerminal) {
  EXPECT_EQ(display_width("Café"), 4U);
  EXPECT_EQ(display_width("Cafe\u0301"), 4U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("हिन्दी"), 5U);
  EXPECT_EQ(display_width("\x1b\x9b"), 2U);  // A column each, however they are shown.
  EXPECT_EQ(cut_to("日本語", 5), "日本…");
  EXPECT_EQ(cut_to("日本語", 4), "日…");
}

TEST(Text, IsWrittenForPeople) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(1024 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(size_text(5ull << 30), "5.0 GiB");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1204551), "1,204,551");
  EXPECT_EQ(time_text(Time{1'795'360'166'000'001}), "2026-11-22 15:09:26");
  EXPECT_EQ(time_text(Time{-1}), "1969-12-31 23:59:59");
  EXPECT_EQ(duration_text(0.0214), "21 ms");
  EXPECT_EQ(duration_text(3900), "1 h 5 min");
  EXPECT_EQ(address_text("xxh3-128:9fea2b8100000000000000000000007d58"), "9fea2b81…7d58");
  EXPECT_EQ(address_text("xxh3-128:9fea2b81000000000000000000007d58.128"), "9fea2b81…7d58.128");
  EXPECT_EQ(cell_text(Value(12.0)), "12");
  EXPECT_EQ(cell_text(Value(12.5)), "12.5");
  EXPECT_EQ(cell_text(Value(List{1, "a"})), "[1,\"a\"]");
}

TEST(Json, GivesBackWhatItWasGiven) {
  const std::string text = R"({"b":[1,-2,2.5,true,null,"é\n"],"a":{}})";
  EXPECT_EQ(to_json(parse_json(text, "test")), text);
  EXPECT_EQ(to_json(Value(List{999.0, -0.5, 1e300})), "[999,-0.5,1e+300]");
  EXPECT_EQ(to_json(Value(Time{0})), "\"1970-01-01T00:00:00Z\"");
  EXPECT_EQ(to_json(Value(Binary{std::string("\x00\xff", 2)})), "\"00ff\"");
  EXPECT_EQ(to_json(Value("\xff")), "\"\xEF\xBF\xBD\"");  // Never fails on a text.
  EXPECT_THAT([] { parse_json("{\"a\":}", "--where"); },
              ::testing::ThrowsMessage<UsageError>(
                  ::testing::HasSubstr("--where is no JSON: parse error at line 1")));
  EXPECT_THAT([] { parse_json(std::string(100, '[') + std::string(100, ']'), "x"); },
              ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("deep")));
}

TEST(Json, RoundsNoNumber) {
  EXPECT_EQ(parse_json("9223372036854775807", "x"), Value(INT64_MAX));
  EXPECT_EQ(parse_json("-9223372036854775808", "x"), Value(INT64_MIN));
  EXPECT_EQ(parse_json("9223372036854775808", "x"), Value(9223372036854775808.0));
  EXPECT_EQ(parse_json("[1e23, 0.1]", "x"), Value(List{1e23, 0.1}));
  for (const char* rounded :
       {"9223372036854775809", "-9223372036854775809", "[100000000000000000000001]"}) {
    EXPECT_THAT([&] { parse_json(rounded, "price"); },
                ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("would be rounded")))
        << rounded;
  }
  EXPECT_THAT([] { parse_json("{\"a\":1e999}", "price"); },
              ::testing::ThrowsMessage<UsageError>(::testing::HasSubstr("price is no JSON")));
}

TEST(Json, KeepsTheLastOfOneName) {
  EXPECT_EQ(to_json(parse_json(R"({"a":{"b":[1]},"c":2,"a":[{}]})", "x")), R"({"a":[{}],"c":2})");
}

TEST(Failures, NameThePlaceAndTheNextStep) {
  Error error{ErrorCode::unknown_field,
              "products has no field \"galery\"",
              "update.galery",
              "did you mean \"gallery\"?",
              {}};
  EXPECT_EQ(text_of(error, false),
            "error: products has no field \"galery\"  [unknown_field]\n"
            "  at    update.galery\n"
            "  hint  did you mean \"gallery\"?\n");
  EXPECT_EQ(
      json_of(error),
      R"({"error":{"code":"unknown_field","message":"products has no field \"galery\"","path":"update.galery",)"
      R"("hint":"did you mean \"gallery\"?","retryable":false}})");
}

TEST(Failures, GiveProgramsTheHintThatPeopleGet) {
  const Error error{ErrorCode::disk_full, "no room", "", "", {}};
  const std::string hint(advice_for(ErrorCode::disk_full));
  EXPECT_THAT(text_of(error, false), ::testing::HasSubstr(hint));
  EXPECT_THAT(json_of(error), ::testing::HasSubstr("\"hint\":" + to_json(Value(hint))));
}

TEST(Failures, ListEveryViolation) {
  Error error{ErrorCode::wrong_type, "price is a number", "price", "", {}};
  error.violations = {error, {ErrorCode::required, "name is required", "name", "", {}}};
  EXPECT_THAT(text_of(error, false), ::testing::AllOf(::testing::HasSubstr("2 reasons"),
                                                      ::testing::HasSubstr("[required] at name")));
}

TEST(DidYouMean, FindsTheNearestOrNothing) {
  const std::vector<std::string> commands{"find", "insert", "status"};
  EXPECT_EQ(did_you_mean("fnd", commands), "did you mean \"find\"?");
  EXPECT_EQ(did_you_mean("stauts", commands), "did you mean \"status\"?");
  EXPECT_EQ(did_you_mean("xylophone", commands), "");
}

}  // namespace
}  // namespace emstore::cli
