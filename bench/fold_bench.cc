// The log as bytes, and what follows from it. Budgets: raw scan 4M commits/s; full rebuild 400k
// commits/s.
#include <atomic>
#include <thread>

#include "bench/suite.h"
#include "store/event_bytes.h"
#include "store/overlay.h"
#include "store/rebuild.h"
#include "store/refold.h"
#include "store/rocks.h"
#include "store/scratch.h"
#include "store/verify.h"

namespace emstore::bench {
namespace {

using store::Commit;
using store::Database;
using store::Family;

std::unique_ptr<Database> open_database(Suite& suite) {
  return must(Database::open(suite.copy_of(suite.long_folder()) / "db", {}));
}

// The bytes of every commit, in order.
std::vector<std::string> commits_of(const store::Reader& reader) {
  std::vector<std::string> commits;
  must(reader.scan(Family::log, {}, [&](std::string_view, std::string_view bytes) {
    commits.emplace_back(bytes);
    return true;
  }));
  return commits;
}

void encode_attach(benchmark::State& state, Database& database) {
  const std::string bytes = commits_of(*database.snapshot()).back();
  const Commit commit = must(store::decode(bytes));
  const std::vector<store::Salt> salts = must(store::salts_of(bytes));
  for (auto _ : state) benchmark::DoNotOptimize(store::encode(commit, salts));
  state.SetItemsProcessed(state.iterations());
}

void decode_attach(benchmark::State& state, Database& database) {
  const std::string bytes = commits_of(*database.snapshot()).back();
  for (auto _ : state) benchmark::DoNotOptimize(must(store::decode(bytes)));
  state.SetItemsProcessed(state.iterations());
}

// The fold alone: events decoded before, rows in memory.
void fold_into_scratch(benchmark::State& state, Database& database) {
  std::vector<Commit> commits;
  std::int64_t events = 0;
  for (const std::string& bytes : commits_of(*database.snapshot())) {
    commits.push_back(must(store::decode(bytes)));
    events += static_cast<std::int64_t>(commits.back().events.size());
  }
  for (auto _ : state) {
    store::Scratch rows;
    store::Overlay pending(rows);
    auto schema = std::make_shared<const store::Schema>(store::initial_schema());
    for (const Commit& commit : commits) {
      store::FoldPlace place{{commit.info.sequence, 0}, commit.info.time, commit.info.peer.uid};
      for (const store::Event& event : commit.events) {
        must(store::fold(*schema, event, place, pending));
        schema = must(store::schema_after(event, commit.info.sequence, schema));
        ++place.event.index;
      }
      if (pending.change_count() < 1000) continue;
      for (const store::RowChange& change : pending.take_changes()) rows.apply(change);
    }
  }
  state.SetItemsProcessed(state.iterations() * events);
}

void scan_log(benchmark::State& state, Database& database) {
  std::int64_t commits = 0, bytes = 0;
  const std::unique_ptr<store::Snapshot> snapshot = database.snapshot();
  for (auto _ : state) {
    must(snapshot->scan(Family::log, {}, [&](std::string_view, std::string_view value) {
      ++commits;
      bytes += static_cast<std::int64_t>(value.size());
      return true;
    }));
  }
  state.SetItemsProcessed(commits);
  state.SetBytesProcessed(bytes);
}

// What start and `verify` do: check every commitment, fold, write the rows of every index anew.
void rebuild(benchmark::State& state, Suite& suite) {
  std::int64_t commits = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::unique_ptr<Database> database = open_database(suite);
    const std::unique_ptr<store::Generation> generation = must(database->begin_generation());
    const std::unique_ptr<store::Snapshot> log = database->snapshot();
    wait_for_rest();
    state.ResumeTiming();
    store::Refold refold(
        *log, *generation,
        [&](const store::RowTable& changes) { return generation->ingest(changes); },
        store::Refold::kBytesMax, store::Refold::Writing::beside);
    must(store::replay(*log, 1, [&](const store::LoggedCommit& logged) {
      ++commits;
      return refold.add(logged);
    }));
    must(refold.finish([](IndexId) { return true; }));
  }
  state.SetItemsProcessed(commits);
}

// The fold of `verify`, beside the live rows, and the comparison with them.
void verify(benchmark::State& state, Suite& suite) {
  Shop shop(suite.copy_of(suite.long_folder()));
  std::int64_t commits = 0;
  for (auto _ : state) {
    const store::VerifyReport report =
        must(store::verify(*shop.view(), {}, {suite.new_folder() / "fold"}));
    if (!report.equal) state.SkipWithError("the indexes are not what the log says");
    commits += static_cast<std::int64_t>(report.sequence);
  }
  shop.close();
  state.SetItemsProcessed(commits);
}

// A rebuild beside a writer that commits without a pause, up to what it has committed by then.
void rebuild_beside_commits(benchmark::State& state, Suite& suite) {
  std::int64_t folded = 0;
  std::int64_t committed = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Shop shop(suite.copy_of(suite.long_folder()));
    AttachStream attaches(suite.settings().shop());
    static_cast<void>(attaches.next(suite.settings().log_commits()));  // Those are there.
    const Sequence before = shop.view()->sequence;
    std::unique_ptr<store::Rebuild> rebuild = must(shop.store().begin_rebuild());
    std::atomic<bool> is_over = false;
    state.ResumeTiming();
    std::thread writer([&] {
      while (!is_over) shop.commit(attaches.next(64));
    });
    must(rebuild->catch_up(*shop.view(), {}));
    is_over = true;
    writer.join();
    must(shop.store().adopt(std::move(rebuild)));
    folded += static_cast<std::int64_t>(shop.view()->sequence);
    committed += static_cast<std::int64_t>(shop.view()->sequence - before);
    state.PauseTiming();
    shop.close();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(folded);
  state.counters["committed"] = static_cast<double>(committed);
}

}  // namespace

void register_fold(Suite& suite) {
  const auto database = shared([&suite] { return open_database(suite); });
  const auto with_database = [database](void (*function)(benchmark::State&, Database&)) {
    return [=](benchmark::State& state) { function(state, database()); };
  };
  const auto milli = benchmark::kMillisecond;
  benchmark::RegisterBenchmark("fold/encode_attach", with_database(encode_attach));
  benchmark::RegisterBenchmark("fold/decode_attach", with_database(decode_attach));
  benchmark::RegisterBenchmark("fold/fold_into_scratch", with_database(fold_into_scratch))
      ->Unit(milli);
  benchmark::RegisterBenchmark("fold/scan_log", with_database(scan_log))
      ->Unit(milli)
      ->UseRealTime();
  benchmark::RegisterBenchmark("fold/rebuild",
                               [&suite](benchmark::State& state) { rebuild(state, suite); })
      ->Unit(milli)
      ->UseRealTime()
      ->Iterations(1);
  benchmark::RegisterBenchmark("fold/verify",
                               [&suite](benchmark::State& state) { verify(state, suite); })
      ->Unit(milli)
      ->UseRealTime()
      ->Iterations(1);
  benchmark::RegisterBenchmark(
      "fold/rebuild_beside_commits",
      [&suite](benchmark::State& state) { rebuild_beside_commits(state, suite); })
      ->Unit(milli)
      ->UseRealTime()
      ->Iterations(1);
}

}  // namespace emstore::bench
