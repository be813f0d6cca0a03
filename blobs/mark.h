// What a media folder says about itself before anybody uses it: whose it is, and whether it holds
// anything. The mark is a line of text in <root>/owner, which whoever uses the folder compares with
// what he has noted.
//
// Threads: any, one call for a folder at a time.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace emstore::blobs {

inline constexpr const char* kMarkName = "owner";

// Whether any blob lies in the folder; it need not be there. Errors: io_failed.
Result<bool> holds_media(const std::filesystem::path& root);

// The mark without the end of its line; nothing where none is. Errors: io_failed, corrupt_blob (no
// regular file).
Result<std::optional<std::string>> read_mark(const std::filesystem::path& root);
// Puts the mark into the folder, which is there, and makes it durable. Errors: io_failed,
// disk_full.
Status place_mark(const std::filesystem::path& root, std::string_view mark);

}  // namespace emstore::blobs
