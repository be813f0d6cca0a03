#include "store/log_clock.h"

#include <gtest/gtest.h>

#include <vector>

namespace emstore::store {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

class SetClock final : public Environment {
 public:
  Time now() override { return Time{micros}; }
  std::chrono::microseconds elapsed() override { return std::chrono::microseconds(passed); }
  void random(std::span<std::uint8_t>) override {}
  void pass(std::int64_t time) {
    micros += time;
    passed += time;
  }
  std::int64_t micros = 1'000 * kSecond;
  std::int64_t passed = 5 * kSecond;
};

class ALogClock : public ::testing::Test {
 protected:
  std::int64_t now(std::int64_t log) { return clock_.now(Time{log}).micros; }

  SetClock system_;
  std::vector<std::int64_t> told_;
  LogClock clock_{system_,
                  [this](std::chrono::microseconds behind) { told_.push_back(behind.count()); }};
};

TEST_F(ALogClock, IsTheSystemsClock) {
  EXPECT_EQ(now(5), system_.micros);
  EXPECT_EQ(now(system_.micros), system_.micros);
  EXPECT_TRUE(told_.empty());
}

TEST_F(ALogClock, GoesOnWhereTheSystemsClockIsBehindTheLog) {
  const std::int64_t log = system_.micros + 3'600 * kSecond;
  EXPECT_EQ(now(log), log);
  system_.pass(8 * kSecond);
  EXPECT_EQ(now(log), log + 4 * kSecond);
  const std::int64_t next = log + 4 * kSecond;  // A commit of that time.
  system_.pass(kSecond);
  EXPECT_EQ(now(next), next + kSecond / 2);
  EXPECT_EQ(told_, std::vector<std::int64_t>{3'600 * kSecond});
}

TEST_F(ALogClock, IsTheSystemsAgainOnceThatHasCaughtUp) {
  const std::int64_t log = system_.micros + 10 * kSecond;
  EXPECT_EQ(now(log), log);
  system_.micros = log + 1;
  EXPECT_EQ(now(log), log + 1);
}

TEST_F(ALogClock, NeverGoesBackAndTellsEachFall) {
  const std::int64_t log = system_.micros;
  system_.micros -= 20 * kSecond;
  EXPECT_EQ(now(log), log);
  system_.micros -= 10 * kSecond;
  EXPECT_EQ(now(log), log);
  system_.micros -= kSecond / 2;
  EXPECT_EQ(now(log), log);
  EXPECT_EQ(told_, (std::vector<std::int64_t>{20 * kSecond, 30 * kSecond}));
}

// To put a clock right in steps is no time that passes.
TEST_F(ALogClock, LeapsOnlyWhereTheSystemsClockLeapsBeyondIt) {
  const std::int64_t log = system_.micros + 3'600 * kSecond;
  EXPECT_EQ(now(log), log);
  for (int i = 0; i < 5; ++i) {
    system_.micros -= 2'000 * kSecond;
    EXPECT_EQ(now(log), log);
    system_.micros += 2'000 * kSecond;
    EXPECT_EQ(now(log), log);
  }
  system_.micros = log + 60 * kSecond;
  EXPECT_EQ(now(log), log + 60 * kSecond);
}

TEST_F(ALogClock, LosesNothingHoweverOftenItIsAsked) {
  const std::int64_t log = system_.micros + kSecond;
  EXPECT_EQ(now(log), log);
  for (int i = 0; i < 1'000; ++i) {
    system_.pass(1);
    now(log);
  }
  EXPECT_EQ(now(log), log + 500);
}

// Nobody has to commit for it.
TEST_F(ALogClock, DoesNotGoBackWhenTheSystemsClockComesToTheLog) {
  const std::int64_t log = system_.micros + 10 * kSecond;
  EXPECT_EQ(now(log), log);
  system_.pass(8 * kSecond);
  EXPECT_EQ(now(log), log + 4 * kSecond);
  system_.micros += 3 * kSecond;  // Beyond the log by a second.
  EXPECT_EQ(now(log), log + 4 * kSecond);
  system_.pass(6 * kSecond);
  EXPECT_EQ(now(log), log + 7 * kSecond);
  system_.pass(kSecond);
  EXPECT_EQ(now(log), log + 8 * kSecond) << "the clock has caught up";
}

}  // namespace
}  // namespace emstore::store
