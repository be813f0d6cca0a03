// Power cuts under a store that is written to: what was acknowledged is there afterwards, and the
// rows still follow from it. Control: the same, acknowledged before the sync, loses commits, and
// that is noticed each time.
#include <gtest/gtest.h>

#include <map>

#include "store/event_bytes.h"
#include "tests/support/chance.h"
#include "tests/support/dropping_file_system.h"
#include "tests/support/random_shop.h"

namespace emstore::testing {
namespace {

class PowerCut : public ::testing::Test {
 protected:
  PowerCut() { RecordProperty("seed", std::to_string(seed_given())); }

  // A store over a file system that forgets what was not synced.
  struct Machine : TestStore {
    explicit Machine(store::Durability durability) {
      options().durability = durability;
      options().database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
      close();
      std::filesystem::remove_all(folder());
      open();
      apply(shop_schema());
      note();
    }

    // The log row of the newest commit: what a client was told is there.
    void note() {
      const Sequence sequence = view()->sequence;
      acknowledged[sequence] =
          *view()->reader->get(store::Family::log, store::log_key(sequence)).value();
    }

    // Writes until a sync does not come to pass; only what was answered before counts.
    void write_until_cut(RandomShop& shop, std::uint32_t syncs) {
      files->cut_power_at_sync(1 + syncs);
      for (bool is_up = true; is_up;) {
        const store::Outcome outcome = shop.step();
        is_up = outcome.has_value() || outcome.error().code != ErrorCode::outcome_unknown;
        if (is_up && acknowledged.rbegin()->first < view()->sequence) note();
      }
    }

    std::size_t lost() {
      std::size_t lost = 0;
      for (const auto& [sequence, bytes] : acknowledged) {
        const auto row = view()->reader->get(store::Family::log, store::log_key(sequence)).value();
        if (row != bytes) ++lost;
      }
      return lost;
    }

    std::shared_ptr<DroppingFileSystem> files = std::make_shared<DroppingFileSystem>();
    std::map<Sequence, std::string> acknowledged;
  };

  std::mt19937 random_{seed_given()};
};

TEST_F(PowerCut, LosesNothingThatWasAcknowledged) {
  Machine machine(store::Durability::synced);
  RandomShop shop(machine, seed_given());
  constexpr int kCuts = 60;
  for (int cut = 0; cut < kCuts; ++cut) {
    machine.write_until_cut(shop, static_cast<std::uint32_t>(random_() % 12));
    machine.close();
    machine.files->restore_power(random_);
    machine.open();
    ASSERT_EQ(machine.lost(), 0U) << "cut " << cut << ", seed " << seed_given();
    // At most the group that was under way may be there without an answer.
    ASSERT_LE(machine.view()->sequence, machine.acknowledged.rbegin()->first + 1);
    if (machine.acknowledged.rbegin()->first < machine.view()->sequence) machine.note();
    if (cut % 6 == 0) machine.verify();
  }
  machine.verify();
  EXPECT_GT(machine.acknowledged.size(), static_cast<std::size_t>(kCuts));
}

TEST_F(PowerCut, IsNoticedWhenWhatWasAcknowledgedWasNotSynced) {
  constexpr int kCuts = 20;
  int caught = 0;
  for (int cut = 0; cut < kCuts; ++cut) {
    Machine machine(store::Durability::memory);
    RandomShop shop(machine, seed_given() + static_cast<std::uint32_t>(cut));
    const Sequence commits = 3 + random_() % 20;
    while (machine.view()->sequence < commits) {
      static_cast<void>(shop.step());
      if (machine.acknowledged.rbegin()->first < machine.view()->sequence) machine.note();
    }
    machine.files->cut_power();
    machine.close();
    machine.files->restore_power(random_);
    const Result<std::unique_ptr<store::Store>> opened = machine.try_open();
    // The head outlived the cut, and knows; unless a write is torn that a whole one came after.
    const bool is_noticed = !opened && (opened.error().code == ErrorCode::rolled_back ||
                                        opened.error().code == ErrorCode::corrupt_log);
    if (is_noticed) ++caught;
  }
  RecordProperty("caught", std::to_string(caught) + " of " + std::to_string(kCuts));
  EXPECT_EQ(caught, kCuts) << "seed " << seed_given();
}

}  // namespace
}  // namespace emstore::testing
