#include "store/opening.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "store/index_states.h"
#include "tests/support/damage.h"
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
    options.memtable_bytes = 4u << 20;
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
  const Result<store::VerifyReport> report = store::verify(*view(), {}, fold_room());
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

// ---- Damaged tables.

void damage_middle(const std::filesystem::path& file, Damage how) {
  damage(file, how, std::filesystem::file_size(file) / 2);
}

// A store that lies in tables, of which a test damages some.
class DamagedStore : public ::testing::Test, public TestStore {
 protected:
  DamagedStore() {
    apply(shop_schema());
    const std::uint64_t picture = upload("a picture");
    for (int i = 0; i < 20; ++i) {
      must(insert("products", {{"name", std::string(5'000, 'n')},
                               {"sku", std::to_string(i)},
                               {"gallery", Map{{"$attach", List{picture}}}}}));
    }
    must(update("products", 1, {{"gallery", Map{{"$detach", List{picture}}}}}));
    must(remove("products", 2, true));
    close();
    open();  // What was written ahead is in tables from here on.
    digest_ = digest();
    root_ = view()->root;
    close();
    std::filesystem::copy(folder() / "db", kept_.path() / "db", kRecursive);
    options().database.on_damaged_index = [this](const store::DamagedTable& table) {
      told_.push_back(table);
    };
  }

  void restore() {
    close();
    std::filesystem::remove_all(folder() / "db");
    std::filesystem::copy(kept_.path() / "db", folder() / "db", kRecursive);
    told_.clear();
  }

  // Those that the database has, as they are named when all of them are damaged.
  std::map<std::filesystem::path, Family> family_of_each_table() {
    restore();
    for (const auto& file : std::filesystem::directory_iterator(folder() / "db")) {
      if (file.path().extension() == ".sst") damage_middle(file.path(), Damage::flipped);
    }
    const auto mending =
        store::Database::drop_damaged_indexes(folder() / "db", options().database).value();
    EXPECT_FALSE(mending.is_done);
    std::map<std::filesystem::path, Family> families;
    for (const store::DamagedTable& table : mending.damaged) families[table.file] = table.family;
    return families;
  }

  // The same commits, the same state, and nothing left that is damaged.
  void expect_whole() {
    EXPECT_EQ(view()->root, root_);
    EXPECT_EQ(digest(), digest_);
    verify();
    const auto damaged = store().database().check_files();
    ASSERT_TRUE(damaged);
    EXPECT_TRUE(damaged->empty());
  }

  // Opens it with one damaged table: what no start reads, a check of all tables names; an index is
  // made again, and told; nothing else is opened.
  void expect_named(const std::filesystem::path& table, Family family) {
    const auto opened = try_open();
    if (!opened) {
      ++refused_;
      EXPECT_FALSE(store::is_index(family)) << store::name_of(family);
      EXPECT_EQ(opened.error().code, ErrorCode::corrupt_log);
      EXPECT_NE(opened.error().message.find(table.filename().string()), std::string::npos)
          << to_string(opened.error());
      EXPECT_TRUE(told_.empty());
    } else if (told_.empty()) {
      ++found_;
      const auto damaged = (*opened)->database().check_files();
      ASSERT_TRUE(damaged);
      ASSERT_EQ(damaged->size(), 1u);
      EXPECT_EQ(damaged->front().file, table);
      EXPECT_EQ(damaged->front().family, family);
    } else {
      ASSERT_EQ(told_.size(), 1u);
      EXPECT_EQ(told_.front().file, table);
      EXPECT_EQ(told_.front().family, family);
      EXPECT_TRUE(store::is_index(family));
      mended_.insert(family);
    }
  }

  TemporaryFolder kept_;
  Sha256 digest_{}, root_{};
  std::vector<store::DamagedTable> told_;
  std::set<Family> mended_;
  int found_ = 0, refused_ = 0;
};

class DamagedTable : public DamagedStore, public ::testing::WithParamInterface<Damage> {};
INSTANTIATE_TEST_SUITE_P(InEachWay, DamagedTable, ::testing::ValuesIn(kDamages));

TEST_P(DamagedTable, IsNamedOrItsIndexMadeAgain) {
  const auto families = family_of_each_table();
  ASSERT_GT(families.size(), store::kFamilyCount / 2);
  for (const auto& [table, family] : families) {
    restore();
    damage_middle(table, GetParam());
    expect_named(table, family);
    if (told_.empty()) continue;
    open();
    expect_whole();
    ASSERT_FALSE(HasFailure()) << table;
  }
  EXPECT_GT(found_ + refused_, 0);
  EXPECT_TRUE(mended_.contains(Family::schema));
  EXPECT_TRUE(mended_.contains(Family::tree));
}

TEST_F(DamagedStore, HasAllItsIndexesMadeAgainAtOnce) {
  const auto families = family_of_each_table();
  std::size_t removed = 0;
  restore();
  for (const auto& [table, family] : families) {
    if (store::is_index(family)) removed += std::filesystem::remove(table) ? 1 : 0;
  }
  ASSERT_GT(removed, 10u);
  open();
  EXPECT_EQ(told_.size(), removed);
  expect_whole();
}

// Nothing is given up while something else is damaged: what there is may be needed.
TEST_F(DamagedStore, IsLeftAsItIsWhenMoreThanIndexesAreDamaged) {
  std::map<Family, std::filesystem::path> tables;
  for (const auto& [table, family] : family_of_each_table()) tables[family] = table;
  restore();
  damage_middle(tables.at(Family::schema), Damage::flipped);  // A start reads it.
  damage_middle(tables.at(Family::meta), Damage::cut);
  const auto refused = try_open();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt_log);
  EXPECT_TRUE(told_.empty());

  restore();
  // A start reads the tree, and not the bytes of media.
  damage(tables.at(Family::bytes), Damage::flipped, 10);
  damage(tables.at(Family::tree), Damage::flipped, 10);
  const auto unmended = try_open();
  ASSERT_FALSE(unmended);
  EXPECT_EQ(unmended.error().code, ErrorCode::corrupt_index) << to_string(unmended.error());
  EXPECT_NE(unmended.error().hint.find("restore a backup"), std::string::npos);
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(std::filesystem::exists(tables.at(Family::tree)));
}

}  // namespace
}  // namespace emstore::testing
