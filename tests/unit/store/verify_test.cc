#include "store/verify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

class VerifyTest : public ::testing::Test, public TestStore {
 protected:
  VerifyTest() {
    apply(shop_schema());
    for (int i = 0; i < 20; ++i) must(insert("products", {{"name", std::string(300, 'x')}}));
  }

  bool is_fold_folder_there() const { return std::filesystem::exists(fold_room().folder); }
};

TEST_F(VerifyTest, KeepsOnDiskWhatItMayNotHold) {
  const auto verified = [this](std::size_t bytes_max, bool is_spilt) {
    store::FoldRoom room = fold_room();
    room.bytes_max = bytes_max;
    bool was_there = false;
    const auto report = store::verify(
        *view(),
        [&](std::uint64_t, std::uint64_t) { return was_there = is_fold_folder_there(), true; },
        room);
    EXPECT_TRUE(report && report->equal) << (report ? "" : to_string(report.error()));
    EXPECT_EQ(was_there, is_spilt) << bytes_max;
    EXPECT_FALSE(is_fold_folder_there());
    return report ? report->state_digest : Sha256{};
  };
  // Twenty rows of 300 bytes, and what goes with them.
  const Sha256 digest = verified(std::size_t{1} << 20, false);
  EXPECT_EQ(verified(10'000, true), digest);
  EXPECT_EQ(store::state_digest(*view()).value(), digest);
}

TEST_F(VerifyTest, RefusesADiskWithoutRoomForIt) {
  store::FoldRoom room = fold_room();
  room.bytes_max = 1'000;
  room.free_bytes_min = std::uint64_t{1} << 62;  // More than any disk has.
  const auto report = store::verify(*view(), {}, room);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::disk_full) << to_string(report.error());
  EXPECT_FALSE(is_fold_folder_there());
}

TEST_F(VerifyTest, LeavesNothingWhenItIsEnded) {
  store::FoldRoom room = fold_room();
  room.bytes_max = 1'000;
  // Asked when the fold is over: that is where the comparison begins.
  const auto report = store::verify(
      *view(), [](std::uint64_t, std::uint64_t) { return false; }, room);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::cancelled);
  EXPECT_FALSE(is_fold_folder_there());
}

TEST_F(VerifyTest, WhatAKilledOneLeftGoesWithTheNextStart) {
  close();
  std::filesystem::create_directories(fold_room().folder / "1" / "db");
  open();
  EXPECT_FALSE(is_fold_folder_there());
}

TEST_F(VerifyTest, SaysHowFarItIsAndEndsWhenTold) {
  std::uint64_t last = 0;
  const auto note = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, view()->sequence);
    last = done;
    return true;
  };
  ASSERT_TRUE(store::verify(*view(), note, fold_room()));
  EXPECT_EQ(last, view()->sequence);
}

}  // namespace
}  // namespace emstore::testing
