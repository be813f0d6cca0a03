#include "daemon/pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <vector>

namespace emstore::daemon {
namespace {

TEST(Pool, DoesTheWorkOfALaneInOrderOnManyThreads) {
  constexpr int kLanes = 3;
  constexpr int kPieces = 200;
  std::vector<std::vector<int>> done(kLanes);
  std::atomic<int> left = kLanes * kPieces;
  std::promise<void> all_done;
  Pool pool("test", 4, 10'000);
  for (int piece = 0; piece < kPieces; ++piece) {
    for (int lane = 0; lane < kLanes; ++lane) {
      ASSERT_TRUE(pool.submit(static_cast<Pool::Lane>(lane), [&, lane, piece](std::size_t) {
        done[static_cast<std::size_t>(lane)].push_back(piece);  // One at a time, or TSan says so.
        if (--left == 0) all_done.set_value();
      }));
    }
  }
  all_done.get_future().wait();
  for (const std::vector<int>& pieces : done) EXPECT_TRUE(std::ranges::is_sorted(pieces));
  EXPECT_EQ(pool.waiting(), 0u);
}

TEST(Pool, LetsALaneOvertakeOneThatIsHeldUp) {
  std::promise<void> release;
  std::promise<void> overtaken;
  Pool pool("test", 2, 10);
  ASSERT_TRUE(pool.submit(1, [&](std::size_t) { release.get_future().wait(); }));
  ASSERT_TRUE(pool.submit(2, [&](std::size_t) { overtaken.set_value(); }));
  overtaken.get_future().wait();
  release.set_value();
}

TEST(Pool, TakesNoMoreThanItsBound) {
  std::promise<void> started;
  std::promise<void> release;
  Pool pool("test", 1, 2);
  ASSERT_TRUE(pool.submit([&](std::size_t) {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.submit([](std::size_t) {}));
  EXPECT_TRUE(pool.submit([](std::size_t) {}));
  EXPECT_FALSE(pool.submit([](std::size_t) {}));
  release.set_value();
}

TEST(Pool, DropsWhatWaitsWhenItIsStopped) {
  constexpr std::size_t kNeverFull = 1u << 30;
  std::promise<void> started;
  std::promise<void> release;
  std::atomic<bool> was_run = false;
  auto held = std::make_shared<int>(1);
  Pool pool("test", 1, kNeverFull);
  ASSERT_TRUE(pool.submit([&](std::size_t) {
    started.set_value();
    release.get_future().wait();
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.submit([&was_run, held](std::size_t) { was_run = true; }));
  std::thread stopper([&] { pool.stop(); });
  // Once it stops, it takes nothing more.
  while (pool.submit([](std::size_t) {})) std::this_thread::yield();
  release.set_value();
  stopper.join();
  EXPECT_FALSE(was_run);
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace emstore::daemon
