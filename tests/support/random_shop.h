// Writes anything to a shop: commands drawn by chance, some of which are refused. The same seed
// gives the same log, byte for byte, for the clock and the chance of TestStore are its own.
#pragma once

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "store/facts.h"
#include "tests/support/test_store.h"

namespace emstore::testing {

class RandomShop {
 public:
  RandomShop(TestStore& store, std::uint32_t seed) : store_(store), random_(seed) {}

  // One command; whether it is carried out or refused is up to the store.
  store::Outcome step() {
    switch (below(16)) {
      case 0:
      case 1:
        return ask(TestStore::insert("products", product()));
      case 2:
        return ask(TestStore::insert("media", {{"file", Binary{content()}}, {"alt", text(30)}}));
      case 3:
        return ask(TestStore::update("media", media(), {{"alt", text(below(8) == 0 ? 900 : 30)}}));
      case 4:
        return ask(
            TestStore::update("products", record(), {{"name", text(20)}, {"price", below(100)}}));
      case 5:
        return ask(TestStore::update("products", record(), {{"description", description()}}));
      case 6:
        return ask(TestStore::remove("products", record()));
      case 7:
        return ask(TestStore::remove("media", recent("media", 30), /*detach=*/below(2) == 0));
      case 8:
        return ask(TestStore::insert("pages", {{"slug", text(9)}, {"images", create()}}));
      case 9:
        return two_at_once();
      case 10:
        return store_.submit(store::ExpireCommand{1'000'000'000'000, 50});
      default:
        return ask(TestStore::update("products", record(), {{links_field(), links()}}));
    }
  }

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

 private:
  store::Outcome ask(store::Mutation mutation) {
    store::Command command = TestStore::command(std::move(mutation));
    if (below(4) == 0) {
      const std::string key = "k" + std::to_string(++keys_);
      command.key = store::RequestKey{key, sha256(key)};
    }
    if (below(10) == 0) command.reason = text(12);
    return store_.submit(std::move(command));
  }

  store::Outcome two_at_once() {
    store::Command command = TestStore::command(TestStore::insert("products", product()));
    command.mutations.push_back(TestStore::update("products", record(), {{"sku", sku()}}));
    return store_.submit(std::move(command));
  }

  // Ids that are there more often than not; some media so often that their slots run out.
  std::uint64_t record() { return recent("products", 12); }
  std::uint64_t media() { return below(3) == 0 ? 1 + below(4) : recent("media", 30); }

  std::uint64_t recent(std::string_view entity, std::uint32_t count) {
    const auto view = store_.view();
    const EntityId id = view->schema->entity(entity)->id;
    const std::uint64_t next = store::read_counter(*view->reader, id)->next_id;
    return next <= count ? 1 + below(count) : next - 1 - below(count);
  }

  std::string text(std::uint32_t length_max) {
    std::string text(1 + below(length_max), ' ');
    for (char& letter : text) letter = static_cast<char>('a' + below(26));
    return text;
  }
  Value sku() { return below(3) == 0 ? Value() : Value("sku" + std::to_string(below(1000))); }
  Value description() { return below(3) == 0 ? Value() : Value(text(below(2) == 0 ? 2000 : 50)); }
  // Few contents, so that bytes are shared.
  std::string content() { return "content " + std::to_string(below(20)); }

  Map product() {
    Map product{{"name", text(20)}, {"sku", sku()}, {"price", below(1000)}};
    if (below(3) == 0) product.append("description", description());
    if (below(2) == 0) product.append("gallery", links());
    if (below(4) != 0)
      product.append("documents", Map{{"$attach", List{1}}});  // Its slots run out.
    if (below(3) == 0) product.append("thumbnail", create());
    return product;
  }

  Value create() { return Map{{"$create", Map{{"file", Binary{content()}}, {"name", text(8)}}}}; }

  std::string links_field() {
    constexpr std::array kFields{"gallery", "gallery", "documents", "thumbnail"};
    return kFields[below(kFields.size())];
  }

  Value links() {
    switch (below(6)) {
      case 0:
        return create();
      case 1:
        return Map{{"$set", some_media()}};
      case 2:
        return Map{{"$detach", some_media()}};
      case 3:
        return Map{{"$attach",
                    List{Map{{"id", media()}, {"at", "first"}, {"meta", Map{{"alt", text(9)}}}}}}};
      case 4:
        return Map{{"$attach", List{Map{{"id", media()}, {"at", Map{{"before", media()}}}}}}};
      default:
        return Map{{"$attach", some_media()}};
    }
  }

  List some_media() {
    List list;
    for (std::uint32_t i = below(6); i > 0; --i) list.emplace_back(Map{{"id", media()}});
    return list;
  }

  TestStore& store_;
  std::mt19937 random_;
  std::uint64_t keys_ = 0;
};

}  // namespace emstore::testing
