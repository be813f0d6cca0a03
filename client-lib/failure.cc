#include <emstore/failure.hpp>

#include <utility>

namespace emstore {

Failure::Failure(Error error)
    : std::system_error(make_error_code(error.code)),
      error_(std::move(error)),
      text_(to_string(error_)) {}
Failure::Failure(const Failure&) = default;
Failure& Failure::operator=(const Failure&) = default;
Failure::~Failure() = default;

void ErrorOut::clear() const {
  if (code_) code_->clear();
  if (error_) error_->reset();
}

void ErrorOut::set(Error error) const {
  if (code_) *code_ = make_error_code(error.code);
  if (error_) *error_ = std::move(error);
}

}  // namespace emstore
