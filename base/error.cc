#include <emstore/error.hpp>

#include <array>
#include <cstddef>

namespace emstore {
namespace {

struct ErrorRow {
  ErrorClass error_class;
  std::string_view name;
  std::string_view advice;
};

constexpr std::array kErrors{
#define EMSTORE_ERROR(error_class, name, advice) ErrorRow{ErrorClass::error_class, #name, advice},
#include <emstore/errors.def>
#undef EMSTORE_ERROR
};

const ErrorRow& row_of(ErrorCode code) { return kErrors.at(static_cast<std::size_t>(code)); }

// The value 0 of a std::error_code means success, so codes count from 1 there.
class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "emstore"; }
  std::string message(int value) const override {
    const auto index = static_cast<std::size_t>(value) - 1;
    if (index >= kErrors.size()) return "unknown error " + std::to_string(value);
    return std::string(kErrors.at(index).name) + ": " + std::string(kErrors.at(index).advice);
  }
};

}  // namespace

ErrorClass class_of(ErrorCode code) { return row_of(code).error_class; }
std::string_view name_of(ErrorCode code) { return row_of(code).name; }
std::string_view advice_for(ErrorCode code) { return row_of(code).advice; }

std::string_view name_of(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::invalid:
      return "invalid";
    case ErrorClass::not_found:
      return "not_found";
    case ErrorClass::conflict:
      return "conflict";
    case ErrorClass::too_large:
      return "too_large";
    case ErrorClass::unavailable:
      return "unavailable";
    case ErrorClass::outcome_unknown:
      return "outcome_unknown";
    case ErrorClass::corruption:
      return "corruption";
    case ErrorClass::internal:
      return "internal";
  }
  return "internal";
}

std::optional<ErrorCode> error_code_named(std::string_view name) {
  for (std::size_t index = 0; index < kErrors.size(); ++index) {
    if (kErrors.at(index).name == name) return static_cast<ErrorCode>(index);
  }
  return std::nullopt;
}

bool is_retryable(ErrorCode code) {
  const ErrorClass error_class = class_of(code);
  return error_class == ErrorClass::unavailable || error_class == ErrorClass::outcome_unknown;
}

int exit_code_of(ErrorCode code) {
  constexpr int kFirst = 2;  // 0 is success; 1 is what a shell gives for everything else.
  return kFirst + static_cast<int>(class_of(code));
}

std::string to_string(const Error& error) {
  std::string text = error.message;
  if (!error.path.empty()) text.append(" at ").append(error.path);
  text.append("; ").append(error.hint.empty() ? advice_for(error.code) : error.hint);
  text.append(" [").append(name_of(error.code)).append("]");
  if (error.violations.size() < 2) return text;
  text.append("; ").append(std::to_string(error.violations.size())).append(" reasons in all");
  for (std::size_t i = 0; i < error.violations.size(); ++i) {
    const Error& violation = error.violations[i];
    text.append(i == 0 ? ": " : ", ").append(violation.message);
    if (!violation.path.empty()) text.append(" at ").append(violation.path);
    text.append(" [").append(name_of(violation.code)).append("]");
  }
  return text;
}

const std::error_category& error_category() noexcept {
  static const Category kCategory;
  return kCategory;
}

std::error_code make_error_code(ErrorCode code) noexcept {
  return {static_cast<int>(code) + 1, error_category()};
}

}  // namespace emstore
