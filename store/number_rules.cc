#include "store/number_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace emstore::store {
namespace {

bool is_multiple(double number, double of) {
  const double quotient = number / of;
  constexpr double kRounding = 4 * 2.220446049250313e-16;
  return std::abs(quotient - std::nearbyint(quotient)) <= std::abs(quotient) * kRounding;
}

}  // namespace

std::string text_of_number(double number) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number);
  return {text.data(), end.ptr};
}

std::string fault_of_number(const NumberBounds& bounds, double number) {
  const auto is_not = [&](std::string_view bound, double limit) {
    return text_of_number(number) + " is not " + std::string(bound) + " " + text_of_number(limit);
  };
  if (bounds.minimum && number < *bounds.minimum) return is_not("at least", *bounds.minimum);
  if (bounds.maximum && number > *bounds.maximum) return is_not("at most", *bounds.maximum);
  if (bounds.exclusive_minimum && number <= *bounds.exclusive_minimum) {
    return is_not("greater than", *bounds.exclusive_minimum);
  }
  if (bounds.exclusive_maximum && number >= *bounds.exclusive_maximum) {
    return is_not("less than", *bounds.exclusive_maximum);
  }
  if (bounds.multiple_of && !is_multiple(number, *bounds.multiple_of)) {
    return is_not("a multiple of", *bounds.multiple_of);
  }
  return {};
}

// Every byte but those that continue a code point.
std::uint64_t code_points(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char letter) {
    return (static_cast<unsigned char>(letter) & 0xC0U) != 0x80U;
  }));
}

}  // namespace emstore::store
