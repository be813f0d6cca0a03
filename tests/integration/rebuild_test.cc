// A rebuild of the indexes while clients write and read.
#include <gtest/gtest.h>

#include "stores.h"

namespace emstore::testing {
namespace {

TEST(Rebuild, GoesOnBesideWritersAndReaders) {
  // A table so small that it is written out on the way.
  RunningDaemon running([](daemon::Config& config) { config.store.rebuild_bytes_max = 200'000; });
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 100);
  ShopUsers users(running, 3);
  std::int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const Map report = job(wire, "rebuild");
    ASSERT_FALSE(report.contains("error")) << to_string(Value(report));
    EXPECT_FALSE(truth_at(report, "mended")) << to_string(Value(report));
    EXPECT_GT(integer_at(report, "sequence"), last);
    last = integer_at(report, "sequence");
    EXPECT_GE(*report.find("paused")->if_number(), 0.0);
  }
  EXPECT_GT(users.stop(), 10);
  const Proof before = proof_of(wire);
  const Map report = job(wire, "rebuild");
  EXPECT_EQ(text_at(report, "state_digest"), before.state_digest);
  EXPECT_EQ(proof_of(wire), before);
  running.restart();
  Wire again = running.connect();
  EXPECT_EQ(proof_of(again), before);
}

TEST(Rebuild, CanBeCancelled) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 20);
  const Proof before = proof_of(wire);
  running.app().writer().pause();
  // It waits for the writer, so that it is not done before it is cancelled.
  const std::string id = text_at(wire.result("rebuild"), "job");
  await_status(wire, [&](const Map&) {
    return text_at(wire.result("job.get", {id}), "state") == "running";
  });
  wire.result("job.cancel", {id});
  running.app().writer().resume();
  Map state;
  do {
    state = wire.result("job.get", {id});
  } while (text_at(state, "state") == "running");
  EXPECT_EQ(text_at(state, "state"), "cancelled");
  EXPECT_EQ(proof_of(wire), before);
  EXPECT_FALSE(truth_at(job(wire, "rebuild"), "mended"));
}

// The daemon stops at once, whatever a rebuild waits for.
TEST(Rebuild, HoldsUpNoStop) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 20);
  for (int i = 0; i < 5; ++i) {
    Wire asking = running.connect();
    asking.result("rebuild");
    running.restart();
  }
  Wire again = running.connect();
  expect_verified(again);
}

}  // namespace
}  // namespace emstore::testing
