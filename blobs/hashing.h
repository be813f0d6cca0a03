// Both digests of content, taken beside what else is done with it: SHA-256 alone takes longer than
// to write it.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "base/hash.h"

namespace emstore::blobs {

// Of content that is read here, on a thread of its own while the next pieces are read and written.
// For one user at a time, on one thread.
class Hashing {
 public:
  static constexpr std::size_t kPieceBytes = 1u << 20;

  Hashing();
  ~Hashing();  // What is not hashed yet is dropped.
  Hashing(const Hashing&) = delete;
  Hashing& operator=(const Hashing&) = delete;

  // Room for the next piece, kPieceBytes of it. Waits while all rooms are being hashed.
  std::span<char> room();
  // The room given last holds so many bytes now, which stay readable until the room comes round
  // again.
  void filled(std::size_t count);
  // Of all pieces.
  ContentDigest finish();

 private:
  static constexpr std::size_t kRooms = 4;
  void serve();

  ContentHasher hasher_;  // The thread's, until it has ended.
  std::array<std::vector<char>, kRooms> rooms_;
  std::size_t next_ = 0;  // The room that is given next.

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string_view> waiting_;  // The front is being hashed.
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
