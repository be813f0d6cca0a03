#include "base/suggest.h"

#include <gtest/gtest.h>

#include <array>

namespace emstore {
namespace {

constexpr std::array<std::string_view, 5> kNames{"gallery", "thumbnail", "id", "name",
                                                 "description"};

TEST(Suggestion, IsTheNearestNameWithinReach) {
  EXPECT_EQ(suggestion("galery", kNames), "gallery");
  EXPECT_EQ(suggestion("GALLERY", kNames), "gallery");
  EXPECT_EQ(suggestion("thumbnial", kNames), "thumbnail");
  EXPECT_EQ(suggestion("descritpoin", kNames), "description");
  EXPECT_EQ(suggestion("nam", kNames), "name");
  EXPECT_EQ(did_you_mean("galery", kNames), "did you mean \"gallery\"?");
}

TEST(Suggestion, IsEmptyWhenNothingIsNear) {
  for (const std::string_view wrong : {"", "xy", "price", "galleries_of_all", "zzzzzzzzz"}) {
    EXPECT_EQ(suggestion(wrong, kNames), "") << wrong;
  }
  EXPECT_EQ(suggestion("x", kNames), "");
  EXPECT_EQ(suggestion(std::string(100'000, 'g'), kNames), "");
  EXPECT_EQ(did_you_mean("price", kNames), "");
}

TEST(Quoted, EscapesAndShortens) {
  EXPECT_EQ(quoted("a\"b"), R"("a\"b")");
  EXPECT_EQ(quoted(std::string(80, 'x')), '"' + std::string(80, 'x') + '"');
  EXPECT_EQ(quoted(std::string(81, 'x')), '"' + std::string(80, 'x') + "…\"");
  const std::string cut = quoted("x" + std::string(100, 'y').replace(78, 2, "ü"));
  EXPECT_TRUE(is_utf8(cut)) << cut;
  EXPECT_EQ(quoted("a\xFF\xFE"
                   "b"),
            "\"a\uFFFD\uFFFD"
            "b\"");
}

TEST(Brief, ShowsValuesAsJsonUnlessTheyAreLong) {
  EXPECT_EQ(brief(Value()), "null");
  EXPECT_EQ(brief(Value(7)), "7");
  EXPECT_EQ(brief(Value(2.5)), "2.5");
  EXPECT_EQ(brief(Value(1e300)), "1e+300");
  EXPECT_EQ(brief(Value(std::string(81, 'x'))), '"' + std::string(80, 'x') + "…\"");
  EXPECT_EQ(brief(Value(List{1, 2})), "[1,2]");
  EXPECT_EQ(brief(Value(List(1000, Value(1)))), "a long list");
  EXPECT_EQ(brief(Value(Map{{"name", std::string(100, 'x')}})), "a long map");
}

TEST(Utf8, IsToldFromOtherBytes) {
  for (const std::string_view text : {"", "plain", "Grüße", "\U0001F600", "\xEF\xBF\xBF",
                                      "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const std::string_view bytes :
       {"\x80", "\xC2", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "a\xE2\x82", "\xC3(", "\xE2\x82("}) {
    EXPECT_FALSE(is_utf8(bytes));
  }
}

}  // namespace
}  // namespace emstore
