#include "blobs/upload_name.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>

#include "base/check.h"
#include "base/hash.h"

namespace emstore::blobs {
namespace {

constexpr std::size_t kTokenSize = 32;
constexpr std::string_view kAnySize = "any";

}  // namespace

std::string random_token() {
  std::array<char, kTokenSize / 2> bytes{};
  EMSTORE_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return to_hex({bytes.data(), bytes.size()});
}

bool is_token(std::string_view text) {
  return text.size() == kTokenSize &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string this_boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  std::erase(id, '-');
  return is_token(id) ? id : random_token();
}

std::string to_string(const UploadName& name) {
  return name.token + "." + std::to_string(name.uid) + "." +
         (name.size ? std::to_string(*name.size) : std::string(kAnySize)) + "." + name.boot;
}

std::optional<UploadName> upload_name_of(std::string_view text) {
  std::array<std::string_view, 4> parts;
  std::string_view rest = text;
  for (std::string_view& part : parts) {
    part = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  UploadName name;
  name.token = parts[0];
  name.boot = parts[3];
  std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), name.uid);
  if (parts[2] != kAnySize) {
    std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), name.size.emplace());
  }
  if (!is_token(name.token) || !is_token(name.boot) || to_string(name) != text) return std::nullopt;
  return name;
}

}  // namespace emstore::blobs
