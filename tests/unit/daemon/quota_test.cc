// What a quota counts and when, and who waits for it.
#include "daemon/quota.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace emstore::daemon {
namespace {

constexpr std::uint32_t kUser = 1001;

class QuotaTest : public ::testing::Test {
 protected:
  explicit QuotaTest(std::chrono::microseconds pause = {}, int times = 0)
      : quota_({.stored_bytes_max = 1'000, .count_pause_min = pause, .count_pause_times = times}) {
    quota_.count_by([this]() -> Result<store::Usage> {
      ++counts_;
      if (during_) during_();
      return rows_;
    });
  }
  bool is_let_in(std::uint64_t bytes) { return quota_.admit_upload(kUser, bytes).has_value(); }
  // Refused by a count that begins now.
  void count() { EXPECT_FALSE(is_let_in(1'000)); }

  Quota quota_;
  store::Usage rows_{.stored = 900, .unlinked = {}};
  std::function<void()> during_;
  int counts_ = 0;
};

TEST_F(QuotaTest, CountsOnlyWhereTheSumComesToTheBound) {
  EXPECT_TRUE(is_let_in(50));
  EXPECT_EQ(counts_, 1);
  EXPECT_TRUE(is_let_in(50));
  EXPECT_EQ(counts_, 1);
  EXPECT_TRUE(is_let_in(1));  // The rows have less.
  EXPECT_EQ(counts_, 2);
}

TEST_F(QuotaTest, NeverCountsForWhatIsOverTheBoundByItself) {
  EXPECT_TRUE(is_let_in(0));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(is_let_in(1'001));
  EXPECT_EQ(counts_, 1);
  EXPECT_FALSE(is_let_in(1'000));
  EXPECT_EQ(counts_, 2);
}

TEST_F(QuotaTest, LetsOthersInWhileItCounts) {
  EXPECT_TRUE(is_let_in(0));
  std::promise<void> begun, over;
  during_ = [&] {
    begun.set_value();
    over.get_future().wait();
  };
  std::thread counting([&] { EXPECT_FALSE(is_let_in(200)); });
  begun.get_future().wait();
  std::future<bool> small = std::async(std::launch::async, [&] { return is_let_in(60); });
  std::future<bool> large = std::async(std::launch::async, [&] { return is_let_in(60); });
  const auto is_answered = [](std::future<bool>& answer) {
    return answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
  };
  EXPECT_TRUE(is_answered(small) && is_answered(large));
  over.set_value();
  counting.join();
  EXPECT_NE(small.get(), large.get()) << "there is room for one of them";
  EXPECT_EQ(counts_, 2);
}

TEST_F(QuotaTest, AddsWhatWasLetInWhileItCounted) {
  EXPECT_TRUE(is_let_in(0));
  during_ = [this] {
    during_ = {};
    EXPECT_TRUE(is_let_in(60));
  };
  rows_.stored = 850;
  EXPECT_FALSE(is_let_in(101)) << "the rows that were counted may not have the 60";
  EXPECT_EQ(counts_, 2);
  EXPECT_TRUE(is_let_in(101)) << "they have not: what was let in has ended";
  EXPECT_EQ(counts_, 3);
}

TEST_F(QuotaTest, CountsWhatWasLetInUntilItIsSeen) {
  Result<blobs::Admission> admission = quota_.admit_upload(kUser, 60);
  count();
  EXPECT_FALSE(is_let_in(41));
  admission->reset();
  count();
  EXPECT_TRUE(is_let_in(100));
}

TEST_F(QuotaTest, SaysThatItCannotCount) {
  quota_.count_by([]() -> Result<store::Usage> { return failure(ErrorCode::io_failed, "no"); });
  EXPECT_EQ(quota_.admit_upload(kUser, 1).error().code, ErrorCode::io_failed);
  EXPECT_EQ(quota_.admit_named(1).error().code, ErrorCode::io_failed);
}

class TiredQuotaTest : public QuotaTest {
 protected:
  TiredQuotaTest() : QuotaTest({}, 10) {}
};

TEST_F(TiredQuotaTest, RestsTenTimesAsLongAsACountTook) {
  during_ = [] { std::this_thread::sleep_for(std::chrono::milliseconds(200)); };
  EXPECT_TRUE(is_let_in(0));
  EXPECT_FALSE(is_let_in(1'000));
  EXPECT_EQ(counts_, 1);
  while (!is_let_in(1'000) && counts_ == 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(counts_, 2);
}

class RestingQuotaTest : public QuotaTest {
 protected:
  RestingQuotaTest() : QuotaTest(std::chrono::hours(1), 0) {}
};

TEST_F(RestingQuotaTest, RestsAtLeastAsLongAsItIsTold) {
  EXPECT_TRUE(is_let_in(100));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(is_let_in(1));
  EXPECT_EQ(counts_, 1);
}

}  // namespace
}  // namespace emstore::daemon
