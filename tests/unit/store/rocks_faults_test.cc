// What the database does when the power is cut, the disk fails, or it is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include "store/rocks.h"
#include "store/row_table.h"
#include "tests/support/dropping_file_system.h"
#include "tests/support/temporary_folder.h"

// RocksDB 7.8 forgets a memtable when it cannot make the write-ahead log that goes with it.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:rocksdb::DBImpl::SwitchMemtable\n";
}

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two rows in two families, as every commit has: both are there or neither is.
std::vector<RowChange> commit_of(int number) {
  const std::string key = std::to_string(number);
  return {{Family::log, key, std::string(300, 'x')}, {Family::records, key, "row"}};
}

class RocksFaultsTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Database>> open() {
    DatabaseOptions options;
    options.memtable_bytes = 4u << 20;
    options.cache_bytes = 4u << 20;
    options.acknowledged = acknowledged_;
    options.file_system = std::shared_ptr<rocksdb::FileSystem>(files_);
    options.on_background_error = [this](const Error& error) { told_.push_back(error); };
    return Database::open(folder_.path() / "rocks", options);
  }

  std::unique_ptr<Database> opened() {
    auto database = open();
    EXPECT_TRUE(database) << (database ? "" : to_string(database.error()));
    return database ? std::move(*database) : nullptr;
  }

  static bool has(const Database& database, Family family, int number) {
    const auto row = database.snapshot()->get(family, std::to_string(number));
    EXPECT_TRUE(row);
    return row && row->has_value();
  }

  // Commits until the power is cut; how many of the acknowledged ones are gone afterwards.
  int lost_by_a_cut(Durability durability) {
    const int acknowledged = 20 + static_cast<int>(random_() % 200);
    {
      const auto database = opened();
      for (int i = 0; i < acknowledged; ++i) {
        EXPECT_TRUE(database->write(commit_of(i), durability));
      }
      files_->cut_power();
    }
    files_->restore_power(random_);
    acknowledged_ = std::to_string(acknowledged - 1);
    const auto again = open();
    // What is torn before whole writes, or lacks what was acknowledged, is not opened.
    if (!again && durability == Durability::memory) {
      EXPECT_EQ(again.error().code, ErrorCode::corrupt_log);
      return acknowledged;
    }
    EXPECT_TRUE(again) << (again ? "" : to_string(again.error()));
    if (!again) return acknowledged;
    const auto& database = *again;
    int lost = 0;
    for (int i = 0; i < acknowledged; ++i) {
      const bool is_there = has(*database, Family::log, i);
      EXPECT_EQ(is_there, has(*database, Family::records, i)) << "half of commit " << i;
      if (!is_there) ++lost;
    }
    return lost;
  }

  // A new database, whose rows a rebuild replaces while `fault` is at work. Whether it came to its
  // end.
  bool is_rebuilt_despite(const std::function<void()>& fault) {
    std::filesystem::remove_all(folder_.path() / "rocks");
    acknowledged_.clear();
    const auto database = opened();
    if (!database) return false;
    EXPECT_TRUE(database->write(commit_of(1), Durability::synced));
    acknowledged_ = "1";
    auto generation = database->begin_generation();
    EXPECT_TRUE(generation);
    RowTable rebuilt(**generation);
    rebuilt.apply({Family::records, "rebuilt", std::string("row")});
    rebuilt.apply({Family::links, "rebuilt", std::string("row")});
    fault();
    return (*generation)->ingest(rebuilt) &&
           database->adopt(std::move(*generation), std::vector{Family::records});
  }

  // Whether a restart finds those rows; the log, and one of the two, it has to find.
  bool has_rebuilt_rows() {
    const auto database = opened();
    if (!database) return false;
    EXPECT_THAT(database->outdated(), IsEmpty());
    EXPECT_TRUE(has(*database, Family::log, 1));
    const bool is_rebuilt = database->snapshot()->get(Family::records, "rebuilt")->has_value();
    EXPECT_NE(is_rebuilt, has(*database, Family::records, 1));
    return is_rebuilt;
  }

  testing::TemporaryFolder folder_;
  std::shared_ptr<testing::DroppingFileSystem> files_ =
      std::make_shared<testing::DroppingFileSystem>();
  std::string acknowledged_;  // The key of the last row of Family::log that is on disk, if any is.
  std::mt19937 random_{20261122};
  std::vector<Error> told_;
};

TEST_F(RocksFaultsTest, ACutLosesNothingThatWasSynced) {
  for (int cuts = 0; cuts < 10; ++cuts) EXPECT_EQ(lost_by_a_cut(Durability::synced), 0);
}

// The control: the test above would have noticed a missing sync.
TEST_F(RocksFaultsTest, ACutLosesWhatWasNotSynced) {
  int cuts_with_loss = 0;
  for (int cuts = 0; cuts < 5; ++cuts) {
    std::filesystem::remove_all(folder_.path() / "rocks");
    if (lost_by_a_cut(Durability::memory) > 0) ++cuts_with_loss;
  }
  EXPECT_EQ(cuts_with_loss, 5);
}

TEST_F(RocksFaultsTest, SyncsOnceABatch) {
  const auto database = opened();
  ASSERT_TRUE(database->write(commit_of(0), Durability::synced));
  const std::uint64_t before = files_->syncs();
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(database->write(commit_of(i), Durability::synced));
  EXPECT_EQ(files_->syncs(), before + 10);
  ASSERT_TRUE(database->write(commit_of(11), Durability::memory));
  EXPECT_EQ(files_->syncs(), before + 10);
}

TEST_F(RocksFaultsTest, TakesNoWriteAfterAFailedSync) {
  auto database = opened();
  ASSERT_TRUE(database->write(commit_of(0), Durability::synced));
  files_->fail_sync(1);
  const auto failed = database->write(commit_of(1), Durability::synced);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::outcome_unknown);
  EXPECT_THAT(failed.error().message, HasSubstr("injected EIO"));
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_[0].code, ErrorCode::io_failed);

  const std::uint64_t appends = files_->appends();
  for (int i = 2; i < 5; ++i) {
    const auto refused = database->write(commit_of(i), Durability::synced);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::outcome_unknown);
  }
  EXPECT_FALSE(database->begin_generation());
  EXPECT_EQ(files_->appends(), appends) << "RocksDB was asked to write again";
  EXPECT_EQ(told_.size(), 1u);
  EXPECT_TRUE(has(*database, Family::log, 0)) << "what is acknowledged stays readable";

  database.reset();
  database = opened();
  EXPECT_TRUE(has(*database, Family::log, 0));
  for (int i = 2; i < 5; ++i) EXPECT_FALSE(has(*database, Family::log, i));
}

TEST_F(RocksFaultsTest, AFullDiskLosesNothingAcknowledged) {
  auto database = opened();
  files_->fill_disk_at_append(25);
  int acknowledged = 0;
  while (true) {
    const auto written = database->write(commit_of(acknowledged), Durability::synced);
    if (!written) {
      EXPECT_EQ(written.error().code, ErrorCode::outcome_unknown);
      break;
    }
    ++acknowledged;
    ASSERT_LT(acknowledged, 1000) << "the disk never filled";
  }
  ASSERT_FALSE(told_.empty());
  EXPECT_EQ(told_[0].code, ErrorCode::disk_full);
  files_->fill_disk_at_append(1u << 30);  // Space has been freed; a restart finds everything.
  EXPECT_FALSE(database->write(commit_of(-1), Durability::synced));
  database.reset();
  database = opened();
  for (int i = 0; i < acknowledged; ++i) EXPECT_TRUE(has(*database, Family::log, i));
  EXPECT_TRUE(database->write(commit_of(acknowledged), Durability::synced));
}

// The tables of a rebuild are nothing to the database until they are taken in.
TEST_F(RocksFaultsTest, ARebuildThatFindsTheDiskFullHarmsNobody) {
  const auto database = opened();
  ASSERT_TRUE(database->write(commit_of(0), Durability::synced));
  auto generation = database->begin_generation();
  ASSERT_TRUE(generation);
  RowTable rebuilt(**generation);
  for (int i = 0; i < 1'000; ++i) {
    rebuilt.apply({Family::records, std::to_string(i), std::string(1'000, 'x')});
    rebuilt.apply({Family::links, std::to_string(i), std::string(1'000, 'x')});
  }
  files_->fill_disk_at_append(1);
  const Status full = (*generation)->ingest(rebuilt);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::disk_full);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "rocks" / "ingest"));
  files_->fill_disk_at_append(1u << 30);  // There is room again.
  const Status written = database->write(commit_of(1), Durability::synced);
  EXPECT_TRUE(written) << to_string(written.error());
  const Status again = (*generation)->ingest(rebuilt);
  EXPECT_TRUE(again) << to_string(again.error());
  EXPECT_TRUE(database->adopt(std::move(*generation), std::vector{Family::records}));
  EXPECT_TRUE(told_.empty());
}

TEST_F(RocksFaultsTest, ACreationCutAnywhereIsFinishedAtTheNextOpening) {
  bool was_cut = true;
  for (std::uint64_t sync = 1; was_cut; ++sync) {
    ASSERT_LT(sync, 300u);
    std::filesystem::remove_all(folder_.path() / "rocks");
    files_->cut_power_at_sync(sync);
    const bool is_done = open().has_value();
    was_cut = files_->is_cut();
    ASSERT_TRUE(is_done || was_cut);
    files_->restore_power(random_);

    const auto database = opened();
    ASSERT_TRUE(database) << "cut at sync " << sync;
    ASSERT_THAT(database->outdated(), IsEmpty()) << "cut at sync " << sync;
    ASSERT_TRUE(database->write(commit_of(1), Durability::synced));
  }
}

// The generation is adopted or it is not, wherever the power goes; the log stays.
TEST_F(RocksFaultsTest, AnAdoptionCutAnywhereIsDoneOrNotDone) {
  int adopted = 0;
  int not_adopted = 0;
  bool was_cut = true;
  for (std::uint64_t sync = 1; was_cut; ++sync) {
    ASSERT_LT(sync, 300u);
    const bool is_done = is_rebuilt_despite([&] { files_->cut_power_at_sync(sync); });
    was_cut = files_->is_cut();
    ASSERT_TRUE(is_done || was_cut);
    files_->restore_power(random_);
    ++(has_rebuilt_rows() ? adopted : not_adopted);
    ASSERT_FALSE(HasFailure()) << "cut at sync " << sync;
  }
  EXPECT_GT(adopted, 1);
  EXPECT_GT(not_adopted, 1);
  RecordProperty("cuts", adopted + not_adopted);
}

// Whatever fails while tables are taken in, a restart finds the log and one of the two; also when
// the power goes, too.
TEST_F(RocksFaultsTest, ARebuildThatFailsAnywhereHarmsNobody) {
  using Fault = void (testing::DroppingFileSystem::*)(std::uint64_t);
  const auto fail_everywhere = [this](Fault fault, testing::Loss loss) {
    int failures = 0;
    for (std::uint64_t call = 1; !is_rebuilt_despite([&] { (*files_.*fault)(call); }); ++call) {
      ASSERT_LT(call, 300u);
      ++failures;
      files_->restore_power(random_, loss);
      has_rebuilt_rows();
      ASSERT_FALSE(HasFailure()) << "call " << call;
    }
    files_->restore_power(random_, loss);
    EXPECT_TRUE(has_rebuilt_rows()) << "it did not fail";
    EXPECT_GT(failures, 3);
  };
  for (const auto loss : {testing::Loss::nothing, testing::Loss::pages, testing::Loss::end}) {
    fail_everywhere(&testing::DroppingFileSystem::fail_sync, loss);
    fail_everywhere(&testing::DroppingFileSystem::fill_disk_at_append, loss);
  }
}

}  // namespace
}  // namespace emstore::store
