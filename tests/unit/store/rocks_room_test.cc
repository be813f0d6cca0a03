#include "store/rocks_room.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "store/rocks.h"
#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

// A disk on which so many pieces of room can be made, and then nothing be written but at the end of
// a file.
class WithoutRoom final : public rocksdb::FileSystemWrapper {
 public:
  explicit WithoutRoom(int pieces)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), left_(pieces) {}
  const char* Name() const override { return "WithoutRoom"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), *this);
    return status;
  }
  int refused() const { return refused_; }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, WithoutRoom& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, std::uint64_t offset,
                                       const rocksdb::IOOptions& options,
                                       rocksdb::IODebugContext* debug) override {
      if (disk_.left_-- > 0) return target()->PositionedAppend(data, offset, options, debug);
      ++disk_.refused_;
      return rocksdb::IOStatus::NoSpace("injected ENOSPC");
    }

   private:
    WithoutRoom& disk_;
  };
  int left_;
  int refused_ = 0;
};

constexpr int kPieces = 16;  // A room is made in so many at most.

class RocksRoomTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open(std::shared_ptr<rocksdb::FileSystem> files = nullptr) {
    DatabaseOptions options;
    options.memtable_bytes = 4u << 20;
    options.cache_bytes = 4u << 20;
    options.file_system = std::move(files);
    return Database::open(folder_.path() / "rocks", options).value();
  }
  static void write(Database& database, int number, std::size_t bytes) {
    const RowChange change{Family::log, std::to_string(number), std::string(bytes, 'x')};
    ASSERT_TRUE(database.write(std::span(&change, 1), Durability::synced));
  }
  static bool has(const Database& database, int number) {
    return database.snapshot()->get(Family::log, std::to_string(number))->has_value();
  }
  // Of the newest log.
  std::uintmax_t size() const {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "rocks")) {
      if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
    }
    return std::filesystem::file_size(newest);
  }

  testing::TemporaryFolder folder_;
};

TEST_F(RocksRoomTest, GrowsOnlyOnceInAGoodManyWrites) {
  auto database = open();
  write(*database, 1, 100);
  const std::uintmax_t with_room = size();
  EXPECT_GE(with_room, kRoomBytes);
  for (int number = 2; number <= 100; ++number) write(*database, number, 1'000);
  EXPECT_EQ(size(), with_room);

  // One that is larger than the room, and those after it.
  write(*database, 101, 2 * kRoomBytes);
  EXPECT_GE(size(), with_room + 2 * kRoomBytes);
  EXPECT_LE(size(), with_room + 3 * kRoomBytes);
  write(*database, 102, 100);

  database.reset();
  const auto again = open();
  for (int number = 1; number <= 102; ++number) EXPECT_TRUE(has(*again, number)) << number;
}

TEST_F(RocksRoomTest, MakesNoneBehindALargeWrite) {
  auto database = open();
  write(*database, 1, 100);
  write(*database, 2, kRoomBytes);
  EXPECT_LT(size(), kRoomBytes + 10'000U);
  write(*database, 3, 100);
  EXPECT_GE(size(), 2 * kRoomBytes);
}

TEST_F(RocksRoomTest, TakesTheRoomOffAtTheEnd) {
  auto database = open();
  write(*database, 1, 100);
  database.reset();
  EXPECT_LT(size(), 10'000U);
}

TEST_F(RocksRoomTest, GoesWithoutWhereThereIsNone) {
  const auto files = std::make_shared<WithoutRoom>(0);
  auto database = open(files);
  write(*database, 1, 100);
  EXPECT_LT(size(), 10'000U);
  for (int number = 2; number <= 100; ++number) write(*database, number, 1'000);
  EXPECT_LT(size(), 200'000U);
  EXPECT_EQ(files->refused(), 1) << "it is not asked for again and again";
  database.reset();
  const auto again = open();
  for (int number = 1; number <= 100; ++number) EXPECT_TRUE(has(*again, number)) << number;
}

TEST_F(RocksRoomTest, EndsWithItsLastRecordThoughItHasOutgrownItsRoom) {
  const auto files = std::make_shared<WithoutRoom>(kPieces + 1);  // Of the next room a part.
  auto database = open(files);
  constexpr int kWrites = 40;
  const std::size_t bytes = kRoomBytes / 20;
  for (int number = 1; number <= kWrites; ++number) write(*database, number, bytes);
  EXPECT_EQ(files->refused(), 1);
  database.reset();
  EXPECT_LT(size(), kWrites * bytes + 10'000U);
  const auto again = open();
  for (int number = 1; number <= kWrites; ++number) EXPECT_TRUE(has(*again, number)) << number;
}

}  // namespace
}  // namespace emstore::store
