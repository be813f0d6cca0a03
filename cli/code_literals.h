// Values as literals of programming languages. Pure.
#pragma once

#include <emstore/value.hpp>

#include <string>

namespace emstore::cli {

// As JSON, but for names that need no quotes: { minimum: 0 }
std::string in_typescript(const Value& value);
// An expression that makes the value, with Value, List and Map in scope.
std::string in_cpp(const Value& value);
// {"a", "b"}, of a list of texts.
std::string texts_in_cpp(const List& texts);

}  // namespace emstore::cli
