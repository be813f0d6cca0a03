// Reads of the past against two judges: the oracle, told once more what was asked up to that
// commit, and the store itself as it was then, kept as a view.
//
// EMSTORE_SEED repeats a run, EMSTORE_STEPS makes it longer.
#include "store/history.h"

#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <variant>

#include "tests/property/author.h"
#include "tests/property/contents.h"
#include "tests/property/past.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using Views = std::map<Sequence, std::shared_ptr<const store::View>>;

// A store that went through random commands, views of it on the way, and what was asked of it.
class Life {
 public:
  Life(std::uint64_t seed, std::size_t commands, std::size_t positions)
      : dice_(seed), oracle_(shop_of_stage(0)), author_(dice_, oracle_) {
    change_schema(0);
    for (std::size_t step = 0; step < commands; ++step) {
      if (step > 0 && step % (commands / kShopStages) == 0 && stage_ + 1 < kShopStages) {
        change_schema(stage_ + 1);
      }
      carry_out();
      if (dice_.below(commands) < positions * 3) keep_view();
    }
  }

  const Views& views() const { return views_; }
  std::shared_ptr<const store::View> now() const { return store_.view(); }
  // What came of all commands up to and including that commit, told in order.
  void replay(const std::function<void(Sequence, const Oracle&)>& visit) const {
    Oracle oracle(shop_of_stage(0));
    Sequence last = 0;
    for (const Asked& asked : asked_) {
      if (const auto* stage = std::get_if<std::size_t>(&asked)) {
        oracle.apply(shop_of_stage(*stage));
      } else {
        static_cast<void>(oracle.carry_out(std::get<store::Command>(asked), kUid));
      }
      if (oracle.sequence() == last) continue;
      last = oracle.sequence();
      visit(last, oracle);
    }
  }

 private:
  static constexpr std::uint32_t kUid = 1000;
  using Asked = std::variant<std::size_t, store::Command>;

  void change_schema(std::size_t stage) {
    stage_ = stage;
    asked_.emplace_back(stage);
    oracle_.apply(shop_of_stage(stage));
    store_.apply(shop_of_stage(stage).to_map());
    while (store_.store().work().value()) {
    }
  }

  void carry_out() {
    store::Command command = author_.command();
    if (oracle_.carry_out(command, kUid).is_open) return;
    asked_.emplace_back(command);
    static_cast<void>(store_.submit(std::move(command), {kUid, 1000, 42}));
    ASSERT_EQ(store_.view()->sequence, oracle_.sequence());
  }

  void keep_view() { views_.emplace(store_.view()->sequence, store_.view()); }

  Dice dice_;
  Oracle oracle_;
  Author author_;
  TestStore store_;
  std::size_t stage_ = 0;
  std::vector<Asked> asked_;
  Views views_;
};

// ---- The judges ---------------------------------------------------------------------------------

// Told what the reader of the past says, whether it is broken or not.
using ReaderOf = std::function<std::unique_ptr<store::Reader>(const store::View& now)>;

struct Sight {
  ReaderOf live = nullptr;  // Instead of the reader of now.
  std::int64_t shift = 0;   // Looks so many commits beside.
};

class Judges {
 public:
  Judges(const Life& life, const Sight& sight) : life_(life), now_(life.now()) {
    if (sight.live) broken_ = sight.live(*now_);
    shift_ = sight.shift;
  }

  // The first difference to the oracle, or nothing.
  std::string by_oracle() {
    std::string found;
    compared_ = 0;
    life_.replay([&](Sequence sequence, const Oracle& oracle) {
      if (!found.empty() || !life_.views().contains(sequence)) return;
      const auto moment = store::moment_at(*now_, looked_at(sequence));
      ASSERT_TRUE(moment) << to_string(moment.error());
      const store::QueryLimits limits;
      const store::History history(live(), *moment, limits);
      found = Contents(history, *moment->schema, oracle).difference();
      if (!found.empty()) found = "as of " + std::to_string(sequence) + ": " + found;
      ++compared_;
    });
    return found;
  }

  // The first difference to the store as it was, or nothing. Looks at every third of the commits.
  std::string by_views() {
    compared_ = 0;
    for (const auto& [sequence, view] : life_.views()) {
      if (sequence % 3 != 0) continue;
      for (const store::Entity& entity : view->schema->entities) {
        const std::string found = compare(sequence, *view, entity);
        if (!found.empty()) return "as of " + std::to_string(sequence) + ": " + found;
      }
      ++compared_;
    }
    return "";
  }

  std::size_t compared() const { return compared_; }

 private:
  const store::Reader& live() const { return broken_ ? *broken_ : *now_->reader; }
  Value looked_at(Sequence sequence) const {
    const auto last = static_cast<std::int64_t>(now_->sequence);
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(sequence) + shift_, 1, last);
  }

  std::string compare(Sequence sequence, const store::View& then, const store::Entity& entity) {
    Map with;
    for (const store::Field& field : entity.fields) {
      if (is_link(field.kind)) with.set(field.name, Map{{"with", Map{{"reference", true}}}});
    }
    if (entity.id == store::kMediaEntity) with.set("reference", true);
    const Map linked{
        {"$not", Map{{entity.id == store::kMediaEntity ? "alt" : with.begin()->name, nullptr}}}};
    for (const Map& query :
         {Map{{"with", with}}, Map{{"orderBy", "-created_at"}, {"limit", 5}, {"count", true}},
          Map{{"where", linked}, {"offset", 2}, {"limit", 7}, {"count", true}}}) {
      const std::string expected = answer(*then.reader, *then.schema, entity.name, query);
      const auto looked = static_cast<Sequence>(*looked_at(sequence).if_integer());
      const std::string found = answer_as_of(*now_, live(), looked, entity.name, query);
      if (found != expected) {
        return entity.name + " " + to_string(Value(query)) + "\n  " + found + "\n  instead of\n  " +
               expected;
      }
    }
    return "";
  }

  const Life& life_;
  std::shared_ptr<const store::View> now_;
  std::unique_ptr<store::Reader> broken_;
  std::int64_t shift_ = 0;
  std::size_t compared_ = 0;
};

TEST(History, ShowsEveryCommitAsItWas) {
  const std::uint64_t seed = number_from_environment("EMSTORE_SEED", std::random_device{}());
  const std::uint64_t commands = number_from_environment("EMSTORE_STEPS", 5000);
  std::cout << "EMSTORE_SEED=" << seed << " EMSTORE_STEPS=" << commands << std::endl;
  const Life life(seed, commands, commands / 10);
  Judges judges(life, {});
  EXPECT_EQ(judges.by_oracle(), "");
  EXPECT_GE(judges.compared(), commands / 10);
  EXPECT_EQ(judges.by_views(), "");
  EXPECT_GE(judges.compared(), commands / 40);
}

// ---- Controls -----------------------------------------------------------------------------------

// Whether both judges see that the past is shown wrongly.
void expect_caught(const Sight& sight) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Life life(seed, 600, 60);
    EXPECT_NE(Judges(life, sight).by_oracle(), "") << "seed " << seed;
    EXPECT_NE(Judges(life, sight).by_views(), "") << "seed " << seed;
  }
}

ReaderOf without(store::Family family) {
  return [family](const store::View& now) { return std::make_unique<Hiding>(*now.reader, family); };
}

TEST(History, IsCaughtOneCommitTooEarly) { expect_caught({nullptr, -1}); }
TEST(History, IsCaughtOneCommitTooLate) { expect_caught({nullptr, +1}); }
TEST(History, IsCaughtWithoutTheRecordsThatAreGone) {
  expect_caught({without(store::Family::deleted), 0});
}
TEST(History, IsCaughtWithoutTheLinksThatAreGone) {
  expect_caught({without(store::Family::unlinked), 0});
}

}  // namespace
}  // namespace emstore::testing
