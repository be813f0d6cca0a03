#include "base/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <msgpack.hpp>
#include <ostream>

#include "base/hash.h"

namespace emstore::pack {
namespace {

using testing::HasSubstr;

std::string bytes_of(std::string_view hex) { return from_hex(hex).value(); }

// What msgpack-cxx itself makes of something: the other opinion on every form.
template <typename Pack>
std::string packed_by_library(Pack pack) {
  msgpack::sbuffer buffer;
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  pack(packer);
  return {buffer.data(), buffer.size()};
}

Value everything() {
  return Map{{"null", nullptr},
             {"yes", true},
             {"small", -32},
             {"large", std::numeric_limits<std::int64_t>::min()},
             {"number", 2.0},
             {"text", "Grüße"},
             {"binary", Binary{std::string("\0\xff", 2)}},
             {"time", Time{1'700'000'000'000'001}},
             {"list", List{1, List{}, Map{}, List{"deep"}}},
             {"map", Map{{"", 0}, {"b", List{nullptr}}}}};
}

TEST(PackRead, GivesBackWhatWasWritten) {
  const Result<Value> value = read(to_bytes(everything()));
  ASSERT_TRUE(value.has_value()) << to_string(value.error());
  EXPECT_EQ(*value, everything());
}

TEST(PackWrite, ChoosesTheShortestFormOfEveryInteger) {
  struct Case {
    std::int64_t value;
    std::string_view hex;
  };
  for (const auto& [value, hex] :
       {Case{0, "00"}, Case{127, "7f"}, Case{128, "cc80"}, Case{255, "ccff"}, Case{256, "cd0100"},
        Case{65536, "ce00010000"}, Case{1LL << 32, "cf0000000100000000"}, Case{-1, "ff"},
        Case{-32, "e0"}, Case{-33, "d0df"}, Case{-129, "d1ff7f"}, Case{-32769, "d2ffff7fff"}}) {
    EXPECT_EQ(to_hex(to_bytes(value)), hex);
    EXPECT_EQ(read(bytes_of(hex)).value(), Value(value));
  }
}

TEST(PackWrite, KeepsNumbersApartFromIntegers) {
  EXPECT_EQ(to_hex(to_bytes(2.0)), "cb4000000000000000");
  EXPECT_EQ(to_hex(to_bytes(-0.0)), "cb0000000000000000");
}

TEST(PackWrite, ChoosesTheShortestTimestamp) {
  EXPECT_EQ(to_hex(to_bytes(Time{1'000'000})), "d6ff00000001");
  EXPECT_EQ(to_hex(to_bytes(Time{1'000'001})), "d7ff00000fa000000001");
  EXPECT_EQ(to_hex(to_bytes(Time{-1})), "c70cff3b9ac618ffffffffffffffff");
}

TEST(PackRead, TakesTimestampsOfAllThreeLengths) {
  EXPECT_EQ(read(bytes_of("d6ff00000001")).value(), Value(Time{1'000'000}));
  EXPECT_EQ(read(bytes_of("d7ff00000fa000000001")).value(), Value(Time{1'000'001}));
  EXPECT_EQ(read(bytes_of("c70cff3b9ac618ffffffffffffffff")).value(), Value(Time{-1}));
  for (const std::int64_t micros :
       {0L, -1L, 999'999L, -62'167'219'200'000'000L, 253'402'300'799'999'999L}) {
    EXPECT_EQ(read(to_bytes(Time{micros})).value(), Value(Time{micros}));
  }
}

TEST(PackRead, TakesEveryFormThatTheLibraryWrites) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
    const std::string content(size, 'x');
    const auto length = static_cast<std::uint32_t>(size);
    EXPECT_EQ(read(packed_by_library([&](auto& packer) { packer.pack(content); })).value(),
              Value(content));
    EXPECT_EQ(read(packed_by_library([&](auto& packer) {
                packer.pack_bin(length);
                packer.pack_bin_body(content.data(), length);
              })).value(),
              Value(Binary{content}));
    EXPECT_EQ(read(packed_by_library([&](auto& packer) {
                packer.pack(std::vector<int>(size, 7));
              })).value(),
              Value(List(size, Value(7))));
    const std::string map = packed_by_library([&](auto& packer) { packer.pack_map(length); }) +
                            std::string(2 * size, '\0');
    EXPECT_EQ(Cursor(map).begin_map().value(), size);
  }
  EXPECT_EQ(read(packed_by_library([](auto& packer) { packer.pack_float(0.5F); })).value(), 0.5);
}

// msgpack-cxx and we agree on the extent of a value for every first byte, however long the rest.
TEST(PackHead, MeasuresEveryFirstByteAsTheLibraryDoes) {
  const std::string tail = std::string("\0\0\0\1", 4) + std::string(600, '\0');
  for (unsigned first = 0; first < 256; ++first) {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{8}, tail.size()}) {
      const std::string bytes = static_cast<char>(first) + tail.substr(0, size);
      std::size_t theirs = 0;
      bool is_whole = true;
      try {
        msgpack::unpack(bytes.data(), bytes.size(), theirs);
      } catch (const msgpack::unpack_error&) {
        is_whole = false;
      }
      const Result<std::string_view> ours = Cursor(bytes).raw();
      EXPECT_EQ(ours.has_value(), is_whole) << first << " with " << size;
      EXPECT_EQ(ours ? ours->size() : theirs, theirs) << first << " with " << size;
    }
  }
}

struct Refusal {
  const char* what;
  std::string hex;
  std::string message;
  ErrorCode code = ErrorCode::malformed_message;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.hex; }

class PackReadRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(PackReadRefuses, WithWhatAndWhere) {
  const Result<Value> value = read(bytes_of(GetParam().hex));
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code, GetParam().code);
  EXPECT_THAT(value.error().message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Everything, PackReadRefuses,
    testing::Values(
        Refusal{"NothingAtAll", "", "the bytes end at byte 0"},
        Refusal{"CutHead", "cd01", "the bytes end within the value that begins at byte 0"},
        Refusal{"CutText", "91a361", "a text of 3 bytes at byte 1, but 1 follow"},
        Refusal{"CutList", "92c0", "but 1 bytes follow"},
        Refusal{"Trailing", "c0c0", "1 bytes follow the value that ends at byte 1"},
        Refusal{"Unused", "91c1", "0xC1"},
        Refusal{"ClaimOfFourGiB", "dbffffffff", "a text of 4294967295 bytes at byte 0"},
        Refusal{"ClaimOfBinary", "c6ffffffff", "a binary of 4294967295 bytes"},
        Refusal{"ClaimOfExtension", "c9ffffffffff", "an extension of 4294967295 bytes"},
        Refusal{"ClaimOfList", "ddffffffff", "a list of 4294967295"},
        Refusal{"ClaimOfMap", "dfffffffff", "a map of 4294967295"},
        Refusal{"NestedClaims", "9392c0c0", "all that is still to come"},
        Refusal{"NameTwice", "82a16101a16102", "the map at byte 0 has the name \"a\" twice"},
        Refusal{"NameOfOtherKind", "81c3c0", "not a boolean"},
        Refusal{"NameThatIsNumber", "8101c0", "name of a value, is expected at byte 1"},
        Refusal{"BadUtf8", "a2c328", "the text at byte 0 is not UTF-8"},
        Refusal{"BadUtf8InName", "81a1ffc0", "the text at byte 1 is not UTF-8"},
        Refusal{"Surrogate", "a3eda080", "is not UTF-8"},
        Refusal{"NotANumber", "cb7ff8000000000000", "number at byte 0 is not finite"},
        Refusal{"Infinity", "91ca7f800000", "number at byte 1 is not finite"},
        Refusal{"TooLargeInteger", "cf8000000000000000", "an integer up to 2^63 - 1"},
        Refusal{"OtherExtension", "d40100", "an extension of type 1 at byte 0"},
        Refusal{"TimestampOfOddLength", "d4ff00", "a timestamp of 1 bytes"},
        Refusal{"Nanoseconds", "d7ff0000000400000001", "a whole number of microseconds"},
        Refusal{"TooManyNanoseconds", "c70cff3b9aca000000000000000000", "microseconds"},
        Refusal{"TimeTooFar", "c70cff000000007fffffffffffffff", "outside the years 0000 to 9999"},
        Refusal{"TimeTooEarly", "c70cff000000008000000000000000",
                "outside the years 0000 to 9999"}),
    [](const auto& refusal) { return refusal.param.what; });

TEST(PackRead, RefusesANestingBeyondTheLimitAndTakesTheLimit) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth - 1, '\x91') + std::string(1, '\x90');
  };
  EXPECT_TRUE(read(nested(64)).has_value());
  const Result<Value> deeper = read(nested(65));
  ASSERT_FALSE(deeper.has_value());
  EXPECT_EQ(deeper.error().code, ErrorCode::depth_exceeded);
  EXPECT_EQ(read(nested(1'000'000)).error().code, ErrorCode::depth_exceeded);
}

TEST(PackRead, RefusesMoreValuesAndBytesThanAllowed) {
  const std::string bytes = to_bytes(List(11, nullptr));
  EXPECT_TRUE(read(bytes, {.values_max = 11}).has_value());
  EXPECT_EQ(read(bytes, {.values_max = 10}).error().code, ErrorCode::message_too_large);
  EXPECT_TRUE(read(bytes, {.bytes_max = 12}).has_value());
  EXPECT_EQ(read(bytes, {.bytes_max = 11}).error().code, ErrorCode::message_too_large);
}

// Adds up what it is told will come: sinks make room for that.
class CountingSink final : public Sink {
 public:
  void null() override {}
  void boolean(bool /*value*/) override {}
  void integer(std::int64_t /*value*/) override {}
  void number(double /*value*/) override {}
  void text(std::string_view /*value*/) override {}
  void binary(std::string_view /*value*/) override {}
  void time(Time /*value*/) override {}
  void begin_list(std::size_t size) override { announced_ += size; }
  void begin_map(std::size_t size) override { announced_ += 2 * size; }
  std::size_t bytes_written() const override { return announced_; }

 private:
  std::size_t announced_ = 0;
};

// Sixty lists within each other, each of which claims as many values as bytes follow: were each
// believed, a megabyte would make us take 60 times 40 MB.
TEST(PackRead, MakesNoRoomForMoreValuesThanBytesFollow) {
  constexpr std::size_t kSize = 1U << 20U;
  std::string bomb;
  while (bomb.size() < 300) bomb += bytes_of("dd000ffe00");
  bomb.resize(kSize, '\xC0');
  CountingSink sink;
  EXPECT_FALSE(Cursor(bomb).copy_to(sink).has_value());
  EXPECT_LE(sink.bytes_written(), kSize);
  EXPECT_FALSE(read(bomb).has_value());
  for (const char* claim :
       {"dbffffffff", "c6ffffffff", "ddffffffff", "dfffffffff", "c9ffffffff01"}) {
    CountingSink none;
    EXPECT_FALSE(Cursor(bytes_of(claim)).copy_to(none).has_value());
    EXPECT_FALSE(Cursor(bytes_of(claim)).raw().has_value());
    EXPECT_EQ(none.bytes_written(), 0U) << claim;
  }
}

TEST(PackRead, FindsANameThatComesTwiceAmongVeryMany) {
  Map map;
  for (int number = 0; number < 100'000; ++number) map.append("n" + std::to_string(number), 1);
  EXPECT_TRUE(read(to_bytes(map)).has_value());
  map.append("n77777", 2);
  EXPECT_THAT(read(to_bytes(map)).error().message, HasSubstr("n77777"));
}

TEST(Cursor, ReadsPiecesInPlace) {
  const std::string bytes =
      to_bytes(List{-5, 5, true, nullptr, "text", Binary{"bin"}, Map{{"a", 1}}});
  Cursor cursor(bytes);
  EXPECT_EQ(cursor.begin_list().value(), 7U);
  EXPECT_EQ(cursor.integer().value(), -5);
  EXPECT_EQ(cursor.unsigned_integer().value(), 5U);
  EXPECT_FALSE(cursor.take_null());
  EXPECT_TRUE(cursor.boolean().value());
  EXPECT_TRUE(cursor.take_null());
  const std::string_view text = cursor.text().value();
  EXPECT_EQ(text, "text");
  EXPECT_TRUE(text.data() > bytes.data() && text.data() < bytes.data() + bytes.size());
  EXPECT_EQ(cursor.binary().value(), "bin");
  EXPECT_EQ(cursor.raw().value(), bytes_of("81a16101"));
  EXPECT_TRUE(cursor.at_end());
}

TEST(Cursor, SaysWhatWasExpectedAndWhatWasFound) {
  const std::string bytes = to_bytes(List{"text"});
  Cursor cursor(bytes);
  ASSERT_TRUE(cursor.begin_list().has_value());
  EXPECT_EQ(cursor.unsigned_integer().error().message,
            "an integer from 0 is expected at byte 1, not a text");
  EXPECT_EQ(pack::Cursor("\xff").unsigned_integer().error().message,
            "an integer from 0 is expected at byte 0, not a negative integer");
  EXPECT_EQ(pack::read("\xcf\xff\xff\xff\xff\xff\xff\xff\xff").error().message,
            "an integer up to 2^63 - 1 is expected at byte 0, not an integer from 2^63 on");
  EXPECT_EQ(cursor.begin_map().error().message, "a map is expected at byte 1, not a text");
  EXPECT_EQ(cursor.boolean().error().message, "a boolean is expected at byte 1, not a text");
  EXPECT_EQ(cursor.binary().error().message, "a binary is expected at byte 1, not a text");
}

TEST(Cursor, RefusesIntegersThatDoNotFit) {
  EXPECT_EQ(Cursor(bytes_of("cfffffffffffffffff")).unsigned_integer().value(),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(Cursor(bytes_of("cfffffffffffffffff")).integer().has_value());
  EXPECT_FALSE(Cursor(bytes_of("ff")).unsigned_integer().has_value());
  EXPECT_EQ(Cursor(bytes_of("d005")).unsigned_integer().value(), 5U);
}

// Cutting a valid input anywhere must refuse, never read beyond it (ASan watches).
TEST(Cursor, RefusesEveryCutOfAValue) {
  const std::string bytes = to_bytes(everything());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut(bytes, 0, size);
    EXPECT_FALSE(read(cut).has_value()) << size;
    EXPECT_FALSE(Cursor(cut).raw().has_value()) << size;
    ValueSink sink;
    EXPECT_FALSE(Cursor(cut).copy_to(sink).has_value()) << size;
  }
  EXPECT_EQ(Cursor(bytes).raw().value(), bytes);
}

TEST(Cursor, CopiesAValueIntoASink) {
  const std::string bytes = to_bytes(everything());
  std::string copy;
  Writer writer(copy);
  ASSERT_TRUE(Cursor(bytes).copy_to(writer).has_value());
  EXPECT_EQ(copy, bytes);
  EXPECT_EQ(writer.bytes_written(), bytes.size());
  ValueSink sink;
  ASSERT_TRUE(Cursor(bytes).copy_to(sink).has_value());
  EXPECT_EQ(sink.take(), everything());
}

TEST(Cursor, CopiesEachKindOfScalar) {
  for (const Value& value : {Value(), Value(true), Value(-7), Value(0.25), Value("t"),
                             Value(Binary{"b"}), Value(Time{5}), Value(List{}), Value(Map{})}) {
    ValueSink sink;
    ASSERT_TRUE(Cursor(to_bytes(value)).copy_to(sink).has_value()) << to_string(value);
    EXPECT_EQ(sink.take(), value);
  }
}

TEST(Cursor, SkipsADepthOfAMillionWithoutRecursion) {
  const std::string deep = std::string(1'000'000, '\x91') + '\xC0';
  EXPECT_EQ(Cursor(deep).raw().value().size(), deep.size());
  ValueSink sink;
  EXPECT_EQ(Cursor(deep).copy_to(sink).error().code, ErrorCode::depth_exceeded);
}

TEST(Sink, TakesApartWhatIsPackedWhereItHoldsNoBytes) {
  const Value value = Map{{"name", "lamp"}, {"tags", List{1, -0.5, nullptr}}};
  ValueSink tree;
  ASSERT_TRUE(tree.packed(to_bytes(value)));
  EXPECT_EQ(tree.take(), value);
  std::string bytes;
  ASSERT_TRUE(Writer(bytes).packed(to_bytes(value)));
  EXPECT_EQ(bytes, to_bytes(value));
  EXPECT_EQ(ValueSink().packed(to_bytes(value) + "x").error().code, ErrorCode::malformed_message);
  EXPECT_EQ(ValueSink().packed("").error().code, ErrorCode::malformed_message);
}

}  // namespace
}  // namespace emstore::pack
