#include "daemon/reactor.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace emstore::daemon {
namespace {

class Reactors : public ::testing::TestWithParam<int> {};

TEST_P(Reactors, RunWhatOtherThreadsDeliverInOrder) {
  Reactor reactor{std::chrono::microseconds(GetParam())};
  std::vector<int> order;
  std::thread other([&] {
    for (int count = 0; count < 1'000; ++count) {
      reactor.deliver([&order, count] { order.push_back(count); });
    }
    reactor.deliver([&reactor] { reactor.stop(); });
  });
  reactor.run();
  other.join();
  EXPECT_EQ(order.size(), 1'000u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST_P(Reactors, RunWhatIsDeferredAfterWhatIsReady) {
  Reactor reactor{std::chrono::microseconds(GetParam())};
  std::vector<int> order;
  std::vector<Task<>> ready;
  ready.emplace_back([&] {
    reactor.defer([&] {
      order.push_back(3);
      reactor.stop();
    });
    order.push_back(1);
  });
  ready.emplace_back([&] { order.push_back(2); });
  reactor.deliver(std::move(ready));
  reactor.run();
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST_P(Reactors, CarryWhatCanOnlyBeMoved) {
  Reactor reactor{std::chrono::microseconds(GetParam())};
  int seen = 0;
  reactor.deliver([&, value = std::make_unique<int>(7)] {
    seen = *value;
    reactor.stop();
  });
  reactor.run();
  EXPECT_EQ(seen, 7);
}

INSTANTIATE_TEST_SUITE_P(Spin, Reactors, ::testing::Values(0, 50));

}  // namespace
}  // namespace emstore::daemon
