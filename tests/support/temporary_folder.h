// A folder of a test's own, gone with it.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"

namespace emstore::testing {

// Where tests write: below TMPDIR where that is set; otherwise in memory where that has room, for
// each store is 257 folders, and what a sync costs is no matter to these tests. The programs as a
// user runs them (tests/system/*.py) write to a disk.
inline std::filesystem::path scratch_folder() {
  constexpr std::uintmax_t kRoom = 2u << 30;  // Of which all tests at once take an eighth.
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(memory, error);
  const bool fits = !error && space.available >= kRoom && ::access(memory.c_str(), W_OK) == 0;
  const bool is_told = ::getenv("TMPDIR") != nullptr;
  return fits && !is_told ? memory : std::filesystem::temp_directory_path();
}

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent = scratch_folder()) {
    std::string pattern = (parent / "emstore-XXXXXX").string();
    EMSTORE_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace emstore::testing
