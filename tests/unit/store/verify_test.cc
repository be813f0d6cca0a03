#include "store/verify.h"

#include <gtest/gtest.h>

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

  bool fits(std::size_t bytes) const {
    const Result<store::VerifyReport> report = store::verify(*view(), {}, bytes);
    if (report) {
      EXPECT_TRUE(report->equal);
      return true;
    }
    EXPECT_EQ(report.error().code, ErrorCode::result_too_large) << to_string(report.error());
    EXPECT_EQ(report.error().hint, "raise limits.verify_memory");
    return false;
  }
};

TEST_F(VerifyTest, HoldsNoMoreRowsThanItMay) {
  std::size_t least = 0, enough = 1u << 20;
  ASSERT_TRUE(fits(enough));
  while (least + 1 < enough) {
    const std::size_t middle = (least + enough) / 2;
    (fits(middle) ? enough : least) = middle;
  }
  // Twenty rows of 300 bytes, and what goes with them.
  EXPECT_GT(enough, 20u * 300);
  EXPECT_LT(enough, 20u * 3'000);
  must(insert("products", {{"name", "one more"}}));
  EXPECT_FALSE(fits(enough));
}

TEST_F(VerifyTest, SaysHowFarItIsAndEndsWhenTold) {
  std::uint64_t last = 0;
  ASSERT_TRUE(store::verify(*view(), [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, view()->sequence);
    last = done;
    return true;
  }));
  EXPECT_EQ(last, view()->sequence);
}

}  // namespace
}  // namespace emstore::testing
