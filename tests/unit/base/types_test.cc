#include "base/types.h"

#include <gtest/gtest.h>

namespace emstore {
namespace {

constexpr std::string_view kUuid = "0190163d-8694-739b-aea5-966c26f8ad91";

TEST(RecordId, IsAnIntegerFromOneOrAUuid) {
  EXPECT_EQ(to_string(record_id_of(17).value()), "17");
  EXPECT_EQ(to_string(record_id_of(kUuid).value()), kUuid);
  EXPECT_EQ(to_value(RecordId(17)), Value(17));
  EXPECT_EQ(to_value(record_id_of(kUuid).value()), Value(kUuid));
}

TEST(RecordId, IsNothingElse) {
  for (const Value& value :
       {Value(), Value(0), Value(-1), Value(1.0), Value("17"), Value(""), Value(List{1}),
        Value("0190163d-8694-739b-aea5-966c26f8ad9"), Value("0190163d-8694-739b-aea5-966c26f8ad9g"),
        Value("0190163d8694-739b-aea5-966c26f8ad9100"), Value(std::string(36, '-'))}) {
    EXPECT_EQ(record_id_of(value), std::nullopt) << to_string(value);
  }
}

TEST(RecordId, OrdersIntegersByValueAndUuidsAfterThem) {
  EXPECT_LT(RecordId(2), RecordId(10));
  EXPECT_LT(RecordId(10), record_id_of(kUuid).value());
}

}  // namespace
}  // namespace emstore
