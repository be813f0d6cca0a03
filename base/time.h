// Dates and times as text (RFC 3339, always UTC on output) and as numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <emstore/value.hpp>

namespace emstore {

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::uint64_t kNanosPerMicro = 1'000;

// Whether the time lies in the years 0000 to 9999, the only ones that have a text.
bool is_in_calendar(Time time);

// "2026-11-22T15:09:26.000001Z"; the fraction is left out when it is zero. Outside the calendar the
// microseconds, "…us".
std::string to_string(Time time);
// Accepts what RFC 3339 allows: offset or Z, fraction of up to 6 digits (more are refused). Leap
// seconds are refused, and what lies outside the calendar in UTC.
std::optional<Time> time_of(std::string_view text);

// Days since 1970-01-01 <-> "2026-11-22". Only dates that exist, years 0000 to 9999; outside of
// them the text is the number of days, "…d".
std::string date_text(std::int64_t days);
std::optional<std::int64_t> date_of(std::string_view text);

}  // namespace emstore
