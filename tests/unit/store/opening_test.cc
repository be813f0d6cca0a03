#include "store/opening.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "store/index_states.h"
#include "tests/support/dropping_file_system.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::Family;
using Kind = store::IndexState::Kind;

constexpr auto kRecursive = std::filesystem::copy_options::recursive;

// A store whose index over 600 records is filled to the first 512 of them.
class OpeningTest : public ::testing::Test, public TestStore {
 protected:
  OpeningTest() {
    Map schema = shop_schema();
    const Map indices = *schema.find("indices")->if_map();
    schema.set("indices", Map{});
    apply(schema);
    std::vector<store::Mutation> inserts;
    for (int i = 0; i < 600; ++i) {
      inserts.push_back(insert("products", {{"name", "n"}, {"sku", std::to_string(i)}}));
    }
    EXPECT_TRUE(submit(command(std::move(inserts))));
    schema.set("indices", indices);
    apply(schema);
    EXPECT_TRUE(store().work().value());
    EXPECT_EQ(state().kind, Kind::filling);
    EXPECT_FALSE(state().detail.empty());
  }

  const store::IndexState& state() const { return view()->indexes->begin()->second; }

  static std::unique_ptr<store::Database> database(const std::filesystem::path& folder) {
    store::DatabaseOptions options;
    options.cache_bytes = 8u << 20;
    return store::Database::open(folder / "db", options).value();
  }

  // As a store finds itself whose rows of a family are missing or outdated.
  void lose(Family family) {
    const store::RowChange change{Family::meta, "family/" + std::string(store::name_of(family)),
                                  std::nullopt};
    ASSERT_TRUE(
        database(folder())->write(std::span(&change, 1), store::Durability::synced).has_value());
  }

  void finish_work() {
    while (store().work().value()) {
    }
    EXPECT_EQ(state(), store::IndexState{});
  }
};

TEST_F(OpeningTest, FoldsEachFamilyAgainThatIsMissing) {
  finish_work();
  upload("a picture");
  must(update("products", 1, {{"gallery", Map{{"$attach", List{1}}}}}));
  const Sha256 before = digest();
  for (const store::FamilyInfo& family : store::kFamilies) {
    if (!store::is_index(family.family)) continue;
    close();
    lose(family.family);
    std::vector<std::string> told;
    options().progress = [&](std::string_view what, double) { told.emplace_back(what); };
    open();
    EXPECT_FALSE(told.empty()) << family.name;
    EXPECT_EQ(digest(), before) << family.name;
    verify();
  }
}

TEST_F(OpeningTest, FillsAgainFromTheFirstRecordAfterARebuild) {
  close();
  lose(Family::values);
  open();
  EXPECT_EQ(state(), (store::IndexState{Kind::filling, {}}));
  finish_work();
  verify();
}

// The control: a fill that went on where it was, over rows that a rebuild has left out.
TEST_F(OpeningTest, WouldLoseKeysIfAFillWentOnAfterARebuild) {
  const std::string key("index/\0\0\0\1", 10);
  const auto filled_to = view()->reader->get(Family::meta, key);
  ASSERT_TRUE(filled_to && *filled_to);
  close();
  lose(Family::values);
  open();
  close();
  const store::RowChange change{Family::meta, key, **filled_to};
  ASSERT_TRUE(database(folder())->write(std::span(&change, 1), store::Durability::synced));
  open();
  finish_work();
  const Result<store::VerifyReport> report = store::verify(*view(), {});
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->equal);
}

// The fill starts again before the rebuilt rows are adopted: between the two, a cut costs time and
// no key.
TEST_F(OpeningTest, LosesNoKeyWhereverTheEndOfARebuildIsCut) {
  constexpr std::uint64_t kCuts = 12;
  close();
  lose(Family::values);
  const TemporaryFolder kept;
  std::filesystem::copy(folder() / "db", kept.path() / "db", kRecursive);
  const auto files = std::make_shared<DroppingFileSystem>();
  options().database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
  open();
  const std::uint64_t syncs = files->syncs();
  ASSERT_GT(syncs, kCuts);
  std::mt19937 random(20261122);
  std::uint64_t cut = 0;  // How often RocksDB syncs in the background is not the same each time.
  for (std::uint64_t sync = syncs - kCuts; sync <= syncs; ++sync) {
    close();
    std::filesystem::remove_all(folder() / "db");
    std::filesystem::copy(kept.path() / "db", folder() / "db", kRecursive);
    files->cut_power_at_sync(sync);
    static_cast<void>(try_open());
    cut += files->is_cut() ? 1 : 0;
    files->restore_power(random);
    open();
    finish_work();
    verify();
    ASSERT_FALSE(HasFailure()) << "cut at sync " << sync << " of " << syncs;
  }
  EXPECT_GT(cut, kCuts / 2);
}

}  // namespace
}  // namespace emstore::testing
