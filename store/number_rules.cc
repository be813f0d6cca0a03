#include "store/number_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace emstore::store {
namespace {

constexpr double kIntegersEnd = 9223372036854775808.0;  // 2^63: integers are below.

bool is_whole(double number) { return std::trunc(number) == number; }

bool is_multiple(double number, double of) {
  if (std::fmod(number, of) == 0) return true;  // The remainder is exact.
  if (is_whole(number) && is_whole(of)) return false;
  const double quotient = number / of;
  constexpr double kRounding = 4 * 2.220446049250313e-16;
  constexpr double kForgivenMax = 0.4;  // Of large numbers: half a step is no rounding.
  const double forgiven = std::min(std::abs(quotient) * kRounding, kForgivenMax);
  return std::abs(quotient - std::nearbyint(quotient)) <= forgiven;
}

// Integers leave no rounding to be forgiven.
bool is_multiple(std::int64_t number, double of) {
  if (of < 1 || !is_whole(of)) return is_multiple(static_cast<double>(number), of);
  // Beyond the integers, but for -2^63, which is the least of them.
  if (of >= kIntegersEnd) return number == 0 || compare_numbers(number, -of) == 0;
  return number % static_cast<std::int64_t>(of) == 0;
}

std::string shown_number(double number) { return text_of_number(number); }
std::string shown_number(std::int64_t number) { return std::to_string(number); }

template <typename Number>
std::string fault_of(const NumberBounds& bounds, Number number) {
  const auto is_not = [&](std::string_view bound, double limit) {
    return shown_number(number) + " is not " + std::string(bound) + " " + shown_number(limit);
  };
  const auto order = [number](double limit) { return compare_numbers(number, limit); };
  if (bounds.minimum && order(*bounds.minimum) < 0) return is_not("at least", *bounds.minimum);
  if (bounds.maximum && order(*bounds.maximum) > 0) return is_not("at most", *bounds.maximum);
  if (bounds.exclusive_minimum && order(*bounds.exclusive_minimum) <= 0) {
    return is_not("greater than", *bounds.exclusive_minimum);
  }
  if (bounds.exclusive_maximum && order(*bounds.exclusive_maximum) >= 0) {
    return is_not("less than", *bounds.exclusive_maximum);
  }
  if (bounds.multiple_of && !is_multiple(number, *bounds.multiple_of)) {
    return is_not("a multiple of", *bounds.multiple_of);
  }
  return {};
}

}  // namespace

std::string text_of_number(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end.ptr};
}

std::string fault_of_number(const NumberBounds& bounds, double number) {
  return fault_of(bounds, number);
}
std::string fault_of_number(const NumberBounds& bounds, std::int64_t number) {
  return fault_of(bounds, number);
}

std::strong_ordering compare_numbers(double number, double other) {
  if (number == other) return std::strong_ordering::equal;
  return number < other ? std::strong_ordering::less : std::strong_ordering::greater;
}
std::strong_ordering compare_numbers(std::int64_t integer, double number) {
  if (number >= kIntegersEnd) return std::strong_ordering::less;
  if (number < -kIntegersEnd) return std::strong_ordering::greater;
  const double whole = std::floor(number);
  const std::strong_ordering order = integer <=> static_cast<std::int64_t>(whole);
  return order == 0 && whole < number ? std::strong_ordering::less : order;
}

// Every byte but those that continue a code point.
std::uint64_t code_points(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char letter) {
    return (static_cast<unsigned char>(letter) & 0xC0U) != 0x80U;
  }));
}

}  // namespace emstore::store
