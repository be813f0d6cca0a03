#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

namespace emstore {
namespace {

TEST(TimeText, IsWrittenInUtc) {
  EXPECT_EQ(to_string(Time{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_string(Time{-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_string(Time{1'795'360'166'000'001}), "2026-11-22T15:09:26.000001Z");
  EXPECT_EQ(to_string(Time{std::numeric_limits<std::int64_t>::max()}), "9223372036854775807us");
  EXPECT_EQ(to_string(Time{std::numeric_limits<std::int64_t>::min()}), "-9223372036854775808us");
}

TEST(TimeText, IsReadAsRfc3339HasIt) {
  const Time noon{1'795'348'800'000'000};
  for (const char* text : {"2026-11-22T12:00:00Z", "2026-11-22t12:00:00z", "2026-11-22 12:00:00Z",
                           "2026-11-22T14:00:00+02:00", "2026-11-22T06:30:00-05:30",
                           "2026-11-22T12:00:00.000000Z", "2026-11-23T00:00:00+12:00"}) {
    EXPECT_EQ(time_of(text), noon) << text;
  }
  EXPECT_EQ(time_of("2026-11-22T12:00:00.25Z"), Time{noon.micros + 250'000});
  EXPECT_EQ(time_of("0000-01-01T00:00:00Z"), Time{-62'167'219'200'000'000});
  EXPECT_EQ(time_of("9999-12-31T23:59:59.999999Z"), Time{253'402'300'799'999'999});
}

TEST(TimeText, IsRefusedWhenItIsNoTime) {
  for (const char* text :
       {"", "2026-11-22", "2026-11-22T12:00Z", "2026-11-22T12:00:00", "2026-11-22T24:00:00Z",
        "2026-11-22T12:60:00Z", "2026-11-22T23:59:60Z", "2026-11-22T12:00:00.Z",
        "2026-11-22T12:00:00.0000001Z", "2026-02-30T12:00:00Z", "2026-11-22T12:00:00+24:00",
        "2026-11-22T12:00:00+0200", "2026-11-22T12:00:00Z ", "+026-11-22T12:00:00Z",
        "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-00:01"}) {
    EXPECT_EQ(time_of(text), std::nullopt) << text;
  }
}

TEST(TimeText, ComesBackAsTheSameTime) {
  for (std::int64_t micros = -62'000'000'000'000'000; micros < 253'000'000'000'000'000;
       micros += 1'234'567'890'123'457) {
    EXPECT_EQ(time_of(to_string(Time{micros})), Time{micros});
  }
}

TEST(DateText, NamesOnlyDaysThatExist) {
  EXPECT_EQ(date_text(0), "1970-01-01");
  EXPECT_EQ(date_of("2024-02-29"), 19'782);
  EXPECT_EQ(date_text(19'782), "2024-02-29");
  EXPECT_EQ(date_of("2023-02-29"), std::nullopt);
  EXPECT_EQ(date_of("1900-02-29"), std::nullopt);
  EXPECT_EQ(date_of("2024-13-01"), std::nullopt);
  EXPECT_EQ(date_of("2024-00-01"), std::nullopt);
  EXPECT_EQ(date_of("2024-2-9"), std::nullopt);
  EXPECT_EQ(date_of("2024-02-29T00:00:00Z"), std::nullopt);
  EXPECT_EQ(date_of("0000-01-01"), -719'528);
  EXPECT_EQ(date_text(2'932'896), "9999-12-31");
  EXPECT_EQ(date_text(2'932'897), "2932897d");
  EXPECT_EQ(date_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808d");
}

TEST(DateText, ComesBackAsTheSameDayForEveryDayOfFourCenturies) {
  const std::int64_t first = date_of("1800-01-01").value();
  for (std::int64_t day = first; day < first + 146'097; ++day) {
    ASSERT_EQ(date_of(date_text(day)), day);
  }
}

}  // namespace
}  // namespace emstore
