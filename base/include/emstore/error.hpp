// Errors: one closed set shared by library, wire and command line. The list is errors.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace emstore {

// What the caller may do next. Exit code and retry advice follow from the class.
enum class ErrorClass : std::uint8_t {
  invalid,          // correct the request
  not_found,        // name something that exists
  conflict,         // read again, then decide
  too_large,        // split or page
  unavailable,      // retry; nothing has happened
  outcome_unknown,  // retry with the same request key
  corruption,       // call a human
  internal,         // report a defect
};

enum class ErrorCode : std::uint16_t {
#define EMSTORE_ERROR(error_class, name, advice) name,
#include <emstore/errors.def>
#undef EMSTORE_ERROR
};

ErrorClass class_of(ErrorCode code);
std::string_view name_of(ErrorCode code);  // As on the wire: "unknown_field".
std::string_view name_of(ErrorClass error_class);
std::string_view advice_for(
    ErrorCode code);  // The general next step; Error::hint is the particular one.
std::optional<ErrorCode> error_code_named(std::string_view name);
bool is_retryable(ErrorCode code);  // unavailable and outcome_unknown.
int exit_code_of(ErrorCode code);   // For the command line: 2 and up, by class.

// One failure. `message` names the thing and its value; `path` the place in the request
// (`gallery.$attach[1]`), empty when there is none; `hint` the particular next step, empty when the
// general advice says it all. When a request is refused for several reasons, the first stands here
// and `violations` lists all of them, the first included.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string path = {};
  std::string hint = {};
  std::vector<Error> violations = {};

  bool operator==(const Error&) const = default;
};

// "products has no field "galery" at update.galery; did you mean "gallery"? [unknown_field]"
std::string to_string(const Error& error);

const std::error_category& error_category() noexcept;
std::error_code make_error_code(ErrorCode code) noexcept;

}  // namespace emstore

template <>
struct std::is_error_code_enum<emstore::ErrorCode> : std::true_type {};
