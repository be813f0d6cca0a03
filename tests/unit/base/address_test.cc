#include "base/address.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace emstore {
namespace {

const std::string kDigestHex = "06b05ab6733a618578af5f94892f3950";

Address address(std::uint8_t ordinal) { return {xxh3_128("abc"), ordinal}; }

TEST(AddressText, NamesTheOrdinalUnlessItIsZero) {
  EXPECT_EQ(to_string(address(0)), "xxh3-128:" + kDigestHex);
  EXPECT_EQ(to_string(address(1)), "xxh3-128:" + kDigestHex + ".1");
  EXPECT_EQ(to_string(address(kFirstFileOrdinal)), "xxh3-128:" + kDigestHex + ".128");
}

TEST(AddressText, ReadsBackEveryOrdinalAndTellsThemApart) {
  std::set<std::string> texts;
  for (unsigned ordinal = 0; ordinal < 256; ++ordinal) {
    const Address expected = address(static_cast<std::uint8_t>(ordinal));
    EXPECT_EQ(address_of(to_string(expected)), expected) << ordinal;
    EXPECT_EQ(expected.is_file(), ordinal >= 128) << ordinal;
    texts.insert(to_string(expected));
  }
  EXPECT_EQ(texts.size(), 256u);
}

TEST(AddressText, RefusesEveryOtherText) {
  const std::string good = "xxh3-128:" + kDigestHex;
  ASSERT_TRUE(address_of(good).has_value());
  for (const std::string& text : {std::string(),
                                  std::string("xxh3-128:"),
                                  kDigestHex,
                                  "sha256:" + kDigestHex,
                                  good + ".",
                                  good + ".0",
                                  good + ".01",
                                  good + ".256",
                                  good + ".-1",
                                  good + ".+1",
                                  good + ".1.",
                                  good + ".1x",
                                  good + "1",
                                  good + "x1",
                                  good + " ",
                                  " " + good,
                                  good.substr(0, good.size() - 1),
                                  good + "00",
                                  good + std::string(1, '\0'),
                                  "XXH3-128:" + kDigestHex,
                                  std::string("xxh3-128:../../../../../../etc/passwd"),
                                  std::string("xxh3-128:06B05AB6733A618578AF5F94892F3950")}) {
    EXPECT_FALSE(address_of(text).has_value()) << text;
  }
}

TEST(AddressBytes, AreTheDigestThenTheOrdinal) {
  const std::string bytes = to_bytes(address(200));
  EXPECT_EQ(to_hex(bytes), kDigestHex + "c8");
  EXPECT_EQ(address_of_bytes(bytes), address(200));
}

TEST(AddressBytes, RefuseEveryOtherLength) {
  const std::string bytes = to_bytes(address(200)) + "x";
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(address_of_bytes(bytes.substr(0, size)).has_value(), size == 17) << size;
  }
}

}  // namespace
}  // namespace emstore
