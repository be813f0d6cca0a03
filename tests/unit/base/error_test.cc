#include <emstore/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/result.h"

namespace emstore {
namespace {

std::vector<ErrorCode> all_codes() {
  return {
#define EMSTORE_ERROR(error_class, name, advice) ErrorCode::name,
#include <emstore/errors.def>
#undef EMSTORE_ERROR
  };
}

TEST(ErrorCodes, HaveNamesThatLeadBackToThem) {
  std::set<std::string_view> names;
  for (const ErrorCode code : all_codes()) {
    EXPECT_EQ(error_code_named(name_of(code)), code);
    EXPECT_TRUE(names.insert(name_of(code)).second) << name_of(code);
    EXPECT_FALSE(advice_for(code).empty()) << name_of(code);
  }
  EXPECT_EQ(error_code_named("no_such_error"), std::nullopt);
  EXPECT_EQ(error_code_named(""), std::nullopt);
}

TEST(ErrorCodes, MapToExitCodesByClass) {
  EXPECT_EQ(exit_code_of(ErrorCode::unknown_field), 2);
  EXPECT_EQ(exit_code_of(ErrorCode::record_not_found), 3);
  EXPECT_EQ(exit_code_of(ErrorCode::not_unique), 4);
  EXPECT_EQ(exit_code_of(ErrorCode::result_too_large), 5);
  EXPECT_EQ(exit_code_of(ErrorCode::busy), 6);
  EXPECT_EQ(exit_code_of(ErrorCode::outcome_unknown), 7);
  EXPECT_EQ(exit_code_of(ErrorCode::corrupt_log), 8);
  EXPECT_EQ(exit_code_of(ErrorCode::internal), 9);
}

TEST(ErrorCodes, AreRetryableWhenNothingIsWrongWithTheRequest) {
  EXPECT_TRUE(is_retryable(ErrorCode::busy));
  EXPECT_TRUE(is_retryable(ErrorCode::outcome_unknown));
  EXPECT_FALSE(is_retryable(ErrorCode::not_unique));
  EXPECT_FALSE(is_retryable(ErrorCode::internal));
}

TEST(ErrorCodes, AreErrorsAsStandardErrorCodes) {
  for (const ErrorCode code : all_codes()) {
    const std::error_code standard = code;
    EXPECT_TRUE(standard) << name_of(code);  // Also the first, whose enumerator is 0.
    EXPECT_EQ(standard, code);
    EXPECT_THAT(standard.message(), testing::StartsWith(std::string(name_of(code)) + ": "));
  }
  EXPECT_EQ(std::error_code(999, error_category()).message(), "unknown error 999");
}

TEST(ErrorText, NamesMessagePlaceHintAndCode) {
  EXPECT_EQ(to_string(Error{.code = ErrorCode::unknown_field,
                            .message = "products has no field \"galery\"",
                            .path = "update.galery",
                            .hint = "did you mean \"gallery\"?"}),
            "products has no field \"galery\" at update.galery; did you mean \"gallery\"? "
            "[unknown_field]");
  EXPECT_EQ(to_string(Error{.code = ErrorCode::busy, .message = "too much to do"}),
            "too much to do; retry after a moment [busy]");
}

TEST(ErrorText, TellsEveryReason) {
  const Error short_name{.code = ErrorCode::too_short, .message = "too short", .path = "name"};
  Error error = short_name;
  error.violations = {short_name};
  EXPECT_EQ(to_string(error), "too short at name; lengthen the value [too_short]");
  error.violations.push_back({.code = ErrorCode::required, .message = "no price"});
  EXPECT_EQ(to_string(error),
            "too short at name; lengthen the value [too_short]; 2 reasons in all: "
            "too short at name [too_short], no price [required]");
}

Result<int> half(int number) {
  if (number % 2 != 0) return failure(ErrorCode::out_of_range, "odd", "number");
  return number / 2;
}

Result<int> quarter(int number) {
  EMSTORE_TRY(const int first, half(number));
  EMSTORE_TRY(const int second, half(first));
  return second;
}

Status check_quarter(int number) {
  EMSTORE_CHECKED(quarter(number));
  return {};
}

TEST(Result, PassesValuesAndErrorsUp) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error(), (Error{ErrorCode::out_of_range, "odd", "number", {}, {}}));
  EXPECT_TRUE(check_quarter(4).has_value());
  EXPECT_EQ(check_quarter(1).error().path, "number");
}

}  // namespace
}  // namespace emstore
