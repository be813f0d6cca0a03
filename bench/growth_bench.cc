// What must not grow with what is stored. Budget: attach and findOne with a page of 10 stay within
// 2 × from a gallery of 10 to one of 100,000; findOne by id and by a unique field within 2 × from
// 10^3 to 10^6 records; a page of 20 by an indexed where and the last page by cursors within 2 × of
// the first one. What cannot be flat stands beside it: a where without an index, a page by offset.
#include <functional>

#include "bench/suite.h"

namespace emstore::bench {
namespace {

using Clock = Latencies::Clock;

constexpr std::size_t kAttachGroup = 64;
constexpr std::uint64_t kPage = 10;   // What the smallest gallery has, too.
constexpr std::int64_t kGroups = 50;  // Of each measurement of $attach.

// Does `work` again and again on what `prepare` gives, which is not timed. `items`: of one turn.
template <typename Prepare, typename Work>
void time_each(benchmark::State& state, std::size_t items, Prepare prepare, Work work) {
  Latencies latencies;
  for (auto _ : state) {
    const auto asked = prepare();
    const Clock::time_point start = Clock::now();
    work(asked);
    latencies.add(Clock::now() - start);
  }
  latencies.report(state);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items));
}

void time_attaches(benchmark::State& state, Shop& shop,
                   const std::function<std::vector<Attach>()>& next) {
  time_each(state, kAttachGroup, next,
            [&](const std::vector<Attach>& group) { shop.commit(group); });
}

void time_finds(benchmark::State& state, const Shop& shop, const std::function<Map()>& next) {
  std::string out;
  time_each(state, 1, next, [&](const Map& query) {
    out.clear();
    shop.find_one("products", query, out);
    if (out.size() < 20) give_up("a product that is not there");
  });
}

// One product for each size, with a gallery of so many of the same media.
struct Galleries {
  Galleries(const std::filesystem::path& folder, const std::vector<std::int64_t>& sizes)
      : shop(folder) {
    shop.fill({0, kGallery});
    largest = static_cast<std::uint64_t>(*std::max_element(sizes.begin(), sizes.end()));
    shop.add_media(largest + kAttachGroup * kGroups - kGallery);
    for (const std::int64_t size : sizes) {
      product_of[size] = ++products;
      std::vector<store::Command> insert;
      insert.push_back(insert_command("products", product_fields(products)));
      shop.commit(std::move(insert));
      attach(products, 1, static_cast<std::uint64_t>(size));
    }
  }

  void attach(std::uint64_t product, std::uint64_t first, std::uint64_t count) {
    constexpr std::uint64_t kLinks = 1000;  // Of one commit.
    for (std::uint64_t done = 0; done < count; done += kLinks) {
      std::vector<std::uint64_t> media(std::min(kLinks, count - done));
      for (std::size_t i = 0; i < media.size(); ++i) media[i] = first + done + i;
      std::vector<store::Command> command;
      command.push_back(attach_command(product, media));
      shop.commit(std::move(command));
    }
  }

  Shop shop;
  std::uint64_t largest = 0, products = 0;
  std::map<std::int64_t, std::uint64_t> product_of;
};

// Commits in groups of 64, all to the one gallery; behind its last link.
void attach_to_gallery(benchmark::State& state, Galleries& galleries) {
  const std::uint64_t product = galleries.product_of.at(state.range(0));
  time_attaches(state, galleries.shop, [product, medium = galleries.largest]() mutable {
    std::vector<Attach> attaches(kAttachGroup);
    for (Attach& attach : attaches) attach = {product, ++medium};
    return attaches;
  });
}

void find_gallery(benchmark::State& state, Galleries& galleries) {
  const Map query = find_one_query(galleries.product_of.at(state.range(0)), kPage);
  time_finds(state, galleries.shop, [&] { return query; });
}

// The same shop behind a short log and a long one.
void attach_behind_log(benchmark::State& state, Suite& suite, Shop& shop) {
  AttachStream attaches(suite.settings().shop());
  attaches.next(suite.settings().log_commits());  // Of which the long one has some.
  time_attaches(state, shop, [&] { return attaches.next(kAttachGroup); });
}

void find_behind_log(benchmark::State& state, Suite& suite, const Shop& shop) {
  Ids ids(suite.settings().shop().products);
  time_finds(state, shop, [&] { return find_one_query(ids.next(), kPage); });
}

void register_growth_of_log(Suite& suite) {
  for (const bool is_long : {false, true}) {
    const auto shop = shared([&suite, is_long] {
      return std::make_unique<Shop>(
          suite.copy_of(is_long ? suite.long_folder() : suite.shop_folder()));
    });
    const std::string log = is_long ? "long_log" : "short_log";
    benchmark::RegisterBenchmark(
        ("growth/find_one/" + log).c_str(),
        [&suite, shop](benchmark::State& state) { find_behind_log(state, suite, shop()); });
    benchmark::RegisterBenchmark(
        ("growth/attach/" + log).c_str(),
        [&suite, shop](benchmark::State& state) { attach_behind_log(state, suite, shop()); })
        ->Iterations(kGroups)
        ->UseRealTime();
  }
}

std::unique_ptr<Shop> records(const std::filesystem::path& folder, std::uint64_t count) {
  constexpr std::size_t kInserts = 256;
  auto shop = std::make_unique<Shop>(folder);
  shop->fill({0, kGallery});
  std::vector<store::Command> commands;
  for (std::uint64_t id = 1; id <= count; ++id) {
    commands.push_back(insert_command("products", product_fields(id)));
    if (commands.size() == kInserts || id == count) shop->commit(std::exchange(commands, {}));
  }
  return shop;
}

// Once every block of the database has been read: how long a store takes until then is a question
// of its own.
void find_record(benchmark::State& state, const Shop& shop, bool by_sku) {
  constexpr std::uint64_t kWarmStep = 8;  // A block holds more of them.
  const auto count = static_cast<std::uint64_t>(state.range(0));
  const auto query_of = [by_sku](std::uint64_t id) {
    return Map{{"where", by_sku ? Map{{"sku", "sku-" + std::to_string(id)}} : Map{{"id", id}}}};
  };
  Ids ids(count);
  std::string out;
  for (std::uint64_t id = 1; id <= count; id += kWarmStep) {
    out.clear();
    shop.find_one("products", query_of(id), out);
  }
  time_finds(state, shop, [&] { return query_of(ids.next()); });
}

constexpr std::uint64_t kPageOfRecords = 20;

// One page of a query, again and again.
void find_page(benchmark::State& state, const Shop& shop, const Map& query) {
  std::string out;
  time_each(
      state, 1, [&] { return &query; },
      [&](const Map* asked) {
        out.clear();
        shop.find_many("products", *asked, out);
      });
}

// The query as it stands `pages` pages later.
Map after_pages(const Shop& shop, Map query, std::uint64_t pages) {
  for (std::uint64_t page = 0; page < pages; ++page) {
    std::string out;
    const std::optional<std::string> cursor = shop.find_many("products", query, out);
    if (!cursor) give_up("the pages end too early");
    query.set("cursor", *cursor);
  }
  return query;
}

struct PageCase {
  const char* name;
  Map query;
  bool by_cursor = false;  // The last page that is full.
  bool by_offset = false;
};

std::vector<PageCase> page_cases() {
  const Map by_sku{{"orderBy", "sku"}, {"limit", kPageOfRecords}};
  const Map range{{"where", Map{{"sku", Map{{"$gte", "sku-5"}}}}},
                  {"orderBy", "sku"},
                  {"limit", kPageOfRecords}};
  const Map unindexed{{"where", Map{{"price", Map{{"$lt", 0}}}}}, {"limit", 1}};
  return {{"growth/page_first", by_sku},
          {"growth/page_last_by_cursor", by_sku, true},
          {"growth/page_last_by_offset", by_sku, false, true},
          {"growth/where_indexed", range},
          {"growth/where_unindexed", unindexed}};
}

void find_page_of(benchmark::State& state, const Shop& shop, const PageCase& one) {
  const auto records = static_cast<std::uint64_t>(state.range(0));
  const std::uint64_t pages = std::min<std::uint64_t>(records / kPageOfRecords - 1, 1'000);
  Map query = one.query;
  if (one.by_cursor) query = after_pages(shop, std::move(query), pages);
  if (one.by_offset) query.set("offset", pages * kPageOfRecords);
  find_page(state, shop, query);
}

}  // namespace

void register_growth(Suite& suite) {
  const bool quick = suite.settings().quick;
  const std::vector<std::int64_t> links =
      quick ? std::vector<std::int64_t>{10, 1'000} : std::vector<std::int64_t>{10, 1'000, 100'000};
  const auto galleries =
      shared([&suite, links] { return std::make_unique<Galleries>(suite.new_folder(), links); });
  for (const std::int64_t size : links) {
    benchmark::RegisterBenchmark(
        "growth/find_one",
        [galleries](benchmark::State& state) { find_gallery(state, galleries()); })
        ->ArgName("links")
        ->Arg(size);
    benchmark::RegisterBenchmark(
        "growth/attach",
        [galleries](benchmark::State& state) { attach_to_gallery(state, galleries()); })
        ->ArgName("links")
        ->Arg(size)
        ->Iterations(kGroups)
        ->UseRealTime();
  }
  register_growth_of_log(suite);
  std::vector<std::int64_t> counts{1'000};
  counts.push_back(quick ? 10'000 : 100'000);
  if (suite.settings().million) counts.push_back(1'000'000);
  for (const std::int64_t count : counts) {
    const auto shop = shared(
        [&suite, count] { return records(suite.new_folder(), static_cast<std::uint64_t>(count)); });
    for (const bool by_sku : {false, true}) {
      benchmark::RegisterBenchmark(
          by_sku ? "growth/find_by_unique" : "growth/find_by_id",
          [shop, by_sku](benchmark::State& state) { find_record(state, shop(), by_sku); })
          ->ArgName("records")
          ->Arg(count);
    }
    for (const PageCase& one : page_cases()) {
      benchmark::RegisterBenchmark(
          one.name, [shop, one](benchmark::State& state) { find_page_of(state, shop(), one); })
          ->ArgName("records")
          ->Arg(count);
    }
  }
}

}  // namespace emstore::bench
