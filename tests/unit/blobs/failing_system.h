// The operating system with a plan of what goes wrong, and a record of what was asked.
#pragma once

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "blobs/system.h"

namespace emstore::blobs {

struct Fault {
  int error_number = EIO;      // 0: a write takes only half of its bytes.
  std::size_t first_call = 0;  // From 1, counting every call, or those named `only`; 0: none fails.
  bool sticky = false;         // All later calls fail as well.
  std::string only = {};
};

// What a test keeps of a FailingSystem after the store has taken that.
struct Calls {
  Fault fault;
  std::size_t count = 0;  // Of the calls that the fault may hit.
  bool fault_fired = false;
  std::vector<std::string> names = {};
  std::function<void(const std::string& to)> before_rename = {};
  // A file with a sector that cannot be read, wherever it is opened; 0: none.
  ino_t unreadable = 0;
  // What the disk has left, of which every write takes its bytes. Not set: what it really has.
  std::optional<std::uint64_t> room = {};
  std::function<void()> before_write = {};  // Called once.
  // Called each time when bytes are about to be read of the file `watched`.
  std::function<void(std::uint64_t offset)> before_read = {};
  ino_t watched = 0;
};

// The store owns its System, the test owns the plan, which outlives it, and looks at it when
// nothing is under way. Threads: any.
class FailingSystem final : public System {
 public:
  explicit FailingSystem(Calls& calls) : calls_(calls) {}

  int open(int directory, const char* name, int flags, mode_t mode) override {
    return fails("open") ? -1 : System::open(directory, name, flags, mode);
  }
  int make_directory(int directory, const char* name, mode_t mode) override {
    return fails("make_directory") ? -1 : System::make_directory(directory, name, mode);
  }
  ssize_t read(int file, char* bytes, std::size_t size, std::uint64_t offset) override {
    if (fails("read")) return -1;
    struct stat status {};
    if (calls_.unreadable == 0 && !calls_.before_read) {
      return System::read(file, bytes, size, offset);
    }
    if (::fstat(file, &status) != 0) return -1;
    if (calls_.unreadable != 0 && status.st_ino == calls_.unreadable) {
      errno = EIO;
      return -1;
    }
    if (calls_.before_read && status.st_ino == calls_.watched) calls_.before_read(offset);
    return System::read(file, bytes, size, offset);
  }
  ssize_t write(int file, std::string_view bytes, std::uint64_t offset) override {
    if (calls_.before_write) std::exchange(calls_.before_write, {})();
    if (!fails("write")) {
      if (calls_.room) *calls_.room -= std::min<std::uint64_t>(bytes.size(), *calls_.room);
      return System::write(file, bytes, offset);
    }
    if (calls_.fault.error_number != 0) return -1;
    return System::write(file, bytes.substr(0, (bytes.size() + 1) / 2), offset);
  }
  int change_mode(int file, mode_t mode) override {
    return fails("change_mode") ? -1 : System::change_mode(file, mode);
  }
  int touch(int file) override { return fails("touch") ? -1 : System::touch(file); }
  int sync_data(int file) override { return fails("sync_data") ? -1 : System::sync_data(file); }
  int sync(int file) override { return fails("sync") ? -1 : System::sync(file); }
  int rename_to_new(int from_directory, const char* from, int to_directory,
                    const char* to) override {
    if (fails("rename_to_new")) return -1;
    if (calls_.before_rename) std::exchange(calls_.before_rename, {})(to);
    return System::rename_to_new(from_directory, from, to_directory, to);
  }
  int rename_over(int from_directory, const char* from, int to_directory, const char* to) override {
    return fails("rename_over") ? -1 : System::rename_over(from_directory, from, to_directory, to);
  }
  int link_to_new(int from_directory, const char* from, int to_directory, const char* to) override {
    return fails("link_to_new") ? -1 : System::link_to_new(from_directory, from, to_directory, to);
  }
  int unlink(int directory, const char* name) override {
    return fails("unlink") ? -1 : System::unlink(directory, name);
  }
  std::int64_t free_bytes(int directory) override {
    if (calls_.room) return static_cast<std::int64_t>(*calls_.room);
    return fails("free_bytes") ? -1 : System::free_bytes(directory);
  }

 private:
  bool fails(const std::string& name) {
    const std::lock_guard lock(mutex_);
    calls_.names.push_back(name);
    const Fault& fault = calls_.fault;
    if (!fault.only.empty() && fault.only != name) return false;
    if (fault.error_number == 0 && name != "write") return false;
    ++calls_.count;
    const bool hit = fault.first_call != 0 && (fault.sticky ? calls_.count >= fault.first_call
                                                            : calls_.count == fault.first_call);
    if (!hit) return false;
    calls_.fault_fired = true;
    errno = fault.error_number;
    return true;
  }

  Calls& calls_;
  std::mutex mutex_;
};

}  // namespace emstore::blobs
