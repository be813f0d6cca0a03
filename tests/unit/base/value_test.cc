#include <emstore/value.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <emstore/error.hpp>
#include <limits>

#include "base/sink.h"

namespace emstore {
namespace {

TEST(Map, KeepsTheOrderInWhichNamesWereWritten) {
  Map map{{"b", 1}, {"a", 2}};
  map.set("c", 3);
  map.set("b", 4);
  EXPECT_EQ(to_string(Value(map)), R"({"b":4,"a":2,"c":3})");
  EXPECT_NE(map, (Map{{"a", 2}, {"b", 4}, {"c", 3}}));
}

TEST(Map, TakesTheLastOfTwoMembersOfOneName) {
  EXPECT_EQ((Map{{"a", 1}, {"a", 2}}), (Map{{"a", 2}}));
}

TEST(Map, FindsChangesAndErases) {
  Map map{{"a", 1}, {"b", 2}};
  *map.find("a") = "changed";
  EXPECT_EQ(*map.find("a")->if_text(), "changed");
  EXPECT_EQ(map.find("x"), nullptr);
  EXPECT_TRUE(map.erase("a"));
  EXPECT_FALSE(map.erase("a"));
  EXPECT_EQ(map.size(), 1U);
  EXPECT_FALSE(map.contains("a"));
}

TEST(Value, KnowsItsKind) {
  EXPECT_EQ(Value().kind(), Value::Kind::null);
  EXPECT_EQ(Value(true).kind(), Value::Kind::boolean);
  EXPECT_EQ(Value(1U).kind(), Value::Kind::integer);
  EXPECT_EQ(Value(1.0).kind(), Value::Kind::number);
  EXPECT_EQ(Value("text").kind(), Value::Kind::text);
  EXPECT_EQ(Value(Binary{"b"}).kind(), Value::Kind::binary);
  EXPECT_EQ(Value(Time{1}).kind(), Value::Kind::time);
  EXPECT_EQ(Value(List{}).kind(), Value::Kind::list);
  EXPECT_EQ(Value(Map{}).kind(), Value::Kind::map);
  EXPECT_EQ(name_of(Value(Time{1}).kind()), "time");
  EXPECT_NE(Value(1), Value(1.0));
  EXPECT_EQ(Value(1).if_text(), nullptr);
}

TEST(Value, TakesNothingForABooleanOrForAnotherInteger) {
  int variable = 0;
  static_assert(!std::constructible_from<Value, int*>);
  static_assert(!std::constructible_from<Value, const char8_t*>);
  static_assert(!std::constructible_from<Value, const wchar_t*>);
  static_assert(!std::constructible_from<Value, decltype([] {})>);
  static_assert(!std::constructible_from<Value, int Map::*>);
  EXPECT_EQ(Value(std::vector<bool>{true}[0]), Value(true));
  EXPECT_EQ(Value(variable == 0).kind(), Value::Kind::boolean);
  EXPECT_EQ(Value(1.5F), Value(1.5));
  char text[] = "text";
  EXPECT_EQ(Value(text), Value("text"));

  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(*Value(kMost).if_integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(*Value(std::numeric_limits<std::int64_t>::min()).if_integer(),
            std::numeric_limits<std::int64_t>::min());
  try {
    const Value value(kMost + 1);
    FAIL() << "made " << to_string(value);
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), ErrorCode::out_of_range);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("9223372036854775808"));
  }
}

TEST(Value, PrintsForPeople) {
  const Value value = Map{{"n", nullptr},
                          {"t", "say \"a\\b\"\n\x01"},
                          {"d", 0.1},
                          {"i", -5},
                          {"b", Binary{"xyz"}},
                          {"when", Time{1'000'000}},
                          {"l", List{true, false}}};
  EXPECT_EQ(to_string(value),
            R"({"n":null,"t":"say \"a\\b\"\n\u0001","d":0.1,"i":-5,"b":<3 bytes>,)"
            R"("when":1970-01-01T00:00:01Z,"l":[true,false]})");
}

TEST(ValueSink, BuildsTheValueThatItIsTold) {
  const Value value = Map{{"list", List{List{}, Map{}, List{1, List{2}}}},
                          {"text", "t"},
                          {"binary", Binary{"b"}},
                          {"last", Map{{"deep", Map{{"deeper", Time{7}}}}}}};
  ValueSink sink;
  sink.value(value);
  EXPECT_GT(sink.bytes_written(), 0U);
  EXPECT_EQ(sink.take(), value);
  sink.value(List{});
  EXPECT_EQ(sink.take(), Value(List{}));
}

}  // namespace
}  // namespace emstore
