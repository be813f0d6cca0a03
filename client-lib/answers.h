// From results to what a caller sees: a value or an exception, or a value and an error on the side.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <emstore/failure.hpp>
#include <emstore/record.hpp>
#include <emstore/transaction.hpp>

#include "base/result.h"

namespace emstore {

template <typename T>
T value_of(Result<T> result) {
  if (!result) throw Failure(std::move(result).error());
  return std::move(*result);
}

template <typename T>
T value_of(Result<T> result, ErrorOut error) {
  if (!result) {
    error.set(std::move(result).error());
    return T{};
  }
  error.clear();
  return std::move(*result);
}

std::string text_in(const Map& map, std::string_view name);  // Empty when there is none.
// The answers of findId and findOne, and of findMany.
Result<std::optional<Record>> record_of(Value answer);
Result<Page> page_of(Value answer);
// The answers of insertMany, updateWhere and deleteWhere, and of transaction.
Result<Mutations> mutations_of(Result<Value> answer);
Result<TransactionResult> transaction_of(const Map& answer);
// The error, its path beginning with `place`.
Error within(std::string_view place, Error error);
// An error that came as a value: [code, message, {path, hint, …}].
Error error_of(const Value& value);

}  // namespace emstore
