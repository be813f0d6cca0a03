// What is wrong with a request, gathered so that one answer names all of it.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace emstore::store {

// At most `max` are kept, so that a hopeless request does not become a flood.
class Violations {
 public:
  explicit Violations(std::size_t max) : max_(max) {}
  // Of an error that has violations of its own, those.
  void add(Error error);
  void add(const Status& status) {
    if (!status) add(status.error());
  }
  // The value; an error is added, and the value is then the empty one.
  template <typename T>
  T take(Result<T> result) {
    if (result) return *std::move(result);
    add(std::move(result).error());
    return T();
  }
  // As add(), at a place, when `result` is an error.
  template <typename T>
  bool catches(const Result<T>& result, const std::string& path) {
    if (result) return false;
    Error error = result.error();
    error.path = path;
    add(std::move(error));
    return true;
  }
  void add_all(Violations others) {
    for (Error& error : others.errors_) add(std::move(error));
  }
  bool empty() const { return errors_.empty(); }
  std::size_t size() const { return errors_.size(); }
  bool full() const { return errors_.size() >= max_; }
  // The first violation, with all of them in it.
  Error to_error() &&;
  // Nothing without any; a single one as it is.
  Status to_status() &&;

 private:
  std::size_t max_;
  std::vector<Error> errors_;
};

}  // namespace emstore::store
