// The canonical form of schemas, as the log keeps it, against tests/golden/schemas.json: what was
// written once is read for ever, and written again as it was.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/pack.h"
#include "store/schema.h"

namespace emstore::store {
namespace {

TEST(GoldenSchemas, AreReadAndWrittenAsTheyWere) {
  std::ifstream file(EMSTORE_SOURCE "/tests/golden/schemas.json");
  const auto json = nlohmann::json::parse(file);
  ASSERT_GE(json.at("schemas").size(), 2U);
  for (const auto& one : json.at("schemas")) {
    const std::string name = one.at("name");
    const auto canonical = pack::read(from_hex(one.at("hex").get<std::string>()).value());
    ASSERT_TRUE(canonical) << name;
    const auto schema = schema_of(*canonical->if_map(), 1);
    ASSERT_TRUE(schema) << name << ": " << to_string(schema.error());
    EXPECT_EQ(to_hex(pack::to_bytes(to_value(*schema))), one.at("hex").get<std::string>()) << name;
  }
}

}  // namespace
}  // namespace emstore::store
