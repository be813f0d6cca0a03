#include "base/time.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace emstore {
namespace {

namespace chrono = std::chrono;
using chrono::days;
using chrono::floor;
using chrono::microseconds;
using chrono::sys_days;
using chrono::year_month_day;

constexpr std::int64_t days_of(int year, unsigned month, unsigned day) {
  const year_month_day date{chrono::year(year), chrono::month(month), chrono::day(day)};
  return sys_days(date).time_since_epoch().count();
}

constexpr std::int64_t kFirstDay = days_of(0, 1, 1);
constexpr std::int64_t kLastDay = days_of(9999, 12, 31);
constexpr std::int64_t kSecondsPerDay = 86'400;

// Takes pieces from the front of a text; each says whether the piece was there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }

  bool take(char upper, char lower) {
    if (rest_.empty() || (rest_.front() != upper && rest_.front() != lower)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(char letter) { return take(letter, letter); }

  // Exactly `count` digits; -1 when they are not there.
  int digits(std::size_t count) {
    if (rest_.size() < count) return -1;
    int number = 0;
    for (const char letter : rest_.substr(0, count)) {
      if (letter < '0' || letter > '9') return -1;
      number = number * 10 + (letter - '0');
    }
    rest_.remove_prefix(count);
    return number;
  }

  // ".25" as 250,000; 0 when there is none; -1 when it is empty or finer than a microsecond.
  int fraction() {
    if (!take('.')) return 0;
    int micros = 0;
    int places = 0;
    for (int digit = digits(1); digit >= 0; digit = digits(1)) {
      if (++places > 6) return -1;
      micros = micros * 10 + digit;
    }
    if (places == 0) return -1;
    for (; places < 6; ++places) micros *= 10;
    return micros;
  }

 private:
  std::string_view rest_;
};

std::optional<std::int64_t> take_date(Scanner& scanner) {
  const int year = scanner.digits(4);
  if (year < 0 || !scanner.take('-')) return std::nullopt;
  const int month = scanner.digits(2);
  if (month < 0 || !scanner.take('-')) return std::nullopt;
  const int day = scanner.digits(2);
  if (day < 0) return std::nullopt;
  const year_month_day date{chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                            chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date).time_since_epoch().count();
}

// The seconds within a day. A leap second (":60") cannot be told from the next and is refused.
std::optional<std::int64_t> take_clock(Scanner& scanner) {
  const int hour = scanner.digits(2);
  if (hour < 0 || hour > 23 || !scanner.take(':')) return std::nullopt;
  const int minute = scanner.digits(2);
  if (minute < 0 || minute > 59 || !scanner.take(':')) return std::nullopt;
  const int second = scanner.digits(2);
  if (second < 0 || second > 59) return std::nullopt;
  return (hour * 60 + minute) * 60 + second;
}

// "Z" or "+02:00", in seconds east of UTC.
std::optional<std::int64_t> take_offset(Scanner& scanner) {
  if (scanner.take('Z', 'z')) return 0;
  const bool is_west = scanner.take('-');
  if (!is_west && !scanner.take('+')) return std::nullopt;
  const int hours = scanner.digits(2);
  if (hours < 0 || hours > 23 || !scanner.take(':')) return std::nullopt;
  const int minutes = scanner.digits(2);
  if (minutes < 0 || minutes > 59) return std::nullopt;
  const int seconds = (hours * 60 + minutes) * 60;
  return is_west ? -seconds : seconds;
}

}  // namespace

bool is_in_calendar(Time time) {
  const auto day = floor<days>(microseconds(time.micros)).count();
  return day >= kFirstDay && day <= kLastDay;
}

std::string to_string(Time time) {
  if (!is_in_calendar(time)) return std::to_string(time.micros) + "us";
  const auto since_epoch = microseconds(time.micros);
  const auto day = floor<days>(since_epoch);
  const std::int64_t within = (since_epoch - day).count();
  const std::int64_t seconds = within / kMicrosPerSecond;
  const std::int64_t micros = within % kMicrosPerSecond;
  std::array<char, 32> clock{};
  std::snprintf(clock.data(), clock.size(), "T%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string text = date_text(day.count()) + clock.data();
  if (micros != 0) {
    std::snprintf(clock.data(), clock.size(), ".%06d", static_cast<int>(micros));
    text += clock.data();
  }
  return text + 'Z';
}

std::optional<Time> time_of(std::string_view text) {
  Scanner scanner(text);
  const auto day = take_date(scanner);
  if (!day || !(scanner.take('T', 't') || scanner.take(' '))) return std::nullopt;
  const auto clock = take_clock(scanner);
  if (!clock) return std::nullopt;
  const int micros = scanner.fraction();
  if (micros < 0) return std::nullopt;
  const auto offset = take_offset(scanner);
  if (!offset || !scanner.at_end()) return std::nullopt;
  const std::int64_t seconds = *day * kSecondsPerDay + *clock - *offset;
  const Time time{seconds * kMicrosPerSecond + micros};
  if (!is_in_calendar(time)) return std::nullopt;
  return time;
}

std::string date_text(std::int64_t day) {
  if (day < kFirstDay || day > kLastDay) return std::to_string(day) + "d";
  const year_month_day date{sys_days(days(day))};
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text.data();
}

std::optional<std::int64_t> date_of(std::string_view text) {
  Scanner scanner(text);
  const auto day = take_date(scanner);
  if (!day || !scanner.at_end()) return std::nullopt;
  return day;
}

}  // namespace emstore
