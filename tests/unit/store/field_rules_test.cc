#include "store/field_rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/hash.h"

namespace emstore::store {
namespace {

using namespace std::string_literals;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kTwoTo53 = std::int64_t{1} << 53;

Field field_of(FieldKind kind) {
  Field field;
  field.name = "it";
  field.kind = kind;
  return field;
}

// The stored form, or the name of the error in angle brackets.
Value outcome(const Field& field, const Value& given) {
  const auto stored = stored_form(field, given);
  if (stored) return *stored;
  return "<" + std::string(name_of(stored.error().code)) + ">";
}

Value outcome(FieldKind kind, const Value& given) { return outcome(field_of(kind), given); }

Value shown(FieldKind kind, const Value& stored) {
  ValueSink sink;
  show(kind, stored, sink);
  return sink.take();
}

// ---- Types --------------------------------------------------------------------------------------

TEST(StoredForm, TakesOnlyTheTypeOfTheField) {
  const Value samples[] = {Value(true),    Value(1),       Value("a"),          Value(Binary{"a"}),
                           Value(Time{1}), Value(List{1}), Value(Map{{"a", 1}})};
  struct {
    FieldKind kind;
    std::string accepted;  // One letter a sample: y when it is taken.
  } const rows[] = {
      {FieldKind::text, "nnynnnn"},     {FieldKind::number, "nynnnnn"},
      {FieldKind::boolean, "ynnnnnn"},  {FieldKind::date, "nnnnnnn"},
      {FieldKind::datetime, "nnnnynn"}, {FieldKind::json, "yyynnyy"},
  };
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < std::size(samples); ++i) {
      const auto stored = stored_form(field_of(row.kind), samples[i]);
      EXPECT_EQ(stored.has_value(), row.accepted[i] == 'y') << name_of(row.kind) << " " << i;
      const ErrorCode code = stored ? ErrorCode::wrong_type : stored.error().code;
      EXPECT_EQ(code, ErrorCode::wrong_type);
    }
  }
}

TEST(StoredForm, NamesTheFieldTheTypeAndTheValue) {
  const auto stored = stored_form(field_of(FieldKind::number), "12");
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().message, "it is of type number, not text \"12\"");
  EXPECT_EQ(stored.error().path, "");
}

TEST(StoredForm, TakesNullOnlyWhereNoValueIsRequired) {
  Field field = field_of(FieldKind::text);
  EXPECT_EQ(outcome(field, nullptr), Value());
  field.required = true;
  EXPECT_EQ(outcome(field, nullptr), Value("<required>"));
}

TEST(StoredForm, MakesEveryNumberADouble) {
  EXPECT_EQ(outcome(FieldKind::number, 999), Value(999.0));
  EXPECT_EQ(outcome(FieldKind::number, 9.5), Value(9.5));
  EXPECT_FALSE(std::signbit(*outcome(FieldKind::number, -0.0).if_number()));
  EXPECT_EQ(outcome(FieldKind::number, std::nan("")), Value("<wrong_type>"));
  EXPECT_EQ(outcome(FieldKind::number, -kInfinity), Value("<wrong_type>"));
}

TEST(StoredForm, TakesIntegersAsFarAsDoublesAreExact) {
  EXPECT_EQ(outcome(FieldKind::number, kTwoTo53), Value(9007199254740992.0));
  EXPECT_EQ(outcome(FieldKind::number, kTwoTo53 + 1), Value("<out_of_range>"));
  EXPECT_EQ(outcome(FieldKind::number, -kTwoTo53), Value(-9007199254740992.0));
  EXPECT_EQ(outcome(FieldKind::number, -kTwoTo53 - 1), Value("<out_of_range>"));
}

TEST(StoredForm, KeepsDatesAsDays) {
  EXPECT_EQ(outcome(FieldKind::date, "1970-01-02"), Value(1));
  EXPECT_EQ(outcome(FieldKind::date, "1969-12-31"), Value(-1));
  EXPECT_EQ(outcome(FieldKind::date, "2026-02-29"), Value("<wrong_type>"));
  EXPECT_EQ(outcome(FieldKind::date, "2026-11-22T00:00:00Z"), Value("<wrong_type>"));
}

TEST(StoredForm, KeepsTimesAsMicroseconds) {
  EXPECT_EQ(outcome(FieldKind::datetime, Time{1'500'000}), Value(1'500'000));
  EXPECT_EQ(outcome(FieldKind::datetime, "1970-01-01T01:00:01.5+01:00"), Value(1'500'000));
  EXPECT_EQ(outcome(FieldKind::datetime, "1970-01-01"), Value("<wrong_type>"));
  EXPECT_EQ(outcome(FieldKind::datetime, Time{std::numeric_limits<std::int64_t>::max()}),
            Value("<out_of_range>"));
}

TEST(StoredForm, RefusesBytesThatAreNoText) {
  EXPECT_EQ(outcome(FieldKind::text, "\xFF"s), Value("<wrong_type>"));
  EXPECT_EQ(outcome(FieldKind::json, List{"\xFF"s}), Value("<wrong_type>"));
}

TEST(StoredForm, TakesJsonOfAnyShapeButWithoutBinaryTimeAndNaN) {
  const Value json = Map{{"list", List{1, 2.5, "a", nullptr, true}}, {"map", Map{{"b", -7}}}};
  EXPECT_EQ(outcome(FieldKind::json, json), json);
  EXPECT_EQ(outcome(FieldKind::json, Map{{"a", List{Binary{"b"}}}}), Value("<wrong_type>"));
  EXPECT_EQ(outcome(FieldKind::json, Map{{"a", Time{1}}}), Value("<wrong_type>"));
  EXPECT_EQ(outcome(FieldKind::json, List{std::nan("")}), Value("<wrong_type>"));
  EXPECT_FALSE(std::signbit(*outcome(FieldKind::json, List{-0.0}).if_list()->front().if_number()));
}

TEST(StoredForm, RefusesJsonThatNestsTooDeeply) {
  Value json = 1;
  for (int depth = 0; depth < 32; ++depth) json = List{std::move(json)};
  EXPECT_EQ(outcome(FieldKind::json, json), json);
  EXPECT_EQ(outcome(FieldKind::json, List{json}), Value("<depth_exceeded>"));
}

// ---- Bounds -------------------------------------------------------------------------------------

TEST(StoredForm, CountsCodePoints) {
  Field field = field_of(FieldKind::text);
  field.min_length = 2;
  field.max_length = 4;
  EXPECT_EQ(outcome(field, "é"), Value("<too_short>"));
  EXPECT_EQ(outcome(field, "éé"), Value("éé"));
  EXPECT_EQ(outcome(field, "日本語😀"), Value("日本語😀"));
  EXPECT_EQ(outcome(field, "日本語😀!"), Value("<too_long>"));
}

TEST(StoredForm, MatchesThePatternAnywhere) {
  Field field = field_of(FieldKind::text);
  field.pattern = "[0-9]{3}";
  EXPECT_EQ(outcome(field, "ab123cd"), Value("ab123cd"));
  EXPECT_EQ(outcome(field, "ab12cd"), Value("<pattern_mismatch>"));
  field.pattern = "^[0-9]{3}$";
  EXPECT_EQ(outcome(field, "ab123cd"), Value("<pattern_mismatch>"));
  EXPECT_EQ(outcome(field, "123"), Value("123"));
}

TEST(StoredForm, RemembersManyPatternsWithoutMixingThem) {
  for (int i = 0; i < 600; ++i) {
    Field field = field_of(FieldKind::text);
    field.pattern = "^" + std::to_string(i) + "$";
    ASSERT_TRUE(stored_form(field, std::to_string(i)));
    ASSERT_FALSE(stored_form(field, std::to_string(i + 1)));
  }
}

TEST(StoredForm, HoldsEveryBoundOfNumbers) {
  Field field = field_of(FieldKind::number);
  field.minimum = 0;  // Zero is a bound like any other.
  field.maximum = 10;
  EXPECT_EQ(outcome(field, -0.5), Value("<out_of_range>"));
  EXPECT_EQ(outcome(field, 0), Value(0.0));
  EXPECT_EQ(outcome(field, 10), Value(10.0));
  EXPECT_EQ(outcome(field, 10.5), Value("<out_of_range>"));

  Field open = field_of(FieldKind::number);
  open.exclusive_minimum = 0;
  open.exclusive_maximum = 10;
  EXPECT_EQ(outcome(open, 0), Value("<out_of_range>"));
  EXPECT_EQ(outcome(open, 0.1), Value(0.1));
  EXPECT_EQ(outcome(open, 9.9), Value(9.9));
  EXPECT_EQ(outcome(open, 10), Value("<out_of_range>"));
}

TEST(StoredForm, AllowsForRoundingInMultiples) {
  Field field = field_of(FieldKind::number);
  field.multiple_of = 0.1;
  EXPECT_EQ(outcome(field, 0.3), Value(0.3));
  EXPECT_EQ(outcome(field, 0), Value(0.0));
  EXPECT_EQ(outcome(field, -1234.7), Value(-1234.7));
  EXPECT_EQ(outcome(field, 0.35), Value("<out_of_range>"));
  field.multiple_of = 2;
  EXPECT_EQ(outcome(field, 3), Value("<out_of_range>"));
  EXPECT_EQ(outcome(field, 1e15 + 1), Value("<out_of_range>"));
}

TEST(StoredForm, ForgivesNoWholeStepOfLargeMultiples) {
  Field field = field_of(FieldKind::number);
  field.multiple_of = 3;
  for (const double number : {1e15, 9007199254740991.0, 9007199254740992.0, 1e16, 1e20}) {
    EXPECT_EQ(outcome(field, number), Value("<out_of_range>")) << number;
  }
  EXPECT_EQ(outcome(field, 9007199254740990.0), Value(9007199254740990.0));
  EXPECT_EQ(outcome(field, 3 * std::ldexp(1.0, 1'000)), Value(3 * std::ldexp(1.0, 1'000)));
  field.multiple_of = 0.5;
  EXPECT_EQ(outcome(field, 1000000000000000.25), Value("<out_of_range>"));
  EXPECT_EQ(outcome(field, 1000000000000000.5), Value(1000000000000000.5));
  field.multiple_of = 0.01;
  EXPECT_EQ(outcome(field, 1e13 + 0.01), Value(1e13 + 0.01));
  EXPECT_EQ(outcome(field, 1e20), Value(1e20));
}

TEST(StoredForm, SuggestsAValueOfTheEnum) {
  Field field = field_of(FieldKind::enumeration);
  field.values = {"draft", "published"};
  EXPECT_EQ(outcome(field, "draft"), Value("draft"));
  const auto near = stored_form(field, "publishd");
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().code, ErrorCode::not_in_enum);
  EXPECT_EQ(near.error().hint, "did you mean \"published\"?");
  EXPECT_EQ(stored_form(field, "gone").error().hint, "use one of \"draft\", \"published\"");
}

TEST(LiteralForm, ChecksTheTypeButNoBound) {
  Field text = field_of(FieldKind::text);
  text.max_length = 1;
  text.required = true;
  EXPECT_EQ(literal_form(text, "long").value(), Value("long"));
  EXPECT_EQ(literal_form(text, nullptr).value(), Value());
  EXPECT_EQ(literal_form(text, 1).error().code, ErrorCode::wrong_type);
  Field choice = field_of(FieldKind::enumeration);
  choice.values = {"a"};
  EXPECT_EQ(literal_form(choice, "b").value(), Value("b"));
}

TEST(LiteralForm, ReadsAddressesAndDigestsAsTheyAreShown) {
  const Address address{xxh3_128("abc"), 128};
  const Value stored_address = Binary{to_bytes(address)};
  EXPECT_EQ(literal_form(field_of(FieldKind::address), to_string(address)).value(), stored_address);
  EXPECT_EQ(shown(FieldKind::address, stored_address), Value(to_string(address)));
  EXPECT_FALSE(literal_form(field_of(FieldKind::address), "xxh3-128:12"));

  const Sha256 digest = sha256("abc");
  const Value stored_digest = Binary{std::string(as_bytes(digest))};
  const Value text = to_hex(as_bytes(digest));
  EXPECT_EQ(literal_form(field_of(FieldKind::digest), text).value(), stored_digest);
  EXPECT_EQ(shown(FieldKind::digest, stored_digest), text);
  EXPECT_FALSE(literal_form(field_of(FieldKind::digest), "abcd"));
}

// ---- Showing ------------------------------------------------------------------------------------

TEST(Show, TurnsStoredFormsBack) {
  EXPECT_EQ(shown(FieldKind::date, 1), Value("1970-01-02"));
  EXPECT_EQ(shown(FieldKind::datetime, 1'500'000), Value(Time{1'500'000}));
  EXPECT_EQ(shown(FieldKind::number, 5.0), Value(5.0));
  EXPECT_EQ(shown(FieldKind::date, nullptr), Value());
}

TEST(ShowPacked, ShowsWhatShowDoes) {
  const Address address{xxh3_128("abc"), 0};
  const std::pair<FieldKind, Value> samples[] = {{FieldKind::text, "a"},
                                                 {FieldKind::number, 1.5},
                                                 {FieldKind::boolean, true},
                                                 {FieldKind::date, 20'000},
                                                 {FieldKind::datetime, 1},
                                                 {FieldKind::address, Binary{to_bytes(address)}},
                                                 {FieldKind::json, Map{{"a", List{1, nullptr}}}},
                                                 {FieldKind::digest, Binary{std::string(32, 'x')}},
                                                 {FieldKind::datetime, nullptr}};
  for (const auto& [kind, stored] : samples) {
    pack::Buffer shown_bytes;
    ASSERT_TRUE(show_packed(kind, pack::to_bytes(stored), shown_bytes));
    EXPECT_EQ(*pack::read(shown_bytes.bytes()), shown(kind, stored)) << name_of(kind);
  }
}

TEST(ShowPacked, CallsBytesThatAreNoValueOfTheKindCorrupt) {
  for (const FieldKind kind :
       {FieldKind::date, FieldKind::digest, FieldKind::address, FieldKind::relation}) {
    for (const std::string& bytes : {""s, "\xC1"s, "\xA5"s, "\x01\x01"s, "\xC4\x01x"s}) {
      pack::Buffer shown_bytes;
      const auto result = show_packed(kind, bytes, shown_bytes);
      ASSERT_FALSE(result) << name_of(kind) << " " << to_hex(bytes);
      EXPECT_EQ(result.error().code, ErrorCode::corrupt_index);
    }
  }
}

TEST(MimeFits, KnowsTypesGlobsAndParameters) {
  EXPECT_TRUE(mime_fits("image/png", {}));
  EXPECT_TRUE(mime_fits("image/png", {"image/*"}));
  EXPECT_TRUE(mime_fits("image/png", {"application/pdf", "image/png"}));
  EXPECT_TRUE(mime_fits("IMAGE/PNG", {"image/*"}));
  EXPECT_TRUE(mime_fits("image/png", {"*"}));
  EXPECT_TRUE(mime_fits("image/png", {"*/*"}));
  EXPECT_TRUE(mime_fits("text/plain; charset=utf-8", {"text/plain"}));
  EXPECT_TRUE(mime_fits("application/vnd.ms-excel", {"application/vnd.*"}));
  EXPECT_FALSE(mime_fits("image/png", {"image/jpeg", "application/*"}));
  EXPECT_FALSE(mime_fits("image/png", {"image/p"}));
  EXPECT_FALSE(mime_fits("image/png", {"mage/*"}));
  EXPECT_FALSE(mime_fits("image", {"image/*"}));
}

// ---- Keys ---------------------------------------------------------------------------------------

// Values of one kind, some of them awkward neighbours, and how they compare.
struct Ordered {
  FieldKind kind;
  std::function<Value(std::mt19937&)> make;
  std::function<int(const Value&, const Value&)> compare;
};

template <typename T>
int sign(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

Value random_text(std::mt19937& random) {
  static constexpr std::string_view kLetters(
      "\x00\x00\x01\xFF\xFE"
      "ab",
      7);
  std::string text;
  for (std::size_t size = random() % 6; size > 0; --size) {
    text += kLetters[random() % kLetters.size()];
  }
  return text;
}

Value random_number(std::mt19937& random) {
  static const double kNumbers[] = {0.0,
                                    -1e-300,
                                    1e-300,
                                    1.0,
                                    -1.0,
                                    1.5,
                                    -1.5,
                                    1e300,
                                    -1e300,
                                    std::numeric_limits<double>::denorm_min(),
                                    -std::numeric_limits<double>::denorm_min()};
  if (random() % 2 == 0) return kNumbers[random() % std::size(kNumbers)];
  return std::uniform_real_distribution<double>(-1000, 1000)(random);
}

Value random_integer(std::mt19937& random) {
  static constexpr std::int64_t kIntegers[] = {0,
                                               -1,
                                               1,
                                               255,
                                               256,
                                               -256,
                                               -257,
                                               std::numeric_limits<std::int64_t>::min(),
                                               std::numeric_limits<std::int64_t>::max()};
  return kIntegers[random() % std::size(kIntegers)];
}

std::vector<Ordered> ordered_kinds() {
  return {
      {FieldKind::text, random_text,
       [](const Value& a, const Value& b) { return sign(*a.if_text(), *b.if_text()); }},
      {FieldKind::number, random_number,
       [](const Value& a, const Value& b) { return sign(*a.if_number(), *b.if_number()); }},
      {FieldKind::datetime, random_integer,
       [](const Value& a, const Value& b) { return sign(*a.if_integer(), *b.if_integer()); }},
      {FieldKind::boolean, [](std::mt19937& random) { return Value(random() % 2 == 0); },
       [](const Value& a, const Value& b) { return sign(*a.if_boolean(), *b.if_boolean()); }},
  };
}

std::string key_of(const std::vector<std::pair<FieldKind, Value>>& values) {
  std::string key;
  for (const auto& [kind, value] : values) {
    EXPECT_TRUE(append_index_value(kind, value, key));
  }
  return key;
}

// Nulls first.
int compare(const Ordered& kind, const Value& a, const Value& b) {
  if (a.is_null() || b.is_null()) return sign(!a.is_null(), !b.is_null());
  return kind.compare(a, b);
}

TEST(AppendIndexValue, OrdersKeysAsTheirValuesAndListsOfThem) {
  std::mt19937 random(7);
  const std::vector<Ordered> kinds = ordered_kinds();
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::pair<FieldKind, Value>> a;
    std::vector<std::pair<FieldKind, Value>> b;
    int expected = 0;
    for (int place = 0; place < 3; ++place) {
      const Ordered& kind = kinds[random() % kinds.size()];
      a.emplace_back(kind.kind, random() % 8 == 0 ? Value() : kind.make(random));
      // Often the same, so that later places decide.
      b.emplace_back(kind.kind, random() % 2 == 0 ? a.back().second : kind.make(random));
      if (expected == 0) expected = compare(kind, a.back().second, b.back().second);
    }
    ASSERT_EQ(sign(key_of(a), key_of(b)), expected) << round;
  }
}

TEST(AppendIndexValue, MakesNoKeyTheBeginningOfAnother) {
  std::mt19937 random(8);
  for (const Ordered& kind : ordered_kinds()) {
    std::vector<std::string> keys{key_of({{kind.kind, Value()}})};
    for (int i = 0; i < 200; ++i) keys.push_back(key_of({{kind.kind, kind.make(random)}}));
    for (const std::string& a : keys) {
      for (const std::string& b : keys) {
        ASSERT_TRUE(a == b || !b.starts_with(a)) << to_hex(a) << " " << to_hex(b);
      }
    }
  }
}

TEST(AppendIndexValue, KeepsItsBytes) {
  EXPECT_EQ(key_of({{FieldKind::text, Value()}}), "\x00"s);
  EXPECT_EQ(key_of({{FieldKind::text, "a\0b"s}}), "\x01"s + "a\x00\xFF"s + "b\x00\x01"s);
  EXPECT_EQ(key_of({{FieldKind::number, 1.0}}), "\x01\xBF\xF0\x00\x00\x00\x00\x00\x00"s);
  EXPECT_EQ(key_of({{FieldKind::number, -1.0}}), "\x01\x40\x0F\xFF\xFF\xFF\xFF\xFF\xFF"s);
  EXPECT_EQ(key_of({{FieldKind::date, 1}}), "\x01\x80\x00\x00\x00\x00\x00\x00\x01"s);
  EXPECT_EQ(key_of({{FieldKind::boolean, true}}), "\x01\x01"s);
}

TEST(AppendIndexValue, RefusesOneByteTooManyAndLeavesTheKeyAlone) {
  std::string key = "before";
  // A tag, and two bytes that end the text.
  const std::string longest(kIndexValueBytesMax - 3, 'a');
  const auto refused = append_index_value(FieldKind::text, longest + "a", key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::value_too_large);
  EXPECT_EQ(key, "before");
  EXPECT_TRUE(append_index_value(FieldKind::text, longest, key));
  EXPECT_EQ(key.size(), 6 + kIndexValueBytesMax);
}

TEST(AppendIndexValue, CallsAValueOfAnotherKindCorrupt) {
  std::string key;
  const auto refused = append_index_value(FieldKind::number, "text", key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt_index);
  EXPECT_EQ(key, "");
}

TEST(RelationValue, IsTheIdInIndexesAndOnTheWire) {
  Field field;
  field.name = "author_id";
  field.kind = FieldKind::relation;
  field.target = "users";
  const std::string uuid = "018f6b2e-9c00-7d3a-8001-020304050607";
  const auto integer = stored_form(field, 5), text = stored_form(field, uuid);
  ASSERT_TRUE(integer && text);
  std::string key;
  ASSERT_TRUE(append_index_value(field.kind, *integer, key));
  EXPECT_EQ(key, std::string("\x01\x01\0\0\0\0\0\0\0\x05", 10));
  std::string of_uuid;
  ASSERT_TRUE(append_index_value(field.kind, *text, of_uuid));
  EXPECT_EQ(of_uuid.size(), 18U);
  EXPECT_LT(key, of_uuid) << "integers before uuids, as ids in keys";
  ValueSink shown;
  show(field.kind, *text, shown);
  EXPECT_EQ(shown.take(), Value(uuid));
  EXPECT_FALSE(stored_form(field, "Ada"));
  EXPECT_FALSE(stored_form(field, 0));
}

}  // namespace
}  // namespace emstore::store
