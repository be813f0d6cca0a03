// What an upload is known by: its token, and the name of its file, which is all that a later run
// knows of it.
// Threads: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace emstore::blobs {

// 32 hexadecimal digits, not to be guessed.
std::string random_token();
bool is_token(std::string_view text);

// Tells whether the machine has been down. Where the kernel does not say, every run counts as a
// boot.
std::string this_boot();

struct UploadName {
  std::string token;
  std::uint32_t uid = 0;
  std::optional<std::uint64_t> size;
  std::string boot;
};
// As the file is called.
std::string to_string(const UploadName& name);
// Nothing for a file that is not ours.
std::optional<UploadName> upload_name_of(std::string_view text);

}  // namespace emstore::blobs
