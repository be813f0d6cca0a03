#include "blobs/mark.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "blobs/system.h"

namespace emstore::blobs {
namespace {

constexpr const char* kNewMarkName = "owner.new";
constexpr mode_t kMarkMode = 0600;
constexpr std::uint64_t kMarkBytesMax = 4096;

bool is_shard_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return name.size() == 2 && name.find_first_not_of(kDigits) == std::string_view::npos;
}

}  // namespace

Result<bool> holds_media(const std::filesystem::path& root) {
  System system;
  const File folder(system.open(AT_FDCWD, root.c_str(), O_RDONLY | O_DIRECTORY, 0));
  if (!folder && errno == ENOENT) return false;
  if (!folder) return io_failure(errno, "open the folder", root);
  EMSTORE_TRY(const std::vector<std::string> names, names_in(system, folder, root));
  for (const std::string& name : names) {
    if (!is_shard_name(name)) continue;
    EMSTORE_TRY(const File shard,
                open_directory(system, folder.descriptor(), name.c_str(), root / name));
    EMSTORE_TRY(const std::vector<std::string> media, names_in(system, shard, root / name));
    if (!media.empty()) return true;
  }
  return false;
}

Result<std::optional<std::string>> read_mark(const std::filesystem::path& root) {
  System system;
  const auto path = root / kMarkName;
  const File file(system.open(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK, 0));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) return io_failure(errno, "open", path);
  EMSTORE_CHECKED(status_of_regular(file, path));
  EMSTORE_TRY(std::string mark, read_range(system, file, 0, kMarkBytesMax, path));
  while (mark.ends_with('\n')) mark.pop_back();
  return mark;
}

Status place_mark(const std::filesystem::path& root, std::string_view mark) {
  System system;
  EMSTORE_TRY(const File folder, open_directory(system, AT_FDCWD, root.c_str(), root));
  const auto path = root / kNewMarkName;
  const File file(
      system.open(folder.descriptor(), kNewMarkName, O_WRONLY | O_CREAT | O_TRUNC, kMarkMode));
  if (!file) return io_failure(errno, "create", path);
  const std::string line = std::string(mark) + "\n";
  const ssize_t written = system.write(file.descriptor(), line, 0);
  if (written < 0) return io_failure(errno, "write", path);
  if (static_cast<std::size_t>(written) != line.size()) return io_failure(ENOSPC, "write", path);
  if (system.sync(file.descriptor()) != 0) return sync_failure(errno, path);
  if (system.rename_over(folder.descriptor(), kNewMarkName, folder.descriptor(), kMarkName) != 0) {
    return io_failure(errno, "name", root / kMarkName);
  }
  if (system.sync(folder.descriptor()) != 0) return sync_failure(errno, root);
  return {};
}

}  // namespace emstore::blobs
