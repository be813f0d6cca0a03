// A rebuild of every index beside the live ones: what it comes to, whatever happens meanwhile.
#include "store/rebuild.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "store/row_bytes.h"
#include "tests/support/dropping_file_system.h"
#include "tests/support/random_shop.h"

namespace emstore::testing {
namespace {

using store::Family;
using store::FamilyCheck;
using store::Rebuild;

constexpr auto kWithItsFolders = std::filesystem::copy_options::recursive;

class RebuildTest : public ::testing::Test, public TestStore {
 protected:
  RebuildTest() {
    apply(shop_schema());
    shop_ = std::make_unique<RandomShop>(*this, 28);
    steps(200);
  }

  void steps(int count) {
    for (int i = 0; i < count; ++i) static_cast<void>(shop_->step());
  }

  std::unique_ptr<Rebuild> begun() {
    auto rebuild = store().begin_rebuild();
    EXPECT_TRUE(rebuild);
    return rebuild ? *std::move(rebuild) : nullptr;
  }

  void adopt(std::unique_ptr<Rebuild> rebuild) {
    const Status adopted = store().adopt(std::move(rebuild));
    ASSERT_TRUE(adopted) << to_string(adopted.error());
  }

  // Whether the rebuilt rows are those that are live.
  bool is_equal(const Rebuild& rebuild) const {
    const auto rebuilt = rebuild.digests(*view());
    const auto live = store::family_digests(*view());
    EXPECT_TRUE(rebuilt && live);
    return store::state_digest(*rebuilt) == store::state_digest(*live);
  }

  // Writes past the store: as a fault of memory or of the program would.
  void damage(Family family, std::string key, std::optional<std::string> value) {
    close();
    store::DatabaseOptions options;
    options.cache_bytes = 8u << 20;
    options.memtable_bytes = 4u << 20;
    const store::RowChange change{family, std::move(key), std::move(value)};
    {
      const auto database = store::Database::open(folder() / "db", options);
      ASSERT_TRUE(database);
      ASSERT_TRUE((*database)->write(std::span(&change, 1), store::Durability::synced));
    }
    open();
  }

  void work() {
    while (store().work().value()) {
    }
  }

  std::unique_ptr<RandomShop> shop_;
};

TEST_F(RebuildTest, ComesToTheSameState) {
  const Sha256 before = digest();
  auto old_view = view();
  auto rebuild = begun();
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_EQ(rebuild->sequence(), view()->sequence);
  EXPECT_EQ(rebuild->root(), view()->root);
  EXPECT_TRUE(is_equal(*rebuild));
  adopt(std::move(rebuild));
  EXPECT_EQ(digest(), before);
  EXPECT_EQ(store::state_digest(*old_view).value(), before) << "who reads goes on reading";
  old_view.reset();
  verify();
  steps(50);
  verify();
  const Sha256 after = digest();
  open();
  EXPECT_EQ(digest(), after);
  verify();
}

TEST_F(RebuildTest, CatchesUpWithWhatIsCommittedMeanwhile) {
  auto rebuild = begun();
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(rebuild->catch_up(*view(), {}));
    EXPECT_TRUE(is_equal(*rebuild));
    steps(40);
    EXPECT_FALSE(is_equal(*rebuild));  // The control: it would be seen.
  }
  adopt(std::move(rebuild));
  verify();
}

// The same with a table so small that it is written out again and again.
TEST_F(RebuildTest, HoldsNoMoreRowsThanItMay) {
  options().limits.rebuild_bytes_max = 20'000;
  open();
  auto rebuild = begun();
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_TRUE(is_equal(*rebuild));
  steps(50);
  adopt(std::move(rebuild));
  verify();
}

TEST_F(RebuildTest, EndsBeforeTheDiskIsFull) {
  constexpr std::uint64_t kMoreThanAnyDisk = std::uint64_t{1} << 60;
  options().limits.free_bytes_min = kMoreThanAnyDisk;
  open();
  auto rebuild = begun();
  const Status caught_up = rebuild->catch_up(*view(), {});
  ASSERT_FALSE(caught_up);
  EXPECT_EQ(caught_up.error().code, ErrorCode::disk_full);
  rebuild.reset();
  steps(10);  // Nothing has happened to the store.
  verify();
}

TEST_F(RebuildTest, CanBeCancelledWhileItMakesKeysAndComparesRows) {
  auto rebuild = begun();
  const auto refuses = [] { return false; };
  int asked = 0;
  // After the last commit the keys of indexes are made, and it is asked again.
  const store::Progress until_the_keys = [&](std::uint64_t done, std::uint64_t) {
    ++asked;
    return done < view()->sequence;
  };
  const Status stopped = rebuild->catch_up(*view(), until_the_keys);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_GT(asked, 0);
  rebuild = begun();
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_EQ(rebuild->digests(*view(), refuses).error().code, ErrorCode::cancelled);
  EXPECT_EQ(store::family_digests(*view(), refuses).error().code, ErrorCode::cancelled);
  adopt(std::move(rebuild));
  verify();
}

TEST_F(RebuildTest, SaysWhetherMoreThanCommitsAreLeft) {
  auto rebuild = begun();
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  steps(5);
  EXPECT_TRUE(rebuild->has_indexes_of(*view()));
  Map schema = shop_schema();
  const Map by_price{{"price", Map{{"entity", "products"}, {"fields", List{"price"}}}}};
  schema.set("indices", by_price);
  apply(schema);
  EXPECT_FALSE(rebuild->has_indexes_of(*view()));  // One is gone.
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_TRUE(rebuild->has_indexes_of(*view()));
  work();
  EXPECT_FALSE(rebuild->has_indexes_of(*view()));  // One has come, without a commit.
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_TRUE(rebuild->has_indexes_of(*view()));
}

TEST_F(RebuildTest, KeepsUpWithIndexesThatComeAndGo) {
  auto rebuild = begun();
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  Map schema = shop_schema();
  const Map by_price{{"price", Map{{"entity", "products"}, {"fields", List{"price"}}}}};
  schema.set("indices", by_price);  // Another one in place of the one that was there.
  apply(schema);
  steps(20);
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  work();  // Now it is ready, and what is left of the other one is gone.
  steps(20);
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_TRUE(is_equal(*rebuild));
  adopt(std::move(rebuild));
  verify();
  work();
  verify();
  // One that is not ready starts again, and comes to its end.
  rebuild = begun();
  apply(shop_schema());
  adopt(std::move(rebuild));
  EXPECT_EQ(view()->indexes->rbegin()->second.kind, store::IndexState::Kind::filling);
  work();
  EXPECT_EQ(view()->indexes->rbegin()->second, store::IndexState{});
  verify();
}

TEST_F(RebuildTest, MendsRowsThatAreNotWhatTheLogSays) {
  must(insert("products", {{"name", "Laptop"}}));
  const Value name = find_one("products", {{"where", Map{{"name", "Laptop"}}}});
  const auto id = static_cast<std::uint64_t>(*name.if_map()->find("id")->if_integer());
  const EntityId products = view()->schema->entity("products")->id;
  const std::string key = store::record_key({products, RecordId(id)});
  damage(Family::records, key, std::nullopt);
  damage(Family::uses, key, "a row that is none");
  EXPECT_FALSE(store::verify(*view(), {}, fold_room())->equal);
  // The writer knows the damage by now.
  EXPECT_FALSE(ask(update("products", id, {{"price", 7}})));

  auto rebuild = begun();
  ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  EXPECT_FALSE(is_equal(*rebuild));
  adopt(std::move(rebuild));
  verify();
  must(update("products", id, {{"price", 7}}));
  verify();
}

TEST_F(RebuildTest, LeavesNothingWhenItIsGivenUp) {
  const Sha256 before = digest();
  for (int i = 0; i < 3; ++i) {
    auto rebuild = begun();
    ASSERT_TRUE(rebuild->catch_up(*view(), {}));
  }
  EXPECT_EQ(digest(), before);
  open();
  EXPECT_EQ(digest(), before);
  verify();
}

TEST_F(RebuildTest, SaysHowFarItIsAndEndsWhenTold) {
  while (view()->sequence <= 256) must(insert("pages", {{"slug", "one of many"}}));
  auto rebuild = begun();
  std::uint64_t told = 0;
  const Status ended = rebuild->catch_up(*view(), [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, view()->sequence);
    told = done;
    return false;
  });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
  EXPECT_EQ(told, 256u);
}

// Commits and reads go on on their threads while it is filled on another.
TEST_F(RebuildTest, HindersNobody) {
  for (int round = 0; round < 3; ++round) {
    auto rebuild = begun();
    std::atomic<bool> is_over = false;
    std::thread filler([&] {
      for (int again = 0; again < 5; ++again) {
        EXPECT_TRUE(rebuild->catch_up(*view(), {}));
        EXPECT_TRUE(rebuild->digests(*view()));
      }
      is_over = true;
    });
    std::thread reader([&] {
      while (!is_over) {
        const auto now = view();
        EXPECT_TRUE(store::state_digest(*now)) << "while it is put in place";
      }
    });
    while (!is_over) steps(1);
    filler.join();
    adopt(std::move(rebuild));
    reader.join();
    verify();
  }
}

// What is committed is there, and what is there is what the log says, wherever the power goes.
TEST_F(RebuildTest, IsDoneOrNotDoneWhereverItIsCut) {
  close();
  const TemporaryFolder kept;
  std::filesystem::copy(folder() / "db", kept.path() / "db", kWithItsFolders);
  std::filesystem::copy(folder() / "head", kept.path() / "head");
  const auto files = std::make_shared<DroppingFileSystem>();
  options().database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
  std::mt19937 random(20261128);
  int cuts = 0;
  int done = 0;
  for (std::uint64_t sync = 1; done == 0; sync += 1 + sync / 4) {
    ASSERT_LT(sync, 500u);
    close();
    std::filesystem::remove_all(folder() / "db");
    std::filesystem::copy(kept.path() / "db", folder() / "db", kWithItsFolders);
    std::filesystem::copy(kept.path() / "head", folder() / "head",
                          std::filesystem::copy_options::overwrite_existing);
    open();
    Sequence acknowledged = view()->sequence;
    files->cut_power_at_sync(sync);
    {
      auto rebuild = store().begin_rebuild();
      if (rebuild && (*rebuild)->catch_up(*view(), {})) {
        steps(3);
        acknowledged = view()->sequence;
        done += store().adopt(*std::move(rebuild)) && !files->is_cut() ? 1 : 0;
      }
    }
    cuts += files->is_cut() ? 1 : 0;
    close();
    files->restore_power(random);
    open();
    EXPECT_GE(view()->sequence, acknowledged);
    EXPECT_FALSE(std::filesystem::exists(folder() / "db" / "ingest"));
    verify();
    ASSERT_FALSE(HasFailure()) << "cut at sync " << sync;
  }
  EXPECT_GT(cuts, 6);
}

}  // namespace
}  // namespace emstore::testing
