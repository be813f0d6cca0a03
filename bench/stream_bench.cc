// The log as a stream, over the socket and back: what a subscriber gets, an export, an import. Each
// goes through the whole of a long log.
#include <cstdlib>
#include <emstore/client.hpp>
#include <fstream>

#include "bench/suite.h"

namespace emstore::bench {
namespace {

using namespace std::chrono_literals;

struct Running {
  std::filesystem::path data;
  std::unique_ptr<Daemon> daemon;
  Client client() const { return connect({.socket = daemon->socket()}); }
};

std::unique_ptr<Running> run_long(Suite& suite) {
  auto running = std::make_unique<Running>();
  running->data = suite.copy_of(suite.long_folder());
  running->daemon = std::make_unique<Daemon>(suite.settings().emstored, running->data);
  return running;
}

// From the first commit until everything has come.
void follow(benchmark::State& state, const Running& running, const FeedOptions& asked) {
  Client client = running.client();
  const std::uint64_t last = client.ping();
  std::int64_t commits = 0;
  for (auto _ : state) {
    Feed feed = client.subscribe(asked);
    while (feed.position() <= last) {
      if (!feed.next(60s)) give_up("the feed stands still");
    }
    commits += static_cast<std::int64_t>(last);
  }
  state.SetItemsProcessed(commits);
}

void export_all(benchmark::State& state, const Running& running) {
  Client client = running.client();
  std::int64_t commits = 0, bytes = 0;
  for (auto _ : state) {
    client.export_store(
        [&](std::string_view piece) { bytes += static_cast<std::int64_t>(piece.size()); });
    commits += static_cast<std::int64_t>(client.ping());
  }
  state.SetItemsProcessed(commits);
  state.SetBytesProcessed(bytes);
}

// From the stream to a store that is folded and compared.
void import_all(benchmark::State& state, Suite& suite, const Running& running) {
  const std::filesystem::path stream = suite.new_folder() / "export";
  Client client = running.client();
  {
    std::ofstream out(stream, std::ios::binary);
    client.export_store([&](std::string_view piece) {
      out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    });
  }
  std::int64_t commits = 0;
  for (auto _ : state) {
    const std::filesystem::path data = suite.new_folder() / "store";
    const std::string command = suite.settings().emstored.string() + " --data " + data.string() +
                                " --import < " + stream.string() + " > /dev/null";
    if (std::system(command.c_str()) != 0) give_up("the import failed");
    commits += static_cast<std::int64_t>(client.ping());
  }
  state.SetItemsProcessed(commits);
}

}  // namespace

void register_stream(Suite& suite) {
  const auto running = shared([&suite] { return run_long(suite); });
  const auto add = [](const char* name, auto function) {
    benchmark::RegisterBenchmark(name, function)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime()
        ->Iterations(1);
  };
  add("stream/feed/all", [=](benchmark::State& state) { follow(state, running(), {.from = 1}); });
  add("stream/feed/nothing_matches", [=](benchmark::State& state) {
    follow(state, running(), {.from = 1, .operators = {"delete"}});
  });
  add("stream/export", [=](benchmark::State& state) { export_all(state, running()); });
  add("stream/import",
      [=, &suite](benchmark::State& state) { import_all(state, suite, running()); });
}

}  // namespace emstore::bench
