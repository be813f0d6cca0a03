// A shop with media of both sizes, and what a test compares of two stores.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "wire.h"

namespace emstore::testing {

inline constexpr std::size_t kLargeBytes = 200'000;  // Two such media lie in files.

// Products with links, small and large media, keyed requests; some are changed and deleted.
void fill_shop(Wire& wire, int products);

// Clients who write whatever a shop's clients write, each on a thread of its own, and look at it in
// between.
class ShopUsers {
 public:
  ShopUsers(const RunningDaemon& running, std::uint32_t count);
  ~ShopUsers() { stop(); }
  // Returns how many of their writes were acknowledged.
  int stop();

 private:
  int use(const RunningDaemon& running, std::uint32_t seed) const;

  std::atomic<bool> is_over_ = false;
  std::atomic<int> acknowledged_ = 0;
  std::vector<std::thread> threads_;
};

// What says that two stores are equal.
struct Proof {
  std::int64_t sequence = 0;
  std::string root, state_digest;
  bool operator==(const Proof&) const = default;
};
Proof proof_of(Wire& wire);
// The same of a store that nobody serves.
Proof proof_of(const daemon::Config& config);

// Uploads a content in one piece; what blob.commit answers.
Map upload(Wire& wire, const std::string& bytes);
// Uploads it and makes a media of it: its address.
std::string store_media(Wire& wire, const std::string& bytes);

// Alters one byte of a file, also of one that may only be read.
void flip(const std::filesystem::path& path, std::uint64_t offset);

// The result of a job, or its error under `error`.
Map job(Wire& wire, std::string_view method, List params = {});

}  // namespace emstore::testing
