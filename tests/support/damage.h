// What happens to files on a disk that rots, or that somebody else writes to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace emstore::testing {

enum class Damage : std::uint8_t { flipped, zeroed, cut, deleted };
inline constexpr std::array kDamages{Damage::flipped, Damage::zeroed, Damage::cut, Damage::deleted};

// One byte at `at`, a sector from there on, all from there on, or the file; also of one that may
// only be read.
inline void damage(const std::filesystem::path& path, Damage how, std::uint64_t at) {
  constexpr std::uint64_t kSectorBytes = 512;
  namespace fs = std::filesystem;
  fs::permissions(path, fs::perms::owner_write, fs::perm_options::add);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 0x10);
  file.seekp(static_cast<std::streamoff>(at));
  switch (how) {
    case Damage::flipped:
      file.put(byte);
      break;
    case Damage::zeroed:
      file << std::string(std::min(kSectorBytes, fs::file_size(path) - at), '\0');
      break;
    case Damage::cut:
      fs::resize_file(path, at);
      break;
    case Damage::deleted:
      fs::remove(path);
      break;
  }
  EXPECT_TRUE(file.flush().good()) << path;
}

}  // namespace emstore::testing
