#include "bench/suite.h"

#include <algorithm>
#include <ctime>
#include <thread>

namespace emstore::bench {

void Latencies::report(benchmark::State& state) {
  if (taken_.empty()) return;
  const auto micros_at = [this](double part) {
    const auto at =
        taken_.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(taken_.size() - 1));
    std::nth_element(taken_.begin(), at, taken_.end());
    return std::chrono::duration<double, std::micro>(*at).count();
  };
  state.counters["p50_us"] = micros_at(0.5);
  state.counters["p99_us"] = micros_at(0.99);
}

void wait_for_rest() {
  constexpr std::clock_t kIdle = CLOCKS_PER_SEC / 1'000;
  constexpr std::chrono::milliseconds kWindow{100};
  constexpr int kWindowsMax = 600;
  for (int window = 0; window < kWindowsMax; ++window) {
    const std::clock_t before = std::clock();  // Of all threads.
    std::this_thread::sleep_for(kWindow);
    if (std::clock() - before < kIdle) return;
  }
}

std::filesystem::path Suite::new_folder() {
  std::filesystem::path folder = folder_.path() / std::to_string(++folders_);
  std::filesystem::create_directory(folder);
  return folder;
}

std::filesystem::path Suite::copy_of(const std::filesystem::path& store) {
  std::filesystem::path copy = new_folder() / "store";
  std::filesystem::copy(store, copy, std::filesystem::copy_options::recursive);
  return copy;
}

const std::filesystem::path& Suite::shop_folder() {
  if (shop_.empty()) {
    shop_ = new_folder() / "store";
    Shop shop(shop_);
    shop.fill(settings_.shop());
    shop.close();
  }
  return shop_;
}

const std::filesystem::path& Suite::long_folder() {
  if (long_.empty()) {
    long_ = copy_of(shop_folder());
    Shop shop(long_);
    AttachStream attaches(settings_.shop());
    while (shop.view()->sequence < settings_.log_commits()) shop.commit(attaches.next(256));
    shop.close();
  }
  return long_;
}

std::unique_ptr<Daemon> Suite::daemon_on_disk(Role role) {
  std::vector<std::string> settings;
  // Longer than a query and its decoding by the client take.
  if (role == Role::spinning_reads) settings = {"threads.spin=200us"};
  return std::make_unique<Daemon>(settings_.emstored, copy_of(shop_folder()), settings);
}

std::unique_ptr<Daemon> Suite::daemon_in_memory() {
  memory_.emplace("/dev/shm");
  return std::make_unique<Daemon>(settings_.emstored, memory_->path() / "store",
                                  std::vector<std::string>{"store.allow_memory=true"});
}

Daemon& Suite::daemon(Role role) {
  std::unique_ptr<Daemon>& daemon = daemons_[role];
  if (!daemon) {
    daemon = role == Role::in_memory ? daemon_in_memory() : daemon_on_disk(role);
  }
  return *daemon;
}

}  // namespace emstore::bench
