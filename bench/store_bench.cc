// The store in process, beside SQLite in process. Budgets, which are over the socket: a durable
// commit of one client as fast as SQLite's (synchronous = FULL) in process, a read faster than
// SQLite's in process.
#include <algorithm>

#include "base/pack.h"
#include "bench/peers/sqlite.h"
#include "bench/suite.h"
#include "store/reader.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;

// A shop with what is attached to it next, and a row of its log.
struct Ours {
  explicit Ours(Suite& suite)
      : shop(suite.copy_of(suite.shop_folder())), attaches(suite.settings().shop()) {}
  Shop shop;
  AttachStream attaches;
};

struct Theirs {
  Theirs(Suite& suite, Sqlite::Synchronous synchronous)
      : shop(suite.new_folder(), suite.settings().shop(), synchronous),
        attaches(suite.settings().shop()) {}
  Sqlite shop;
  AttachStream attaches;
};

// As long as the row that a standard commit adds to our log; what SQLite's row holds does not
// matter.
constexpr std::size_t kEventBytes = 200;

void commit_ours(benchmark::State& state, Ours& ours) {
  const auto group = static_cast<std::size_t>(state.range(0));
  Latencies latencies;
  for (auto _ : state) {
    const std::vector<Attach> attaches = ours.attaches.next(group);
    const Clock::time_point start = Clock::now();
    ours.shop.commit(attaches);
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void commit_theirs(benchmark::State& state, Theirs& theirs) {
  const auto group = static_cast<std::size_t>(state.range(0));
  const std::string event(kEventBytes, 'e');
  Latencies latencies;
  for (auto _ : state) {
    const std::vector<Attach> attaches = theirs.attaches.next(group);
    const Clock::time_point start = Clock::now();
    theirs.shop.commit(attaches, event);
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// One command of many records: for so long the writer serves nobody else.
struct Large {
  explicit Large(Suite& suite) : ours(suite), first(suite.settings().shop().products + 1) {
    insert(kMost);
  }
  void insert(std::uint64_t records) {
    List documents;
    for (std::uint64_t i = 0; i < records; ++i) {
      documents.emplace_back(product_fields(first + inserted++));
    }
    store::Mutation mutation{store::Verb::insert, "products", {}, {}, {}, false};
    mutation.documents = std::move(documents);
    commit(std::move(mutation));
  }
  void update(std::uint64_t records) {
    const Map where{{"id", Map{{"$between", List{first, first + records - 1}}}}};
    store::Mutation mutation{store::Verb::update, "products", {}, {}, {}, false};
    mutation.document = Map{{"price", static_cast<double>(++updates)}};
    mutation.choice = store::Choice{.where = where};
    commit(std::move(mutation));
  }
  void commit(store::Mutation mutation) {
    std::vector<store::Command> commands(1);
    commands.front().mutations.push_back(std::move(mutation));
    ours.shop.commit(std::move(commands));
  }

  static constexpr std::uint64_t kMost = 10'000;
  Ours ours;
  std::uint64_t first, inserted = 0, updates = 0;
};

template <typename Carry>
void commit_large(benchmark::State& state, Carry carry) {
  const auto records = static_cast<std::uint64_t>(state.range(0));
  Latencies latencies;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    carry(records);
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

template <typename Read>
void measure_reads(benchmark::State& state, std::uint64_t last_id, Read read) {
  Ids ids(last_id);
  std::string out;
  Latencies latencies;
  for (auto _ : state) {
    out.clear();
    const std::uint64_t id = ids.next();
    const Clock::time_point start = Clock::now();
    read(id, out);
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations());
  state.counters["reply_bytes"] = static_cast<double>(out.size());
}

// The answer without where its lists go on: the peer gives no cursors, and so has less to do.
std::string without_cursors(const std::string& answer) {
  const auto strip = [](Value& record) {
    if (Map* map = record.if_map()) map->erase("$more");
  };
  Value value = must(pack::read(answer));
  strip(value);
  if (List* records = value.if_list()) std::ranges::for_each(*records, strip);
  return pack::to_bytes(value);
}

// Both have to answer with as many bytes, or they do not do the same work.
void check_equal_work(Suite& suite, Ours& ours, Theirs& theirs) {
  std::string our_one, our_many;
  ours.shop.find_one("products", find_one_query(7), our_one);
  ours.shop.find_many("products", find_many_query(7), our_many);
  our_one = without_cursors(our_one);
  our_many = without_cursors(our_many);
  std::string joined, covered, their_many;
  theirs.shop.find_one(7, Sqlite::Reading::joined, joined);
  theirs.shop.find_one(7, Sqlite::Reading::covered, covered);
  theirs.shop.find_many(7, their_many);
  if (suite.settings().shop().media == 0 || our_one.size() != joined.size() || joined != covered ||
      our_many.size() != their_many.size()) {
    give_up("the peer answers otherwise: findOne " + std::to_string(our_one.size()) + ", " +
            std::to_string(joined.size()) + " and " + std::to_string(covered.size()) +
            " bytes, findMany " + std::to_string(our_many.size()) + " and " +
            std::to_string(their_many.size()));
  }
}

void register_commits(Suite& suite) {
  const auto ours = shared([&suite] { return std::make_unique<Ours>(suite); });
  benchmark::RegisterBenchmark("store/commit/emstore",
                               [ours](benchmark::State& state) { commit_ours(state, ours()); })
      ->ArgName("group")
      ->Arg(1)
      ->Arg(16)
      ->Arg(64)
      ->Arg(256)
      ->UseRealTime();
  for (const auto& [name, synchronous] : {std::pair("full", Sqlite::Synchronous::full),
                                          std::pair("normal", Sqlite::Synchronous::normal)}) {
    const auto theirs = shared([&suite, synchronous = synchronous] {
      return std::make_unique<Theirs>(suite, synchronous);
    });
    benchmark::RegisterBenchmark(
        (std::string("store/commit/sqlite_") + name).c_str(),
        [theirs](benchmark::State& state) { commit_theirs(state, theirs()); })
        ->ArgName("group")
        ->Arg(1)
        ->Arg(16)
        ->Arg(64)
        ->Arg(256)
        ->UseRealTime();
  }
}

void register_large_commands(Suite& suite) {
  const auto large = shared([&suite] { return std::make_unique<Large>(suite); });
  const auto add = [](const char* name, auto carry) {
    benchmark::RegisterBenchmark(name,
                                 [carry](benchmark::State& state) { commit_large(state, carry); })
        ->ArgName("records")
        ->Arg(100)
        ->Arg(1'000)
        ->Arg(Large::kMost)
        ->UseRealTime();
  };
  add("store/insert_many", [large](std::uint64_t records) { large().insert(records); });
  add("store/update_where", [large](std::uint64_t records) { large().update(records); });
}

void register_reads(Suite& suite) {
  struct Both {
    explicit Both(Suite& suite) : ours(suite), theirs(suite, Sqlite::Synchronous::full) {
      check_equal_work(suite, ours, theirs);
    }
    Ours ours;
    Theirs theirs;
  };
  const auto both = shared([&suite] { return std::make_unique<Both>(suite); });
  const auto add = [&](const char* name, auto read) {
    benchmark::RegisterBenchmark(name, [&suite, both, read](benchmark::State& state) {
      Both& shops = both();
      measure_reads(state, suite.settings().shop().products - 20,
                    [&](std::uint64_t id, std::string& out) { read(shops, id, out); });
    });
  };
  add("store/find_one/emstore", [](Both& shops, std::uint64_t id, std::string& out) {
    shops.ours.shop.find_one("products", find_one_query(id), out);
  });
  add("store/find_one/sqlite_joined", [](Both& shops, std::uint64_t id, std::string& out) {
    shops.theirs.shop.find_one(id, Sqlite::Reading::joined, out);
  });
  add("store/find_one/sqlite_covered", [](Both& shops, std::uint64_t id, std::string& out) {
    shops.theirs.shop.find_one(id, Sqlite::Reading::covered, out);
  });
  add("store/find_many/emstore", [](Both& shops, std::uint64_t id, std::string& out) {
    shops.ours.shop.find_many("products", find_many_query(id), out);
  });
  add("store/find_many/sqlite_joined", [](Both& shops, std::uint64_t id, std::string& out) {
    shops.theirs.shop.find_many(id, out);
  });
}

}  // namespace

void register_store(Suite& suite) {
  register_commits(suite);
  register_large_commands(suite);
  register_reads(suite);
}

}  // namespace emstore::bench
