// How the client reports what went wrong: by exception, or into a variable of the caller.
#pragma once

#include <emstore/error.hpp>
#include <optional>
#include <string>
#include <system_error>

namespace emstore {

// Thrown by every function that can fail and is not given an ErrorOut. what() is the whole story,
// in one line: what is wrong and where, the next step, and every reason when there are several.
// code() compares with ErrorCode: `if (failure.code() == ErrorCode::record_not_found)`.
class Failure : public std::system_error {
 public:
  explicit Failure(Error error);
  Failure(const Failure&);
  Failure& operator=(const Failure&);
  ~Failure() override;

  const char* what() const noexcept override { return text_.c_str(); }
  // Code, message, path, hint and, when several rules were broken, all violations.
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
  std::string text_;
};

// Where a function puts its error instead of throwing: pass a std::error_code for the code alone,
// or a std::optional<Error> for all of it. Both are cleared by success. The variable outlives the
// call.
class ErrorOut {
 public:
  ErrorOut(std::error_code& code) : code_(&code) {}
  ErrorOut(std::optional<Error>& error) : error_(&error) {}

  void clear() const;
  void set(Error error) const;

 private:
  std::error_code* code_ = nullptr;
  std::optional<Error>* error_ = nullptr;
};

}  // namespace emstore
