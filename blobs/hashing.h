// Both digests of content, taken beside what else is done with it: SHA-256 alone takes longer than
// to write it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/hash.h"
#include "blobs/system.h"

namespace emstore::blobs {

// Of a file that is being written, on a thread of its own: what it reads is what is stored. It may
// fall behind the writer, who then has a sync to wait for meanwhile.
// For one user at a time, on one thread.
class Hashing {
 public:
  // `file` is open for reading and outlives it; `path` is for the message of an error.
  Hashing(System& system, const File& file, std::filesystem::path path, Pace pace = {});
  ~Hashing();  // What is not hashed yet is dropped.
  Hashing(const Hashing&) = delete;
  Hashing& operator=(const Hashing&) = delete;

  // So many bytes are in the file by now, and stay as they are.
  void written(std::uint64_t size);
  // Of all that was written; to be called once. Errors: io_failed, cancelled.
  Result<ContentDigest> finish();

 private:
  void serve();
  Status hash_to(std::uint64_t size);
  bool is_dropped();

  System& system_;
  const File& file_;
  const std::filesystem::path path_;
  const Pace pace_;
  ContentHasher hasher_;  // This and the next two are the thread's, until it has ended.
  std::uint64_t hashed_ = 0;
  Status outcome_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t written_ = 0;
  bool is_over_ = false;
  bool is_dropped_ = false;
  std::thread thread_;
};

// A thread that hashes a piece while the one that has it writes it. It serves one caller at a time:
// where several write at once, there is a second piece to write for every core that is free.
// Threads: any.
class HashingAside {
 public:
  HashingAside();
  ~HashingAside();
  HashingAside(const HashingAside&) = delete;
  HashingAside& operator=(const HashingAside&) = delete;

  // Gives `piece` to `hasher`; both are in use until wait() returns, which has to follow. False:
  // somebody else is served, and nothing has happened.
  bool begin(ContentHasher& hasher, std::string_view piece);
  void wait();

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable given_, done_;
  ContentHasher* hasher_ = nullptr;  // Set while its piece is not hashed.
  std::string_view piece_;
  bool is_taken_ = false;  // From begin() to wait().
  bool is_over_ = false;
  std::thread thread_;
};

}  // namespace emstore::blobs
