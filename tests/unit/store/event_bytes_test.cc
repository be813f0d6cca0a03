// Commits as bytes, against tests/golden/events.json. The vectors were written by another
// MessagePack library than ours, from docs/event-log.md, and are only added to.
#include "store/event_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "store/merkle.h"
#include "store/schema.h"

namespace emstore::store {
namespace {

using Json = nlohmann::ordered_json;

Json golden() {
  std::ifstream file(EMSTORE_SOURCE "/tests/golden/events.json");
  return Json::parse(file);
}

std::string bytes_in(const Json& json, const char* name) {
  return from_hex(json.at(name).get<std::string>()).value();
}

Sha256 digest_0_to_31() {
  Sha256 digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<std::uint8_t>(i);
  return digest;
}

Address address(std::uint8_t ordinal) {
  Address address{{}, ordinal};
  for (std::size_t i = 0; i < address.digest.size(); ++i) {
    address.digest[i] = static_cast<std::uint8_t>(0xa0 + i);
  }
  return address;
}

RecordRef product(std::uint64_t id) { return {EntityId{2}, RecordId(id)}; }
RecordRef media(std::uint64_t id) { return {kMediaEntity, RecordId(id)}; }
RecordRef product_with_uuid() {
  return {EntityId{2}, RecordId({0x01, 0x8f, 0x6b, 0x2e, 0x9c, 0x00, 0x7d, 0x3a, 0x80, 0x01, 0x02,
                                 0x03, 0x04, 0x05, 0x06, 0x07})};
}

FieldValues values(std::initializer_list<std::pair<std::uint32_t, Value>> list) {
  FieldValues values;
  for (const auto& [field, value] : list) values.set(FieldId{field}, value);
  return values;
}

Map small_schema() {
  const Map title{{"id", 1}, {"type", "text"}, {"config", Map{{"required", true}}}};
  const Map pages{
      {"id", 2}, {"type", "regular"}, {"next_field", 2}, {"fields", Map{{"title", title}}}};
  return {{"entities", Map{{"pages", pages}}}, {"next", Map{{"entity", 3}, {"index", 1}}}};
}

FieldValues media_fields(const Address& at, double size) {
  return values({{2, "image/png"},
                 {4, size},
                 {5, Binary{to_bytes(at)}},
                 {6, Binary{std::string(as_bytes(digest_0_to_31()))}}});
}

LinksChanged changed_links() {
  LinksChanged event{product(1), 45, FieldId{9}, 15, {}, {}, {}};
  event.removed = {{media(3), append_key(kFirstAppendNumber), Value()}};
  event.added = {{media(4), append_key(kFirstAppendNumber + 1), Map{{"alt", "front"}}},
                 {media(5), "\x80", Value()}};
  event.changed = {{media(6), "", "\x01\x02", Value(), Map{{"n", 1}}}};
  return event;
}

// What the golden events say, in their order.
std::vector<Event> expected_events() {
  const Value json = Map{{"a", List{1, 2.5, Value(), "é"}}};
  FieldValues front = media_fields(address(0x81), 70000);
  front.set(kMediaName, "front.png");
  return {
      RequestRecorded{"k-1", digest_0_to_31(), "price list", "c-9", "", {2, 0}, {7, 300}},
      RequestRecorded{"", {}, "by hand", "", "", {1}, {8}},
      SchemaApplied{small_schema()},
      RecordCreated{product(1), 0,
                    values({{1, "Laptop"}, {2, 999.0}, {3, true}, {4, 20779}, {5, -1}, {6, json}})},
      RecordCreated{product_with_uuid(), 0, {}},
      RecordUpdated{product(1), 43, values({{1, "Laptop"}, {7, Value()}}),
                    values({{1, "Notebook"}, {7, 1'764'000'000'123'456}})},
      RecordDeleted{product(1), 44, values({{1, "Notebook"}, {2, -0.5}})},
      changed_links(),
      MediaCreated{media(3), 0, front},
      MediaUpdated{media(3), 47, values({{32, Value()}}), values({{32, "the front"}})},
      MediaDeleted{media(3), 48, media_fields(address(0), 3)},
      BlobsCollected{{address(0), address(0x81)}},
      KeysExpired{1, 4096}};
}

CommitInfo info_of(Sequence sequence) {
  return {sequence, Time{1'764'000'000'123'456}, 2, {1000, 1001, 4242}};
}

std::vector<Salt> golden_salts(std::size_t count) {
  std::vector<Salt> salts(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t byte = 0; byte < salts[i].size(); ++byte) {
      salts[i][byte] = static_cast<std::uint8_t>(0x10 + byte + i);
    }
  }
  return salts;
}

template <typename... Facts>
std::set<std::uint16_t> codes_of(std::type_identity<std::variant<Facts...>>) {
  return {Facts::kind.code...};
}

TEST(EventBytes, HaveGoldenBytesForEveryKind) {
  std::set<std::uint16_t> seen;
  const Json vectors = golden().at("events");
  for (const Json& vector : vectors) seen.insert(vector.at("kind").get<std::uint16_t>());
  EXPECT_EQ(seen, codes_of(std::type_identity<Event>{}));
}

TEST(EventBytes, AreTheGoldenPayloadsInBothDirections) {
  const std::vector<Event> events = expected_events();
  const Json vectors = golden().at("events");
  ASSERT_EQ(vectors.size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::string name = vectors[i].at("name");
    const auto kind = vectors[i].at("kind").get<std::uint16_t>();
    EXPECT_EQ(kind_of(events[i]).code, kind) << name;
    EXPECT_EQ(kind_of(events[i]).name, vectors[i].at("event").get<std::string>()) << name;
    EXPECT_EQ(to_hex(encode_payload(events[i])), vectors[i].at("payload").get<std::string>())
        << name;
    const Result<Event> decoded = decode_payload(kind, bytes_in(vectors[i], "payload"));
    ASSERT_TRUE(decoded) << name << ": " << to_string(decoded.error());
    EXPECT_EQ(*decoded, events[i]) << name;
  }
}

TEST(EventBytes, AreTheGoldenCommitsInBothDirections) {
  const std::vector<Event> events = expected_events();
  const Json vectors = golden().at("events");
  for (std::size_t i = 0; i < events.size(); ++i) {
    const std::string name = vectors[i].at("name");
    const Commit commit{info_of(42 + i), {events[i]}};
    const CommitBytes encoded = encode(commit, golden_salts(1));
    EXPECT_EQ(to_hex(encoded.bytes), vectors[i].at("commit").get<std::string>()) << name;
    EXPECT_EQ(encoded.header, vectors[i].at("header_bytes").get<std::size_t>()) << name;
    EXPECT_EQ(to_hex(as_bytes(leaf_hash(encoded.header_bytes()))),
              vectors[i].at("leaf").get<std::string>());
    EXPECT_EQ(decode(encoded.bytes).value(), commit) << name;
    EXPECT_EQ(salts_of(encoded.bytes).value(), golden_salts(1)) << name;
  }
}

TEST(EventBytes, KeepSeveralEventsInOrder) {
  const std::vector<Event> events = expected_events();
  const Commit commit{info_of(99), {events[0], events[3], events[7]}};
  EXPECT_EQ(to_hex(encode(commit, golden_salts(3)).bytes),
            golden().at("commits")[0].at("commit").get<std::string>());
}

// Of these bytes the tree holds nothing but the header: they could say whatever somebody likes.
TEST(EventBytes, ThatSayThatTheyWereErasedAreRefusedByEveryReader) {
  const std::string bytes = bytes_in(golden().at("commits")[1], "commit");
  const std::vector<Error> errors{decode(bytes).error(), CommitParts::of(bytes).error(),
                                  salts_of(bytes).error()};
  for (const Error& error : errors) {
    EXPECT_EQ(error.code, ErrorCode::corrupt_log);
    EXPECT_EQ(error.message, "event 100.0 says that it was erased, and emstore erases nothing");
  }
}

TEST(EventBytes, OfAKindFromTheFutureAreRefusedAsSuch) {
  const Result<Commit> commit = decode(bytes_in(golden().at("commits")[2], "commit"));
  ASSERT_FALSE(commit);
  EXPECT_EQ(commit.error().code, ErrorCode::unsupported_format);
}

TEST(EventBytes, OfAFormatFromTheFutureAreRefusedAsSuch) {
  std::string bytes = bytes_in(golden().at("commits")[0], "commit");
  bytes.front() = '\x02';
  EXPECT_EQ(decode(bytes).error().code, ErrorCode::unsupported_format);
  EXPECT_EQ(decode_header(bytes).error().code, ErrorCode::unsupported_format);
}

// A body fits its commitments or is damage; a header is held by the tree.
TEST(EventBytes, AreDamagedByEveryChangedBitOfABody) {
  const Json vector = golden().at("commits")[0];
  const std::string bytes = bytes_in(vector, "commit");
  for (std::size_t bit = vector.at("header_bytes").get<std::size_t>() * 8; bit < bytes.size() * 8;
       ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    const Result<Commit> commit = decode(changed);
    ASSERT_FALSE(commit) << "bit " << bit;
    EXPECT_EQ(commit.error().code, ErrorCode::corrupt_log) << "bit " << bit;
  }
}

TEST(EventBytes, AreDamagedWhereverTheyAreCut) {
  const std::string bytes = bytes_in(golden().at("commits")[0], "commit");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(decode(bytes + '\0'));
}

TEST(EventBytes, GiveTheHeaderWithoutReadingTheEvents) {
  const Json vector = golden().at("commits")[0];
  const std::string bytes = bytes_in(vector, "commit");
  const HeaderView header = decode_header(bytes).value();
  EXPECT_EQ(header.info, info_of(99));
  EXPECT_EQ(header.kinds, (std::vector<std::uint16_t>{1, 3, 6}));
  EXPECT_EQ(header.bytes.size(), vector.at("header_bytes").get<std::size_t>());
}

}  // namespace
}  // namespace emstore::store
