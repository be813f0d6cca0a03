// From the start of the program to its first answer. Budgets: 100 ms on an empty store and after a
// clean stop, 1 s after a kill, whatever the log's length.
#include "bench/load.h"
#include "bench/suite.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;

void start_once(benchmark::State& state, Suite& suite, const std::filesystem::path& data) {
  const Clock::time_point start = Clock::now();
  Daemon daemon(suite.settings().emstored, data);
  state.SetIterationTime(std::chrono::duration<double>(Clock::now() - start).count());
  constexpr double kMebibyte = 1 << 20;
  state.counters["resident_mib"] = static_cast<double>(daemon.resident_bytes()) / kMebibyte;
  daemon.stop();
}

void start_empty(benchmark::State& state, Suite& suite) {
  for (auto _ : state) start_once(state, suite, suite.new_folder() / "store");
}

void start_after_stop(benchmark::State& state, Suite& suite, const std::filesystem::path& store) {
  const std::filesystem::path data = suite.copy_of(store);
  for (auto _ : state) start_once(state, suite, data);
}

// A store whose daemon was killed while 16 clients wrote: what they wrote is in the write-ahead log
// alone.
std::filesystem::path killed_store(Suite& suite) {
  const std::filesystem::path data = suite.copy_of(suite.long_folder());
  Daemon daemon(suite.settings().emstored, data);
  AttachStream attaches(suite.settings().shop());
  attaches.next(suite.settings().log_commits());  // Of which the store has some.
  Load(daemon.socket(), 16, 16, attach_requests(attaches)).run_for(suite.settings().window());
  daemon.kill();
  std::filesystem::remove(daemon.socket());
  return data;
}

void start_after_kill(benchmark::State& state, Suite& suite) {
  const std::filesystem::path killed = killed_store(suite);
  for (auto _ : state) start_once(state, suite, suite.copy_of(killed));
}

}  // namespace

void register_start(Suite& suite) {
  const int starts = suite.settings().quick ? 1 : 5;
  const auto add = [&](const char* name, auto start) {
    benchmark::RegisterBenchmark(name, start)
        ->Unit(benchmark::kMillisecond)
        ->Iterations(starts)
        ->UseManualTime();
  };
  add("start/empty", [&suite](benchmark::State& state) { start_empty(state, suite); });
  add("start/after_stop/short_log",
      [&suite](benchmark::State& state) { start_after_stop(state, suite, suite.shop_folder()); });
  add("start/after_stop/long_log",
      [&suite](benchmark::State& state) { start_after_stop(state, suite, suite.long_folder()); });
  add("start/after_kill/long_log",
      [&suite](benchmark::State& state) { start_after_kill(state, suite); });
}

}  // namespace emstore::bench
