// The operating system of a machine whose power goes: what was written and not synced is then
// there, torn or gone, and so is a new name whose folder was not synced. Everything reaches real
// files; a sync is only noted, so a cut is cheap. Not modelled: names that were removed.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "blobs/system.h"

namespace emstore::blobs {

// What a test keeps of a CuttingSystem after the store has taken that. One thread at a time.
class Machine {
 public:
  // What becomes of one thing that was not synced.
  enum class Fate { kept, torn, lost };
  using Chance = std::function<Fate()>;

  std::size_t calls = 0;     // That change something on the disk.
  std::size_t stops_at = 0;  // From this call on, from 1, the program does nothing more; 0: never.
  // Controls: what is said to be synced is not.
  bool bytes_stay_unsynced = false, names_stay_unsynced = false;

  bool may_go_on() { return ++calls < stops_at || stops_at == 0; }
  bool was_stopped() const { return stops_at != 0 && calls >= stops_at; }

  void wrote(int file, std::uint64_t begin, std::uint64_t end) {
    unsynced_[inode_of(file)].push_back({begin, end});
  }
  void synced_bytes(int file) {
    if (!bytes_stay_unsynced) unsynced_.erase(inode_of(file));
  }
  void renamed(int from_folder, const char* from, int to_folder, const char* to) {
    renames_.push_back({inode_of(to_folder), path_of(from_folder) / from, path_of(to_folder) / to});
  }
  void synced_names(int folder) {
    if (names_stay_unsynced) return;
    std::erase_if(renames_,
                  [inode = inode_of(folder)](const Rename& one) { return one.folder == inode; });
  }

  // The power goes and comes back. `root` is where the files are.
  void cut_power(const std::filesystem::path& root, const Chance& chance) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const auto found =
          entry.is_regular_file() ? unsynced_.find(inode_of(entry.path())) : unsynced_.end();
      if (found == unsynced_.end()) continue;
      std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
      for (const Extent& extent : found->second) lose(entry.path(), extent, chance());
    }
    std::reverse(renames_.begin(), renames_.end());
    for (const Rename& one : renames_) {
      if (chance() != Fate::kept) std::filesystem::rename(one.to, one.from);
    }
    unsynced_.clear();
    renames_.clear();
    stops_at = 0;
  }

 private:
  struct Extent {
    std::uint64_t begin, end;
  };
  struct Rename {
    ino_t folder;
    std::filesystem::path from, to;
  };

  static ino_t inode_of(int file) {
    struct stat status {};
    return ::fstat(file, &status) == 0 ? status.st_ino : 0;
  }
  static ino_t inode_of(const std::filesystem::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }
  static std::filesystem::path path_of(int folder) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(folder));
  }
  // Torn: its second half is zeros. Lost: it is zeros, or not there, where the file ends with it.
  static void lose(const std::filesystem::path& path, const Extent& extent, Fate fate) {
    if (fate == Fate::kept) return;
    const std::uint64_t begin =
        fate == Fate::torn ? extent.begin + (extent.end - extent.begin) / 2 : extent.begin;
    const std::uint64_t size = std::filesystem::file_size(path);
    if (begin >= size) return;
    std::filesystem::resize_file(path, begin);
    if (fate == Fate::torn || extent.end < size) std::filesystem::resize_file(path, size);
  }

  std::map<ino_t, std::vector<Extent>> unsynced_;
  std::vector<Rename> renames_;
};

// The store owns its System, the test owns the machine, which outlives it.
class CuttingSystem final : public System {
 public:
  explicit CuttingSystem(Machine& machine) : machine_(machine) {}

  ssize_t write(int file, std::string_view bytes, std::uint64_t offset) override {
    if (stopped()) return -1;
    const ssize_t count = System::write(file, bytes, offset);
    if (count > 0) machine_.wrote(file, offset, offset + static_cast<std::uint64_t>(count));
    return count;
  }
  int change_mode(int file, mode_t mode) override {
    return stopped() ? -1 : System::change_mode(file, mode);
  }
  int sync_data(int file) override {
    if (stopped()) return -1;
    machine_.synced_bytes(file);
    return 0;
  }
  int sync(int file) override {
    if (stopped()) return -1;
    machine_.synced_bytes(file);
    machine_.synced_names(file);
    return 0;
  }
  int rename_to_new(int from_directory, const char* from, int to_directory,
                    const char* to) override {
    if (stopped()) return -1;
    const int answer = System::rename_to_new(from_directory, from, to_directory, to);
    if (answer == 0) machine_.renamed(from_directory, from, to_directory, to);
    return answer;
  }
  int unlink(int directory, const char* name) override {
    return stopped() ? -1 : System::unlink(directory, name);
  }

 private:
  bool stopped() {
    if (machine_.may_go_on()) return false;
    errno = EIO;
    return true;
  }

  Machine& machine_;
};

}  // namespace emstore::blobs
