#include "base/io_failure.h"

#include <cerrno>
#include <string>
#include <system_error>

namespace emstore {
namespace {

std::string message_of(int error_number, std::string_view action,
                       const std::filesystem::path& path) {
  return "cannot " + std::string(action) + " " + path.string() + ": " +
         std::system_category().message(error_number);
}

ErrorCode code_of(int error_number) {
  if (error_number == ENOSPC || error_number == EDQUOT) return ErrorCode::disk_full;
  if (error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM) {
    return ErrorCode::busy;
  }
  return ErrorCode::io_failed;
}

}  // namespace

tl::unexpected<Error> io_failure(int error_number, std::string_view action,
                                 const std::filesystem::path& path) {
  return failure(code_of(error_number), message_of(error_number, action, path));
}

tl::unexpected<Error> sync_failure(int error_number, const std::filesystem::path& path) {
  const ErrorCode code = code_of(error_number);
  return failure(code == ErrorCode::disk_full ? code : ErrorCode::io_failed,
                 message_of(error_number, "sync", path));
}

}  // namespace emstore
