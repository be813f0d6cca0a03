// JSON <-> values: the only door to nlohmann-json. Times are RFC 3339 texts and binary is
// hexadecimal text; objects keep the order of their names.
#pragma once

#include <emstore/value.hpp>

#include <string>
#include <string_view>

namespace emstore::cli {

// On one line, without a line end.
std::string to_json(const Value& value);
// Over several lines, for people.
std::string to_indented_json(const Value& value);
// Throws UsageError, which names `what` and the place of the mistake. A whole number that fits no
// std::int64_t is a double if that is exact; otherwise it is refused, as it would be rounded.
Value parse_json(std::string_view text, std::string_view what);

// Whether the digits of a whole number say just this one.
bool is_exact(double number, std::string_view digits);

// The value in a JSON file; "-" is standard input. Throws UsageError also when it cannot be read.
Value read_json(const std::string& file);

}  // namespace emstore::cli
