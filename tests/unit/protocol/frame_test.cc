#include "protocol/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <ostream>

#include "base/hash.h"
#include "base/pack.h"

namespace emstore::protocol {
namespace {

constexpr std::size_t kBytesMax = 1U << 20U;
constexpr std::size_t kDepthMax = 64;

std::string bytes_of(std::string_view hex) { return from_hex(hex).value(); }

void feed(Cutter& cutter, std::string_view bytes) {
  if (bytes.empty()) return;
  const std::span<char> space = cutter.space(bytes.size());
  ASSERT_GE(space.size(), bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  cutter.filled(bytes.size());
}

// Every message that is whole by now, appended to `messages`; the error, if one came.
std::optional<Error> drain(Cutter& cutter, std::vector<std::string>& messages) {
  while (true) {
    const auto message = cutter.next();
    if (!message) return message.error();
    if (!message->has_value()) return std::nullopt;
    messages.emplace_back(**message);
  }
}

// One message of every first byte that MessagePack has.
std::vector<std::string> every_kind() {
  std::vector<std::string> messages;
  for (unsigned first = 0; first < 256; ++first) {
    const pack::Shape shape =
        first >= 0xC0 && first < 0xE0 ? pack::kHeadForms[first - 0xC0].shape : pack::Shape::null;
    if (shape == pack::Shape::unused) continue;
    std::string message(1, static_cast<char>(first));
    // A length of 1 for those that have one; lists and maps of nulls.
    message.resize(pack::head_length(static_cast<unsigned char>(first)), '\0');
    if (shape == pack::Shape::extension && pack::kHeadForms[first - 0xC0].fixed_size == 0) {
      message[message.size() - 2] = 1;
    } else if (message.size() > 1) {
      message.back() = 1;
    }
    const pack::Head head = pack::head_of(message.data());
    const bool is_map = head.shape == pack::Shape::map;
    const bool is_sized = is_map || head.shape == pack::Shape::list ||
                          head.shape == pack::Shape::text || head.shape == pack::Shape::binary ||
                          head.shape == pack::Shape::extension;
    if (is_sized) message.append((is_map ? 2 : 1) * head.size, '\xC0');
    messages.push_back(message);
  }
  messages.push_back(pack::to_bytes(List{
      0, 7, "updateOne",
      List{"products", 1, Map{{"gallery", Map{{"$attach", List{17, 18}}}}}, Map{{"key", "k"}}}}));
  return messages;
}

std::string joined(const std::vector<std::string>& messages) {
  std::string stream;
  for (const std::string& message : messages) stream += message;
  return stream;
}

TEST(Cutter, GivesTheSameMessagesForEverySplit) {
  const std::vector<std::string> expected = every_kind();
  const std::string stream = joined(expected);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    Cutter cutter(kBytesMax, kDepthMax);
    std::vector<std::string> messages;
    feed(cutter, std::string_view(stream).substr(0, cut));
    ASSERT_EQ(drain(cutter, messages), std::nullopt) << cut;
    ASSERT_EQ(cutter.is_within_message(), joined(messages).size() < cut) << cut;
    feed(cutter, std::string_view(stream).substr(cut));
    ASSERT_EQ(drain(cutter, messages), std::nullopt) << cut;
    ASSERT_EQ(messages, expected) << cut;
    ASSERT_FALSE(cutter.is_within_message());
  }
}

TEST(Cutter, GivesTheSameMessagesByteByByte) {
  const std::vector<std::string> expected = every_kind();
  Cutter cutter(kBytesMax, kDepthMax);
  std::vector<std::string> messages;
  for (const char byte : joined(expected)) {
    feed(cutter, {&byte, 1});
    ASSERT_EQ(drain(cutter, messages), std::nullopt);
  }
  EXPECT_EQ(messages, expected);
}

TEST(Cutter, KeepsEarlierMessagesUntilItIsGivenSpace) {
  Cutter cutter(kBytesMax, kDepthMax);
  feed(cutter, bytes_of("a16193010203c0"));
  const std::string_view first = cutter.next().value().value();
  const std::string_view second = cutter.next().value().value();
  const std::string_view third = cutter.next().value().value();
  EXPECT_EQ(to_hex(first) + to_hex(second) + to_hex(third), "a16193010203c0");
}

TEST(Cutter, TakesAMessageOfExactlyTheLimit) {
  const std::string message = pack::to_bytes(Binary{std::string(995, 'x')});
  ASSERT_EQ(message.size(), 998U);
  Cutter cutter(998, kDepthMax);
  feed(cutter, message);
  EXPECT_EQ(cutter.next().value(), message);
  Cutter narrower(997, kDepthMax);
  feed(narrower, message);
  EXPECT_EQ(narrower.next().error().code, ErrorCode::message_too_large);
}

// The bytes of a list of short texts are counted as they arrive, whatever the list claims.
TEST(Cutter, RefusesTheShortValueThatIsTooMuch) {
  const std::string text = pack::to_bytes(std::string(40, 'x'));
  const std::string head = bytes_of("dc0064");  // A hundred values.
  Cutter cutter(1'000, kDepthMax);
  feed(cutter, head);
  std::size_t taken = head.size() + 100;
  while (taken + text.size() - 1 <= 1'000) {
    feed(cutter, text);
    EXPECT_EQ(cutter.next().value(), std::nullopt);
    taken += text.size() - 1;
  }
  feed(cutter, text);
  EXPECT_EQ(cutter.next().error().code, ErrorCode::message_too_large);
  Cutter at_once(1'000, kDepthMax);
  std::string all = head;
  for (int i = 0; i < 50; ++i) all += text;
  feed(at_once, all);
  EXPECT_EQ(at_once.next().error(), cutter.next().error());
}

TEST(Cutter, TakesADepthOfExactlyTheLimit) {
  Cutter cutter(kBytesMax, 3);
  feed(cutter, bytes_of("919190"));
  EXPECT_TRUE(cutter.next().value().has_value());
  feed(cutter, bytes_of("91919190"));
  EXPECT_EQ(cutter.next().error().code, ErrorCode::depth_exceeded);
}

TEST(Cutter, CountsTheValuesOfAMessage) {
  for (const auto& [message, values] :
       {std::pair("92c0c0", 3U), {"9190", 2U}, {"81a161c3", 3U}, {"93a161c4020102c0", 4U}}) {
    Cutter cutter(kBytesMax, kDepthMax);
    feed(cutter, bytes_of("c0") + bytes_of(message));
    EXPECT_TRUE(cutter.next().value().has_value());
    EXPECT_EQ(cutter.values(), 1U);
    EXPECT_TRUE(cutter.next().value().has_value());
    EXPECT_EQ(cutter.values(), values) << message;
  }
}

TEST(Cutter, GivesItsMemoryBackWhenAskedAndNothingWaits) {
  Cutter cutter(kBytesMax, kDepthMax);
  feed(cutter, bytes_of("9201"));
  ASSERT_FALSE(cutter.next().value().has_value());
  const std::size_t held = cutter.held_bytes();
  cutter.release();
  EXPECT_EQ(cutter.held_bytes(), held) << "half a message waits";
  feed(cutter, bytes_of("02"));
  ASSERT_TRUE(cutter.next().value().has_value());
  cutter.release();
  EXPECT_LT(cutter.held_bytes(), 64U);
  feed(cutter, bytes_of("9102"));
  EXPECT_EQ(to_hex(cutter.next().value().value()), "9102");
}

// Maps whose only value is the next one.
std::string nested_maps(std::size_t depth) {
  std::string bytes = bytes_of("81");
  for (std::size_t level = 1; level < depth; ++level) bytes += bytes_of("a081");
  return bytes;
}

struct Bomb {
  const char* what;
  std::string bytes;
  ErrorCode code;
};

void PrintTo(const Bomb& bomb, std::ostream* out) { *out << to_hex(bomb.bytes); }

class CutterRefuses : public testing::TestWithParam<Bomb> {};

// At the byte named, with nothing else having arrived, and without memory for what is claimed.
TEST_P(CutterRefuses, WhileItIsStillArriving) {
  Cutter cutter(kBytesMax, kDepthMax);
  const std::string& bytes = GetParam().bytes;
  for (std::size_t place = 0; place + 1 < bytes.size(); ++place) {
    feed(cutter, {&bytes[place], 1});
    ASSERT_TRUE(cutter.next().has_value()) << "refused too early, at byte " << place;
  }
  feed(cutter, {&bytes.back(), 1});
  const auto refused = cutter.next();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, GetParam().code);
  EXPECT_FALSE(refused.error().message.empty());
  EXPECT_EQ(cutter.next().error(), refused.error());
  EXPECT_LE(cutter.space(1).size(), 4096U);
}

INSTANTIATE_TEST_SUITE_P(
    Bombs, CutterRefuses,
    testing::Values(
        Bomb{"TextOfFourGiB", bytes_of("dbffffffff"), ErrorCode::message_too_large},
        Bomb{"BinaryOfFourGiB", bytes_of("c6ffffffff"), ErrorCode::message_too_large},
        Bomb{"ExtensionOfFourGiB", bytes_of("c9ffffffff01"), ErrorCode::message_too_large},
        Bomb{"ListOfFourGi", bytes_of("ddffffffff"), ErrorCode::message_too_large},
        Bomb{"MapOfFourGi", bytes_of("dfffffffff"), ErrorCode::message_too_large},
        Bomb{"MapOfHalfTheLimit", bytes_of("df00080000"), ErrorCode::message_too_large},
        Bomb{"ListsOfHalfTheLimitEach", bytes_of("93dd0007fff0dd0007fff0dd0007fff0"),
             ErrorCode::message_too_large},
        Bomb{"TextBesideValuesToCome", bytes_of("dc0020db000fffe0"), ErrorCode::message_too_large},
        Bomb{"DepthOfLists", std::string(kDepthMax + 1, '\x91'), ErrorCode::depth_exceeded},
        Bomb{"DepthOfMaps", nested_maps(kDepthMax + 1), ErrorCode::depth_exceeded},
        Bomb{"UnusedByte", bytes_of("c1"), ErrorCode::malformed_message},
        Bomb{"UnusedByteWithin", bytes_of("9200c1"), ErrorCode::malformed_message}),
    [](const auto& bomb) { return bomb.param.what; });

TEST(Cutter, RefusesADepthOfAMillionAtTheLimit) {
  Cutter cutter(kBytesMax, kDepthMax);
  feed(cutter, std::string(1'000'000, '\x91'));
  EXPECT_EQ(cutter.next().error().code, ErrorCode::depth_exceeded);
}

TEST(Cutter, GivesItsMemoryBackAfterALargeMessage) {
  Cutter cutter(8U << 20U, kDepthMax);
  const std::string large = pack::to_bytes(Binary{std::string(7U << 20U, 'x')});
  feed(cutter, large);
  ASSERT_EQ(cutter.next().value(), large);
  EXPECT_LE(cutter.space(4096).size(), 1U << 20U);
}

// What has been taken leaves: the buffer of a long stream stays small.
TEST(Cutter, StaysSmallOverALongStream) {
  Cutter cutter(kBytesMax, kDepthMax);
  const std::string message = pack::to_bytes(Binary{std::string(3000, 'x')});
  std::string stream;
  for (int round = 0; round < 40; ++round) stream += message;
  std::size_t largest = 0;
  std::size_t count = 0;
  for (std::size_t place = 0; place < stream.size(); place += 4096) {
    const auto piece = std::string_view(stream).substr(place, 4096);
    feed(cutter, piece);
    std::vector<std::string> messages;
    ASSERT_EQ(drain(cutter, messages), std::nullopt);
    count += messages.size();
    largest = std::max(largest, cutter.space(4096).size());
  }
  EXPECT_EQ(count, 40U);
  EXPECT_LE(largest, 32U << 10U);
}

// A large message is read to its end and little further, or what follows would be moved again and
// again: with each piece of an upload the next one begins.
TEST(Cutter, GivesLargeMessagesOneAfterTheOther) {
  std::string stream;
  std::vector<std::string> expected;
  for (const std::size_t size : {1'048'576, 1'048'576, 10, 300'000, 262'100, 1'048'576, 5}) {
    expected.push_back(pack::to_bytes(List{"piece", Binary{std::string(size, 'x')}}));
    stream += expected.back();
  }
  constexpr std::size_t kWanted = 65'536;
  for (const std::size_t received : {std::size_t{999}, std::size_t{kWanted}, stream.size()}) {
    Cutter cutter(8U << 20U, kDepthMax);
    std::vector<std::string> messages;
    for (std::size_t place = 0; place < stream.size();) {
      const std::span<char> space = cutter.space(kWanted);
      ASSERT_GE(space.size(), kWanted);
      const std::size_t count = std::min({space.size(), received, stream.size() - place});
      std::memcpy(space.data(), stream.data() + place, count);
      cutter.filled(count);
      place += count;
      ASSERT_EQ(drain(cutter, messages), std::nullopt);
    }
    ASSERT_EQ(messages, expected) << received;
  }

  Cutter cutter(8U << 20U, kDepthMax);
  feed(cutter, std::string_view(expected[0]).substr(0, 500'000));
  ASSERT_EQ(cutter.next().value(), std::nullopt);
  EXPECT_LE(cutter.space(kWanted).size(), expected[0].size() - 500'000);
  feed(cutter, std::string_view(expected[0]).substr(500'000, 548'000));
  ASSERT_EQ(cutter.next().value(), std::nullopt);
  EXPECT_EQ(cutter.space(kWanted).size(), kWanted) << "also of what follows";
}

}  // namespace
}  // namespace emstore::protocol
