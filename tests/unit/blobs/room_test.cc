#include "blobs/room.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/unit/blobs/failing_system.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

constexpr std::uint64_t kDiskKeptFree = 1'000;

class RoomTest : public ::testing::Test {
 protected:
  std::optional<ErrorCode> refusal(std::uint64_t bytes) {
    const auto promise = room_.promise(bytes);
    return promise ? std::nullopt : std::optional(promise.error().code);
  }

  ScratchFolder folder_;
  Calls calls_;
  FailingSystem system_{calls_};
  const File root_{::open((folder_ / "").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  std::uint64_t elsewhere_ = 0;
  Room room_{system_, root_, folder_ / "", kDiskKeptFree, [this] { return elsewhere_; }};
};

TEST_F(RoomTest, IsPromisedToOneAtATime) {
  calls_.room = kDiskKeptFree + 150;
  {
    const auto first = room_.promise(100);
    ASSERT_TRUE(first);
    EXPECT_EQ(refusal(51), ErrorCode::disk_full);
    EXPECT_EQ(room_.check(51).error().code, ErrorCode::disk_full);
    EXPECT_EQ(refusal(50), std::nullopt);
    EXPECT_TRUE(room_.check_piece(150)) << "a piece may be one of what is promised";
    EXPECT_FALSE(room_.check_piece(151));
  }
  EXPECT_EQ(refusal(151), ErrorCode::disk_full);
  EXPECT_EQ(refusal(150), std::nullopt);
}

TEST_F(RoomTest, IsNotCountedTwiceOnceBytesAreThere) {
  calls_.room = kDiskKeptFree + 150;
  auto first = room_.promise(100);
  ASSERT_TRUE(first);
  *calls_.room -= 60;
  EXPECT_EQ(refusal(1), ErrorCode::disk_full);
  first->kept(60);
  EXPECT_EQ(refusal(50), std::nullopt);
  first->kept(1'000);  // More than it was: no more is given back.
  EXPECT_EQ(refusal(91), ErrorCode::disk_full);
  EXPECT_EQ(refusal(90), std::nullopt);
}

TEST_F(RoomTest, LeavesWhatOthersAreAboutToWrite) {
  calls_.room = kDiskKeptFree + 150;
  elsewhere_ = 100;
  EXPECT_EQ(refusal(51), ErrorCode::disk_full);
  EXPECT_EQ(refusal(50), std::nullopt);
  EXPECT_FALSE(room_.check_piece(51));
  elsewhere_ = 0;
  EXPECT_EQ(refusal(150), std::nullopt);
}

TEST_F(RoomTest, MovesWithItsPromise) {
  calls_.room = kDiskKeptFree + 100;
  auto first = room_.promise(100);
  ASSERT_TRUE(first);
  {
    const Room::Promise moved = *std::move(first);
    EXPECT_EQ(refusal(1), ErrorCode::disk_full);
  }
  EXPECT_EQ(refusal(100), std::nullopt);
}

}  // namespace
}  // namespace emstore::blobs
