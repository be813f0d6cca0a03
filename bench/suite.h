// What all benchmarks share: how they are told to run, the stores and daemons they run on, each
// made when it is first asked for, and how a figure is taken.
//
// A benchmark that cannot go on ends the program: give_up() says why.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bench/daemon.h"
#include "bench/shop.h"
#include "tests/support/temporary_folder.h"

namespace emstore::bench {

struct Settings {
  bool quick = false;     // Small data and short windows: shows that all of it runs, no more.
  bool million = false;   // Growth up to 10^6 records.
  bool large = false;     // Media of 1 GiB, which takes minutes.
  std::uint64_t log = 0;  // Commits of the long log; 0: as many as usual.
  std::filesystem::path emstored = EMSTORED;

  ShopSize shop() const { return quick ? ShopSize{200, 2'000} : ShopSize{5'000, 20'000}; }
  std::uint64_t log_commits() const { return log != 0 ? log : quick ? 5'000 : 100'000; }
  std::chrono::milliseconds window() const { return std::chrono::milliseconds(quick ? 100 : 1500); }
};

// What takes how long: for percentiles.
class Latencies {
 public:
  using Clock = std::chrono::steady_clock;

  void add(Clock::duration took) { taken_.push_back(took); }
  std::size_t count() const { return taken_.size(); }
  // Sets the counters p50_us and p99_us.
  void report(benchmark::State& state);

 private:
  std::vector<Clock::duration> taken_;
};

// Who is measured over the socket. Each has a store of its own, so that nobody changes another's.
// `in_memory`: on a file system that keeps everything in memory, so that nothing is synced.
enum class Role : std::uint8_t { reads, spinning_reads, commits, in_memory };

class Suite {
 public:
  explicit Suite(const Settings& settings) : settings_(settings) {}

  const Settings& settings() const { return settings_; }
  // A folder that is gone with the suite.
  std::filesystem::path new_folder();
  // A new copy of a stopped store.
  std::filesystem::path copy_of(const std::filesystem::path& store);

  // Stopped stores, not to be changed: the shop, and the shop with a log of log_commits().
  const std::filesystem::path& shop_folder();
  const std::filesystem::path& long_folder();
  // A daemon on a copy of the shop.
  Daemon& daemon(Role role);
  // What is attached next in the store of `Role::commits`.
  AttachStream& attaches() { return attaches_; }

 private:
  std::unique_ptr<Daemon> daemon_on_disk(Role role);
  std::unique_ptr<Daemon> daemon_in_memory();

  Settings settings_;
  testing::TemporaryFolder folder_{std::filesystem::temp_directory_path()};
  std::optional<testing::TemporaryFolder> memory_;
  int folders_ = 0;
  std::filesystem::path shop_, long_;
  AttachStream attaches_{settings_.shop()};
  std::map<Role, std::unique_ptr<Daemon>> daemons_;
};

// Returns once this process has nothing to do: a store that was filled a moment ago goes on merging
// its tables, which is no part of what comes next. Gives up after a minute.
void wait_for_rest();

// One room each. The suite outlives the benchmarks.
void register_machine(Suite& suite);
void register_codec(Suite& suite);
void register_fold(Suite& suite);
void register_store(Suite& suite);
void register_socket(Suite& suite);
void register_growth(Suite& suite);
void register_past(Suite& suite);
void register_start(Suite& suite);
void register_media(Suite& suite);
void register_stream(Suite& suite);

// Keeps what `make` makes until the benchmarks that share it are gone; makes it when it is first
// asked for.
template <typename Make>
auto shared(Make make) {
  using Made = decltype(make());
  return [make, made = std::make_shared<Made>()]() -> typename Made::element_type& {
    if (!*made) *made = make();
    return **made;
  };
}

}  // namespace emstore::bench
