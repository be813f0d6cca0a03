// Bounds of numbers and lengths of texts, alike for fields and within JSON. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emstore::store {

struct NumberBounds {
  std::optional<double> minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;
};

// "4 is not at least 5"; empty: the number lies within. A multiple is one but for what rounding
// leaves: 0.3 is a multiple of 0.1. Of whole numbers it leaves nothing, however large they are.
std::string fault_of_number(const NumberBounds& bounds, double number);
std::string fault_of_number(const NumberBounds& bounds, std::int64_t number);

// By value, also where no float64 holds the integer. Numbers are finite.
std::strong_ordering compare_numbers(double number, double other);
std::strong_ordering compare_numbers(std::int64_t integer, double number);

// As short as brings it back: "0.1".
std::string text_of_number(double number);

// Of well-formed UTF-8.
std::uint64_t code_points(std::string_view text);

}  // namespace emstore::store
