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
  Pool pool("test", 4, {.waiting = 10'000});
  for (int piece = 0; piece < kPieces; ++piece) {
    for (int lane = 0; lane < kLanes; ++lane) {
      ASSERT_TRUE(pool.submit(static_cast<Pool::Lane>(lane), 0, [&, lane, piece](std::size_t) {
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
  Pool pool("test", 2, {.waiting = 10});
  ASSERT_TRUE(pool.submit(1, 0, [&](std::size_t) { release.get_future().wait(); }));
  ASSERT_TRUE(pool.submit(2, 0, [&](std::size_t) { overtaken.set_value(); }));
  overtaken.get_future().wait();
  release.set_value();
}

TEST(Pool, TakesNoMoreThanItsBound) {
  std::promise<void> started;
  std::promise<void> release;
  Pool pool("test", 1, {.waiting = 2});
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

// One thread, held up until the test lets go.
struct HeldUp {
  explicit HeldUp(const Pool::Bounds& bounds) : pool("test", 1, bounds) {
    EXPECT_TRUE(pool.submit([this](std::size_t) {
      started.set_value();
      release.get_future().wait();
    }));
    started.get_future().wait();
  }
  // Returns when everything that waited in a lane is done.
  void let_go_and_finish(Pool::Lane lane) {
    std::promise<void> done;
    EXPECT_TRUE(pool.submit(lane, 0, [&](std::size_t) { done.set_value(); }));
    release.set_value();
    done.get_future().wait();
  }
  std::promise<void> started, release;
  Pool pool;
};

TEST(Pool, TakesNoMoreBytesThanItsBound) {
  HeldUp held({.waiting = 10, .bytes = 100});
  const auto submit = [&](std::size_t bytes) {
    return held.pool.submit(1, bytes, [](std::size_t) {});
  };
  EXPECT_TRUE(submit(60));
  EXPECT_FALSE(submit(41));
  EXPECT_TRUE(submit(40));
  EXPECT_FALSE(submit(1));
  EXPECT_TRUE(submit(0));
  held.let_go_and_finish(1);
  EXPECT_TRUE(submit(100));
}

TEST(Pool, DropsALaneAtOnceAndLeavesTheOthers) {
  HeldUp held({.waiting = 10, .bytes = 100});
  const auto token = std::make_shared<int>(1);
  std::atomic<int> dropped = 0, kept = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(held.pool.submit(1, 30, [&dropped, token](std::size_t) { ++dropped; }));
  }
  ASSERT_TRUE(held.pool.submit(2, 10, [&kept](std::size_t) { ++kept; }));
  held.pool.drop(1);
  held.pool.drop(7);  // There is none.
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_EQ(held.pool.waiting(), 1u);
  EXPECT_TRUE(held.pool.submit(3, 90, [](std::size_t) {})) << "the bytes were not given back";
  held.let_go_and_finish(2);
  EXPECT_EQ(dropped, 0);
  EXPECT_EQ(kept, 1);
}

TEST(Pool, FinishesThePieceThatRunsInALaneThatIsDropped) {
  std::promise<void> started, release;
  std::atomic<int> finished = 0;
  Pool pool("test", 1, {.waiting = 10});
  ASSERT_TRUE(pool.submit(1, 0, [&](std::size_t) {
    started.set_value();
    release.get_future().wait();
    ++finished;
  }));
  started.get_future().wait();
  ASSERT_TRUE(pool.submit(1, 0, [&](std::size_t) { ++finished; }));
  pool.drop(1);
  std::promise<void> done;
  ASSERT_TRUE(pool.submit(1, 0, [&](std::size_t) { done.set_value(); }));
  release.set_value();
  done.get_future().wait();
  EXPECT_EQ(finished, 1);
}

TEST(Pool, DropsWhatWaitsWhenItIsStopped) {
  constexpr std::size_t kNeverFull = 1u << 30;
  std::promise<void> started;
  std::promise<void> release;
  std::atomic<bool> was_run = false;
  auto held = std::make_shared<int>(1);
  Pool pool("test", 1, {.waiting = kNeverFull});
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
