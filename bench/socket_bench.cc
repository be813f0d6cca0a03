// A daemon of the same build, as a program of its own, over its socket. Budgets, on a quiet box of
// two cores:
//   findOne + gallery of 20, one client: p50 ≤ 75 µs blocking, ≤ 25 µs when both sides spin
//   the same, throughput: 45k/s; p99 while 16 clients commit: 400 µs
//   durable commits: one client as SQLite (FULL) in process; 16 clients 22k/s; 64 clients 35k/s;
//   pipelined 50k/s
#include <atomic>
#include <emstore/client.hpp>
#include <thread>

#include "bench/load.h"
#include "bench/suite.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;
using namespace std::chrono_literals;

// Longer than an idle virtual processor takes to wake.
constexpr std::chrono::microseconds kClientSpin = 200us;

Client client_of(Suite& suite, Role role) {
  return connect({.socket = suite.daemon(role).socket(),
                  .spin = role == Role::spinning_reads ? kClientSpin : 0us});
}

// One request after the other, through the client library.
template <typename Call>
void measure_calls(benchmark::State& state, Suite& suite, Role role, Call call) {
  Client client = client_of(suite, role);
  Ids ids(suite.settings().shop().products - 20);
  Latencies latencies;
  for (auto _ : state) {
    const std::uint64_t id = ids.next();
    const Clock::time_point start = Clock::now();
    call(client, id);
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations());
}

void ping(Client& client, std::uint64_t) { benchmark::DoNotOptimize(client.ping()); }

void find_one(Client& client, std::uint64_t id) {
  const auto found =
      client.repository("products")
          .find_one({.where = {{"id", id}}, .with = {{"gallery", {.limit = kGallery}}}});
  if (!found || found->at("gallery").size() < kGallery) give_up("findOne did not find its gallery");
}

void find_many(Client& client, std::uint64_t id) {
  const Page page = client.repository("products")
                        .find_many({.where = {{"id", gte(id)}},
                                    .with = {{"thumbnail"}, {"gallery", {.limit = 5}}},
                                    .limit = 20});
  if (page.size() != 20) give_up("findMany did not find 20");
}

void report(benchmark::State& state, Load::Result result) {
  state.SetIterationTime(result.took.count());
  state.SetItemsProcessed(static_cast<std::int64_t>(result.answers));
  result.latencies.report(state);
}

void load_reads(benchmark::State& state, Suite& suite) {
  for (auto _ : state) {
    Load load(suite.daemon(Role::reads).socket(), static_cast<std::size_t>(state.range(0)),
              static_cast<std::size_t>(state.range(1)),
              find_one_requests(suite.settings().shop().products));
    report(state, load.run_for(suite.settings().window()));
  }
}

void load_commits(benchmark::State& state, Suite& suite) {
  for (auto _ : state) {
    Load load(suite.daemon(Role::commits).socket(), static_cast<std::size_t>(state.range(0)),
              static_cast<std::size_t>(state.range(1)), attach_requests(suite.attaches()));
    report(state, load.run_for(suite.settings().window()));
  }
}

// One client reads while 16 others commit; the figures are the reader's.
void read_while_16_commit(benchmark::State& state, Suite& suite) {
  std::atomic<bool> goes_on = true;
  Load load(suite.daemon(Role::commits).socket(), 16, 1, attach_requests(suite.attaches()));
  Load::Result commits;
  std::thread writers([&] { commits = load.run([&] { return goes_on.load(); }); });
  measure_calls(state, suite, Role::commits, find_one);
  goes_on = false;
  writers.join();
  state.counters["commits_per_second"] =
      static_cast<double>(commits.answers) / commits.took.count();
}

// Through the client library, which gives every mutation a request key: one row more than a
// standard commit.
void commit_with_key(benchmark::State& state, Suite& suite) {
  measure_calls(state, suite, Role::commits, [&suite](Client& client, std::uint64_t) {
    const Attach next = suite.attaches().next();
    client.mutator("products").update_one(next.product, {{"gallery", attach({next.medium})}});
  });
}

template <typename Call>
void add_calls(Suite& suite, const std::string& name, Call call) {
  for (const auto& [how, role] :
       {std::pair("blocking", Role::reads), std::pair("spinning", Role::spinning_reads)}) {
    benchmark::RegisterBenchmark((name + "/" + how).c_str(), [&suite, call, role = role](
                                                                 benchmark::State& state) {
      measure_calls(state, suite, role, call);
    })->UseRealTime();
  }
}

}  // namespace

void register_socket(Suite& suite) {
  add_calls(suite, "socket/ping", ping);
  add_calls(suite, "socket/find_one", find_one);
  add_calls(suite, "socket/find_many", find_many);
  const auto with_suite = [&suite](void (*function)(benchmark::State&, Suite&)) {
    return [=, &suite](benchmark::State& state) { function(state, suite); };
  };
  benchmark::RegisterBenchmark("socket/find_one/load", with_suite(load_reads))
      ->ArgNames({"connections", "depth"})
      ->Args({1, 1})
      ->Args({16, 1})
      ->Args({16, 16})
      ->Iterations(1)
      ->UseManualTime();
  benchmark::RegisterBenchmark("socket/commit/load", with_suite(load_commits))
      ->ArgNames({"connections", "depth"})
      ->Args({1, 1})
      ->Args({16, 1})
      ->Args({64, 1})
      ->Args({1, 128})
      ->Args({16, 16})
      ->Iterations(1)
      ->UseManualTime();
  benchmark::RegisterBenchmark("socket/commit/client_with_key", with_suite(commit_with_key))
      ->UseRealTime();
  benchmark::RegisterBenchmark("socket/find_one/while_16_commit", with_suite(read_while_16_commit))
      ->UseRealTime();
}

}  // namespace emstore::bench
