// Every append to a file of the database and every sync of one fails in turn, while commits are
// made and while the store is opened: nothing that was acknowledged is lost, and whoever asked is
// told what to do.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "store/event_bytes.h"
#include "tests/support/chance.h"
#include "tests/support/dropping_file_system.h"
#include "tests/support/test_store.h"

namespace emstore::store {
namespace {

using testing::DroppingFileSystem;
using testing::Loss;
using testing::TestStore;

struct DiskFault {
  std::string name;
  void (DroppingFileSystem::*begin)(std::uint64_t call);
  std::uint64_t (DroppingFileSystem::*calls)() const;
  friend void PrintTo(const DiskFault& fault, std::ostream* out) { *out << fault.name; }
};

class DiskFaultsTest : public ::testing::TestWithParam<DiskFault> {
 protected:
  // A new store with a few commits, on a new disk.
  void make_anew() {
    disk_.close();
    std::filesystem::remove_all(disk_.folder());
    acknowledged_.clear();
    new_disk();
    disk_.open();
    disk_.apply(testing::shop_schema());
    for (int made = 0; made < 3; ++made) ASSERT_TRUE(commit());
  }

  // On a new disk, too, which knows nothing of what the files were.
  void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::remove_all(to);
    std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    new_disk();
  }
  void new_disk() {
    files_ = std::make_shared<DroppingFileSystem>();
    disk_.options().database.file_system = std::shared_ptr<rocksdb::FileSystem>(files_);
  }

  void begin_fault(std::uint64_t call) {
    calls_before_ = (*files_.*GetParam().calls)();
    failing_call_ = call;
    (*files_.*GetParam().begin)(call);
  }
  bool has_failed() const { return (*files_.*GetParam().calls)() - calls_before_ >= failing_call_; }

  // Whether one more product was acknowledged.
  bool commit() {
    const Outcome outcome = disk_.ask(TestStore::insert(
        "products", {{"name", "Laptop"}, {"description", std::string(3'000, 'x')}}));
    if (outcome) {
      note();
    } else {
      expect_to_be_told(outcome.error());
    }
    return outcome.has_value();
  }

  static void expect_to_be_told(const Error& error) {
    EXPECT_TRUE(error.code == ErrorCode::disk_full || error.code == ErrorCode::io_failed ||
                error.code == ErrorCode::outcome_unknown)
        << to_string(error);
  }

  // The store is closed and the disk is well again; every other time the power has gone, too.
  void start_again() {
    disk_.close();
    files_->restore_power(random_, failing_call_ % 2 == 0 ? Loss::either : Loss::nothing);
    disk_.open();
  }

  void fail_amid_commits(std::uint64_t call) {
    constexpr int kCommits = 100;
    begin_fault(call);
    int made = 0;
    while (made < kCommits && commit()) ++made;
    EXPECT_LT(made, kCommits) << "nothing failed";
    EXPECT_TRUE(has_failed());
    start_again();
    expect_nothing_is_lost();
  }

  // Of what was not answered at most one commit is there.
  void expect_nothing_is_lost() {
    for (const auto& [sequence, commit] : acknowledged_) EXPECT_EQ(row_of(sequence), commit);
    const Sequence last = disk_.view()->sequence;
    EXPECT_LE(last, acknowledged_.rbegin()->first + 1);
    disk_.verify();
    EXPECT_TRUE(commit());
  }

  std::optional<std::string> row_of(Sequence sequence) {
    return disk_.view()->reader->get(Family::log, log_key(sequence)).value();
  }
  void note() {
    const Sequence sequence = disk_.view()->sequence;
    acknowledged_[sequence] = *row_of(sequence);
  }

  TestStore disk_;
  std::shared_ptr<DroppingFileSystem> files_;
  std::map<Sequence, std::string> acknowledged_;
  std::mt19937 random_{20261130};
  std::uint64_t calls_before_ = 0, failing_call_ = 0;
};

TEST_P(DiskFaultsTest, LoseNoCommitWhileCommitsAreMade) {
  for (std::uint64_t call = 1; call <= 16; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    make_anew();
    fail_amid_commits(call);
    ASSERT_FALSE(HasFailure());
  }
}

// A store that was started again has tables, which are put together beside the commits. RocksDB
// waits for a second when that fails, so only a few do.
TEST_P(DiskFaultsTest, LoseNoCommitWhileTablesAreWritten) {
  for (const std::uint64_t call : {1U, 2U}) {
    SCOPED_TRACE("call " + std::to_string(call));
    make_anew();
    start_again();
    fail_amid_commits(call);
    ASSERT_FALSE(HasFailure());
  }
}

TEST_P(DiskFaultsTest, LoseNoCommitWhileTheStoreIsOpened) {
  make_anew();
  disk_.close();
  const testing::TemporaryFolder kept;
  copy_folder(disk_.folder(), kept.path());
  const auto acknowledged = acknowledged_;
  std::uint64_t call = 1;
  for (bool is_opened = false; !is_opened; ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    ASSERT_LT(call, 300u);
    copy_folder(kept.path(), disk_.folder());
    acknowledged_ = acknowledged;
    begin_fault(call);
    if (const auto opened = disk_.try_open(); opened) {
      is_opened = !has_failed();
    } else {
      expect_to_be_told(opened.error());
      EXPECT_TRUE(has_failed());
    }
    start_again();
    expect_nothing_is_lost();
    ASSERT_FALSE(HasFailure());
    disk_.close();
  }
  EXPECT_GT(call, 10u);
}

INSTANTIATE_TEST_SUITE_P(Every, DiskFaultsTest,
                         ::testing::Values(DiskFault{"AppendFromThereOn",
                                                     &DroppingFileSystem::fill_disk_at_append,
                                                     &DroppingFileSystem::appends},
                                           DiskFault{"Sync", &DroppingFileSystem::fail_sync,
                                                     &DroppingFileSystem::syncs}),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace emstore::store
