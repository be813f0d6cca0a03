// Room on the disk of the media folder: what is kept free, and what was promised to content that is
// being copied.
//
// Only content that a thread is copying has a promise, until it is copied: what is announced and
// never comes takes room from nobody.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "blobs/system.h"

namespace emstore::blobs {

class Room {
 public:
  // What is left of a promise; the rest of it is given back with it. The room outlives it.
  class Promise {
   public:
    Promise(Room& room, std::uint64_t bytes) : room_(&room), left_(bytes) {}
    Promise(Promise&& other) noexcept;
    Promise& operator=(Promise&&) = delete;
    ~Promise();

    // So many of the bytes are on the disk.
    void kept(std::uint64_t bytes);

   private:
    Room* room_;
    std::uint64_t left_;
  };

  // `system` and `folder` outlive it; `path` is for messages; `elsewhere` says what others, who
  // know nothing of it, are about to write.
  Room(
      System& system, const File& folder, std::filesystem::path path, std::uint64_t kept_free,
      std::function<std::uint64_t()> elsewhere = [] { return std::uint64_t{0}; })
      : system_(system),
        folder_(folder),
        path_(std::move(path)),
        kept_free_(kept_free),
        elsewhere_(std::move(elsewhere)) {}

  // Whether there is room for so many bytes more, beside what is promised. Errors: disk_full,
  // io_failed.
  Status check(std::uint64_t bytes) const;
  // The same, and nobody else gets it. Errors: those of check().
  Result<Promise> promise(std::uint64_t bytes);
  // Whether a piece of content that was let in can be written: what else fills the disk may have
  // come to what is kept free, above all for the write-ahead log, without which the daemon stops.
  // Errors: those of check().
  Status check_piece(std::uint64_t bytes) const;

 private:
  Status check(std::uint64_t bytes, std::uint64_t promised) const;

  System& system_;
  const File& folder_;
  const std::filesystem::path path_;
  const std::uint64_t kept_free_;
  const std::function<std::uint64_t()> elsewhere_;
  mutable std::mutex mutex_;
  std::uint64_t promised_ = 0;
};

}  // namespace emstore::blobs
