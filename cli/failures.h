// What went wrong, for people and for programs, and the exit code that says so.
#pragma once

#include <emstore/error.hpp>

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace emstore::cli {

// Exit codes: 0 done, 1 an unexpected failure, from 2 on by the class of the error.
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnexpected = 1;

// The command line is wrong; nothing was sent.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message, std::string hint = {})
      : std::runtime_error(message), hint_(std::move(hint)) {}
  const std::string& hint() const { return hint_; }

 private:
  std::string hint_;
};

// Standard output does not take what is written.
Error output_failure();

// error: products has no field "galery"  [unknown_field]
//   at    update.galery
//   hint  did you mean "gallery"?
std::string text_of(const Error& error, bool colors);
// One JSON object on one line.
std::string json_of(const Error& error);
std::string text_of(const UsageError& error, bool colors);

// `did you mean "find"?`, or nothing when no candidate is near.
std::string did_you_mean(std::string_view wrong, std::span<const std::string> candidates);

}  // namespace emstore::cli
