// What a read of the past costs. It grows with what the record has been through, not with the log:
// a record of 10 commits is asked for in logs of 10^4 and 10^5, and records of 10, 1,000 and
// 100,000 commits as of their first and as of their last but one. Beside it the current read, a
// scan as of a commit since which nothing or everything has changed, and what the rows that history
// needs cost a commit: a detach has one more than an attach.
#include "base/pack.h"
#include "bench/suite.h"
#include "store/history.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;

constexpr std::size_t kPastGroup = 256;

void update(Shop& shop, std::uint64_t product, std::uint64_t times) {
  std::vector<store::Command> commands;
  for (std::uint64_t i = 1; i <= times; ++i) {
    store::Command command;
    Map document{{"price", static_cast<double>(i)}};
    command.mutations.push_back(
        {store::Verb::update, "products", product, std::move(document), {}, false});
    commands.push_back(std::move(command));
    if (commands.size() == kPastGroup || i == times) shop.commit(std::exchange(commands, {}));
  }
}

// Products with galleries, and after them some that were changed so many times.
struct Lives {
  Lives(const std::filesystem::path& folder, const ShopSize& size,
        const std::vector<std::int64_t>& changes, std::uint64_t log_commits)
      : shop(folder) {
    shop.fill(size);
    products = size.products;
    for (const std::int64_t count : changes) {
      std::vector<store::Command> insert;
      insert.push_back(insert_command("products", product_fields(++products)));
      shop.commit(std::move(insert));
      Life life{products, shop.view()->sequence, 0};
      update(shop, products, static_cast<std::uint64_t>(count));
      life.last = shop.view()->sequence;
      lives.emplace(count, life);
    }
    if (shop.view()->sequence < log_commits) {
      shop.add_media(log_commits - shop.view()->sequence);
    }
  }

  struct Life {
    std::uint64_t product = 0;
    Sequence first = 0, last = 0;
  };
  Shop shop;
  std::uint64_t products = 0;
  std::map<std::int64_t, Life> lives;
};

void find_as_of(const Shop& shop, Sequence sequence, const Map& query, bool many,
                std::string& out) {
  const std::shared_ptr<const store::View> now = shop.view();
  const store::Moment moment = must(store::moment_at(*now, static_cast<std::int64_t>(sequence)));
  const store::Query resolved = must(store::resolve_query(*moment.schema, "products", query));
  const store::Plan plan = store::plan_of(*moment.schema, resolved, [](IndexId) { return false; });
  const store::QueryLimits limits;
  const store::History history(*now->reader, moment, limits);
  pack::Writer sink(out);
  if (many) {
    must(store::find_many(history, *moment.schema, resolved, plan, limits, sink));
  } else {
    must(store::find_one(history, *moment.schema, resolved, plan, limits, sink));
  }
}

template <typename Find>
void measure(benchmark::State& state, Find find) {
  std::string out;
  Latencies latencies;
  for (auto _ : state) {
    out.clear();
    const Clock::time_point start = Clock::now();
    find(out);
    latencies.add(Clock::now() - start);
    if (out.size() < 20) give_up("nothing was found");
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations());
}

enum class When { now, first, last_but_one };

void find_life(benchmark::State& state, Lives& lives, When when) {
  const Lives::Life& life = lives.lives.at(state.range(0));
  const Map query{{"where", Map{{"id", life.product}}}};
  measure(state, [&](std::string& out) {
    if (when == When::now) return lives.shop.find_one("products", query, out);
    const Sequence sequence = when == When::first ? life.first : life.last - 1;
    find_as_of(lives.shop, sequence, query, /*many=*/false, out);
  });
}

// All products below a price, as of the end of the first filling.
void scan_past(benchmark::State& state, Lives& lives, bool all_changed) {
  const Sequence then = lives.lives.begin()->second.first - 1;
  if (all_changed) {
    for (std::uint64_t id = 1; id <= lives.products; ++id) update(lives.shop, id, 1);
  }
  const Map query{{"where", Map{{"price", Map{{"$lt", 5}}}}}, {"select", List{"id", "price"}}};
  measure(state,
          [&](std::string& out) { find_as_of(lives.shop, then, query, /*many=*/true, out); });
}

// Groups of 64, each of another product.
void change_links(benchmark::State& state, Shop& shop, const ShopSize& size, bool detaches) {
  constexpr std::uint64_t kLinks = 64;
  std::uint64_t place = 0;
  for (auto _ : state) {
    std::vector<store::Command> commands;
    for (std::uint64_t i = 0; i < kLinks; ++i, ++place) {
      const std::uint64_t product = place % size.products + 1;
      const std::uint64_t round = place / size.products;
      store::Command command;
      const std::uint64_t medium =
          medium_at(product, detaches ? round % kGallery : kGallery + round, size);
      Map document{{"gallery", Map{{detaches ? "$detach" : "$attach", List{medium}}}}};
      command.mutations.push_back(
          {store::Verb::update, "products", product, std::move(document), {}, false});
      commands.push_back(std::move(command));
    }
    shop.commit(std::move(commands));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kLinks));
}

void register_lives(const std::string& name, std::int64_t changes,
                    const std::function<Lives&()>& lives) {
  struct Case {
    const char* name;
    When when;
  };
  for (const Case& one :
       {Case{"find_one_now", When::now}, Case{"find_one_as_of_first", When::first},
        Case{"find_one_as_of_last", When::last_but_one}}) {
    benchmark::RegisterBenchmark(
        ("past/" + name + "/" + one.name).c_str(),
        [lives, when = one.when](benchmark::State& state) { find_life(state, lives(), when); })
        ->ArgName("commits")
        ->Arg(changes);
  }
}

}  // namespace

void register_past(Suite& suite) {
  const bool quick = suite.settings().quick;
  std::vector<std::int64_t> changes{10, 1'000};
  if (!quick) changes.push_back(100'000);
  const ShopSize size{quick ? 100u : 1'000u, quick ? 500u : 5'000u};
  const auto lives = shared([&suite, size, changes] {
    return std::make_unique<Lives>(suite.new_folder(), size, changes, 0);
  });
  for (const std::int64_t count : changes) register_lives("own", count, lives);
  for (const std::uint64_t commits : {std::uint64_t{10'000}, suite.settings().log_commits()}) {
    const auto in_log = shared([&suite, size, commits] {
      return std::make_unique<Lives>(suite.new_folder(), size, std::vector<std::int64_t>{10},
                                     commits);
    });
    register_lives("log_" + std::to_string(commits), 10, in_log);
  }
  for (const bool all_changed : {false, true}) {
    benchmark::RegisterBenchmark(
        all_changed ? "past/scan_all_changed" : "past/scan_unchanged",
        [lives, all_changed](benchmark::State& state) { scan_past(state, lives(), all_changed); });
  }
  const auto shop = shared([&suite, size] {
    auto made = std::make_unique<Shop>(suite.new_folder());
    made->fill(size);
    return made;
  });
  for (const bool detaches : {false, true}) {
    benchmark::RegisterBenchmark(detaches ? "past/detach" : "past/attach",
                                 [shop, size, detaches](benchmark::State& state) {
                                   change_links(state, shop(), size, detaches);
                                 })
        ->Iterations(quick ? 10 : 150)
        ->UseRealTime();
  }
}

}  // namespace emstore::bench
