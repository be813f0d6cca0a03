#include "store/rocks_headroom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "store/rocks.h"
#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

using ::testing::HasSubstr;

// A disk that says how much it has; in truth it has enough.
class TellingDisk final : public rocksdb::FileSystemWrapper {
 public:
  TellingDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "TellingDisk"; }
  rocksdb::IOStatus GetFreeSpace(const std::string& /*path*/, const rocksdb::IOOptions& /*options*/,
                                 std::uint64_t* free_bytes,
                                 rocksdb::IODebugContext* /*debug*/) override {
    *free_bytes = free_bytes_;
    return rocksdb::IOStatus::OK();
  }
  void has(std::uint64_t bytes) { free_bytes_ = bytes; }

 private:
  std::atomic<std::uint64_t> free_bytes_ = 0;
};

constexpr std::uint64_t kKept = 10u << 20;
constexpr std::uint64_t kAmple = std::uint64_t{1} << 30;
constexpr std::size_t kBytesOfARow = 100'000;
constexpr int kRowsOfATable = 10;
constexpr std::uint64_t kBytesOfATable = kRowsOfATable * kBytesOfARow;
constexpr std::size_t kMany = 16;
// RocksDB tries again once a second.
constexpr std::chrono::milliseconds kLongEnoughToMerge{1'500};

class RocksHeadroomTest : public ::testing::Test {
 protected:
  void open(std::uint64_t kept = kKept) {
    database_.reset();
    DatabaseOptions options;
    options.memtable_bytes = 16u << 20;  // Only write_tables() makes tables.
    options.cache_bytes = 1u << 20;
    options.free_bytes_min = kept;
    options.file_system = std::shared_ptr<rocksdb::FileSystem>(disk_);
    options.on_background_error = [this](const Error& error) { failures_ += to_string(error); };
    database_ = Database::open(folder_.path() / "rocks", options).value();
  }

  // Tables with the same keys, which lie over each other until they are merged.
  void write_tables(int count) {
    for (int table = 0; table < count; ++table) {
      RowChanges rows;
      for (int row = 0; row < kRowsOfATable; ++row) {
        rows.push_back({Family::bytes, std::to_string(row), std::string(kBytesOfARow, 'x')});
      }
      ASSERT_TRUE(database_->write(rows, Durability::memory));
      ASSERT_TRUE(database_->write_out());
    }
  }

  std::size_t tables() const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path() / "rocks")) {
      if (file.path().extension() == ".sst") ++count;
    }
    return count;
  }

  template <typename Condition>
  static bool is_soon(const Condition& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }
  // Whether there are soon no more than so many tables.
  bool are_soon(std::size_t count) const {
    return is_soon([&] { return tables() <= count; });
  }

  testing::TemporaryFolder folder_;
  std::shared_ptr<TellingDisk> disk_ = std::make_shared<TellingDisk>();
  std::string failures_;
  std::unique_ptr<Database> database_;
};

TEST_F(RocksHeadroomTest, MergesWhereThatLeavesWhatIsKeptFree) {
  disk_->has(kAmple);
  open();
  const std::size_t before = tables();
  write_tables(8);
  EXPECT_TRUE(database_->check_headroom(kMany));
  EXPECT_TRUE(are_soon(
      before + 5));  // It begins with four, and the first has one of another family beside it.
  EXPECT_EQ(failures_, "");
}

TEST_F(RocksHeadroomTest, LetsMergesWaitThatWouldNot) {
  disk_->has(kKept + kBytesOfATable);  // For one table more.
  open();
  const std::size_t before = tables();
  write_tables(15);
  EXPECT_GE(tables(), before + 15);
  EXPECT_TRUE(database_->check_headroom(kMany));
  write_tables(1);
  const Status waiting = database_->check_headroom(kMany);
  ASSERT_FALSE(waiting);
  EXPECT_EQ(waiting.error().code, ErrorCode::disk_full);
  EXPECT_THAT(waiting.error().message, HasSubstr("tables of bytes wait to be merged"));
  EXPECT_TRUE(database_->takes_writes());

  // Nobody merges at the next start either.
  open();
  EXPECT_FALSE(database_->check_headroom(kMany));
  std::this_thread::sleep_for(kLongEnoughToMerge);
  EXPECT_GE(tables(), before + 16);

  // Once there is room they do, without a write.
  disk_->has(kAmple);
  EXPECT_TRUE(database_->check_headroom(kMany));
  EXPECT_TRUE(are_soon(before + 5));
  EXPECT_TRUE(database_->takes_writes());
  EXPECT_EQ(failures_, "");
}

// Until a merge is done, what it writes is nobody else's.
TEST_F(RocksHeadroomTest, PromisesWhatMergesAreAboutToWrite) {
  disk_->has(kAmple);
  open();
  std::atomic<bool> is_done = false;
  std::atomic<std::uint64_t> most = 0;
  std::thread watching([&] {
    while (!is_done) most = std::max<std::uint64_t>(most, database_->merging_bytes());
  });
  write_tables(12);
  EXPECT_TRUE(are_soon(6));
  is_done = true;
  watching.join();
  EXPECT_GE(most, 2 * kBytesOfATable);
  EXPECT_TRUE(is_soon([&] { return database_->merging_bytes() == 0; }));
}

// RocksDB would let a flush wait for a merge at 20 tables, and at 36 each write.
TEST_F(RocksHeadroomTest, WritesTablesAndCompactsHoweverManyWait) {
  disk_->has(kKept);
  open();
  write_tables(24);
  EXPECT_FALSE(database_->check_headroom(24));
  EXPECT_TRUE(database_->check_headroom(25));
  std::atomic<bool> is_cancelled = false;
  const Status compacted = database_->compact(Family::bytes, kBytesOfATable, is_cancelled);
  EXPECT_TRUE(compacted) << to_string(compacted.error());
  EXPECT_TRUE(database_->check_headroom(kMany));
  EXPECT_EQ(failures_, "");
}

// The control: what waits above is merged where nothing is kept.
TEST_F(RocksHeadroomTest, MergesWhateverTheDiskHasWhereNothingIsKept) {
  disk_->has(0);
  open(/*kept=*/0);
  const std::size_t before = tables();
  write_tables(16);
  EXPECT_TRUE(database_->check_headroom(kMany));
  EXPECT_TRUE(are_soon(before + 5));
}

// Who asks for one has looked whether what is left fits.
TEST_F(RocksHeadroomTest, DoesNotHoldUpACompactionThatIsAskedFor) {
  disk_->has(kKept);
  open();
  write_tables(6);
  EXPECT_GE(tables(), 6u);
  std::atomic<bool> is_cancelled = false;
  const Status compacted = database_->compact(Family::bytes, kBytesOfATable, is_cancelled);
  EXPECT_TRUE(compacted) << to_string(compacted.error());
  EXPECT_TRUE(are_soon(2));
  // The others go on waiting.
  write_tables(6);
  std::this_thread::sleep_for(kLongEnoughToMerge);
  EXPECT_GE(tables(), 7u);
  EXPECT_EQ(failures_, "");
}

}  // namespace
}  // namespace emstore::store
