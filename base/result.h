// Result<T>: a value, or the Error that says why there is none.
#pragma once

#include <emstore/error.hpp>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace emstore {

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return failure(ErrorCode::unknown_field, "products has no field \"galery\"", "galery");
inline tl::unexpected<Error> failure(ErrorCode code, std::string message, std::string path = {},
                                     std::string hint = {}) {
  return tl::unexpected<Error>(
      Error{code, std::move(message), std::move(path), std::move(hint), {}});
}
inline tl::unexpected<Error> failure(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
// The same at a place that only the caller knows.
inline tl::unexpected<Error> with_path(Error error, const std::string& path) {
  error.path = path;
  return failure(std::move(error));
}

}  // namespace emstore

#define EMSTORE_JOIN_(a, b) a##b
#define EMSTORE_JOIN(a, b) EMSTORE_JOIN_(a, b)

// EMSTORE_TRY(auto row, reader.get(key));  Binds the value, or returns the error to the caller.
#define EMSTORE_TRY(declaration, expression) \
  EMSTORE_TRY_(EMSTORE_JOIN(result_, __COUNTER__), declaration, expression)
#define EMSTORE_TRY_(result, declaration, expression)                \
  auto result = (expression);                                        \
  if (!result) return ::emstore::failure(std::move(result).error()); \
  declaration = std::move(*result)

// EMSTORE_CHECKED(write(batch));  Returns the error of a Status to the caller.
#define EMSTORE_CHECKED(expression) \
  EMSTORE_CHECKED_(EMSTORE_JOIN(checked_, __COUNTER__), expression)
#define EMSTORE_CHECKED_(checked, expression)                \
  do {                                                       \
    if (auto checked = (expression); !checked)               \
      return ::emstore::failure(std::move(checked).error()); \
  } while (false)
