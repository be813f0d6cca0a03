// Rows as bytes, against tests/golden/rows.json, which was written by another MessagePack library
// than ours, from docs/event-log.md, and is only added to.
#include "store/row_bytes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/hash.h"
#include "store/contents.h"
#include "store/event_bytes.h"
#include "store/family.h"
#include "store/field_rules.h"
#include "store/index_states.h"
#include "store/merkle.h"
#include "store/schema.h"
#include "store/scratch.h"

namespace emstore::store {
namespace {

using Json = nlohmann::ordered_json;

struct GoldenRow {
  std::string family, name, key, value;
};

std::vector<GoldenRow> golden() {
  std::ifstream file(EMSTORE_SOURCE "/tests/golden/rows.json");
  std::vector<GoldenRow> rows;
  const Json json = Json::parse(file);
  for (const Json& row : json.at("rows")) {
    rows.push_back({row.at("family"), row.at("name"), row.at("key"),
                    row.at("value").is_null() ? "" : row.at("value").get<std::string>()});
  }
  return rows;
}

GoldenRow golden(std::string_view name) {
  for (const GoldenRow& row : golden()) {
    if (row.name == name) return row;
  }
  ADD_FAILURE() << "no golden row \"" << name << '"';
  return {};
}

std::string golden_value(std::string_view name) { return from_hex(golden(name).value).value(); }

void expect(std::string_view name, std::string_view key, std::string_view value) {
  const GoldenRow row = golden(name);
  EXPECT_EQ(to_hex(key), row.key) << name;
  EXPECT_EQ(to_hex(value), row.value) << name;
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

const RecordRef kProduct{EntityId{2}, RecordId(1)};
const RecordRef kOther{EntityId{2}, RecordId({0x01, 0x8f, 0x6b, 0x2e, 0x9c, 0x00, 0x7d, 0x3a, 0x80,
                                              0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07})};
const RecordRef kMedia{kMediaEntity, RecordId(3)};
constexpr FieldId kGallery{9};
constexpr FieldId kThumbnail{10};
constexpr Time kEarlier{1'764'000'000'000'000};
constexpr Time kLater{1'764'000'000'123'456};

FieldValues values(std::initializer_list<std::pair<std::uint32_t, Value>> list) {
  FieldValues values;
  for (const auto& [field, value] : list) values.set(FieldId{field}, value);
  return values;
}

TEST(RowBytes, HaveGoldenBytesForEveryFamily) {
  std::set<std::string> seen, all;
  for (const GoldenRow& row : golden()) seen.insert(row.family);
  for (const FamilyInfo& family : kFamilies) all.emplace(family.name);
  EXPECT_EQ(seen, all);
}

TEST(RowBytes, OfRecordsAreGoldenInBothDirections) {
  const OwnerRow linked{45,
                        kEarlier,
                        kLater,
                        pack_fields(values({{1, "Laptop"}, {2, 999.0}})),
                        {{kGallery, {2, kFirstAppendNumber + 3}}, {kThumbnail, {}}}};
  expect("a record with links", record_key(kProduct), encode(linked));
  EXPECT_EQ(decode_owner(golden_value("a record with links")).value(), linked);

  const OwnerRow large{45, Time{-1}, Time{0}, std::nullopt, {}};
  expect("a record whose fields lie elsewhere", record_key(kOther), encode(large));
  EXPECT_EQ(decode_owner(golden_value("a record whose fields lie elsewhere")).value(), large);

  const FieldValues fields = values({{1, std::string(520, 'x')}});
  expect("long fields", record_key(kOther), pack_fields(fields));
  EXPECT_EQ(unpack_fields(golden_value("long fields")).value(), fields);
}

TEST(RowBytes, GiveOneFieldWithoutTheOthers) {
  const FieldValues fields = values({{1, "Laptop"}, {2, 999.0}, {7, List{"a", Map{{"b", 1}}}}});
  const PackedFields packed = pack_fields(fields);
  for (const auto& [field, value] : fields) EXPECT_EQ(value_in(packed, field).value(), value);
  EXPECT_TRUE(value_in(packed, FieldId{3}).value().is_null());
  EXPECT_TRUE(value_in(pack_fields({}), FieldId{1}).value().is_null());
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(value_in(std::string_view(packed).substr(0, size), FieldId{1})) << size;
  }
}

TEST(RowBytes, OfLinksAreGoldenInBothDirections) {
  const OwnerRow media{47, kEarlier, kLater, pack_fields(values({{1, "front.png"}})), {}};
  const LinkRow covered{kMedia, Map{{"alt", "front"}}, true, cover_of(media)};
  expect("a link with a cover", link_key(kProduct, kGallery, append_key(kFirstAppendNumber)),
         encode(covered));
  EXPECT_EQ(decode_link(golden_value("a link with a cover")).value(), covered);

  const LinkRow plain{kMedia, Value(), false, std::nullopt};
  expect("the link of a medium field, without a slot", link_key(kOther, kThumbnail, ""),
         encode(plain));
  EXPECT_EQ(decode_link(golden_value("the link of a medium field, without a slot")).value(), plain);
}

TEST(RowBytes, OfBacklinksAreGoldenInBothDirections) {
  const BacklinkRow with_slot{append_key(kFirstAppendNumber), {45, 3}};
  expect("a backlink with a slot", backlink_key(kMedia, true, kProduct, kGallery),
         encode(with_slot));
  EXPECT_EQ(decode_backlink(golden_value("a backlink with a slot")).value(), with_slot);

  const BacklinkRow without{"", {45, 0}};
  expect("a backlink without a slot", backlink_key(kMedia, false, kOther, kThumbnail),
         encode(without));
  EXPECT_EQ(decode_backlink(golden_value("a backlink without a slot")).value(), without);
}

TEST(RowBytes, OfUsesBlobsCountersAndRequestsAreGoldenInBothDirections) {
  const UseRow use{70, 64, 0};
  expect("the uses of a media", record_key(kMedia), encode(use));
  EXPECT_EQ(decode_use(golden_value("the uses of a media")).value(), use);

  const UnusedRow unused{kEarlier};
  expect("a media that nothing links", unused_key(45, kMedia), encode(unused));
  expect("bytes that no media has", unused_key(45, address(0x81)), encode(unused));
  EXPECT_EQ(decode_unused(golden_value("bytes that no media has")).value(), unused);
  EXPECT_EQ(std::get<RecordRef>(unused_of_key(unused_key(45, kMedia))->what), kMedia);
  EXPECT_EQ(std::get<Address>(unused_of_key(unused_key(45, address(1)))->what), address(1));

  const BlobRow blob{5, digest_0_to_31(), 2, 0, 0};
  expect("a blob", to_bytes(address(0)), encode(blob));
  EXPECT_EQ(decode_blob(golden_value("a blob")).value(), blob);

  const CounterRow counter{301, 12};
  expect("a counter", counter_key(EntityId{2}), encode(counter));
  EXPECT_EQ(decode_counter(golden_value("a counter")).value(), counter);

  const DeletedRow deleted{45, kEarlier};
  expect("a record that is gone", record_key(kProduct), encode(deleted));
  EXPECT_EQ(decode_deleted(golden_value("a record that is gone")).value(), deleted);

  const UnlinkedRow unlinked{45};
  expect("a link that is gone", unlinked_key(kMedia, kProduct, kGallery), encode(unlinked));
  EXPECT_EQ(decode_unlinked(golden_value("a link that is gone")).value(), unlinked);

  const RequestRow request{42, digest_0_to_31()};
  expect("a request", request_key(1000, "k-1"), encode(request));
  EXPECT_EQ(decode_request(golden_value("a request")).value(), request);
  expect("how far keys are forgotten", "", encode(RequestRow{4096, {}}));
}

TEST(RowBytes, OfTheSchemaAreGoldenInBothDirections) {
  const Map title{{"id", 1}, {"type", "text"}, {"config", Map{{"required", true}}}};
  const Map pages{
      {"id", 2}, {"type", "regular"}, {"next_field", 2}, {"fields", Map{{"title", title}}}};
  const Map schema{{"entities", Map{{"pages", pages}}}, {"next", Map{{"entity", 3}, {"index", 1}}}};
  expect("the schema", schema_key(), encode(SchemaRow{2, schema}));
  const SchemaRow decoded = decode_schema(golden_value("the schema")).value();
  EXPECT_EQ(decoded.version, 2U);
  EXPECT_EQ(decoded.schema, schema);
}

TEST(RowBytes, OfIndexesAreGolden) {
  std::string key = index_prefix(IndexId{7});
  ASSERT_TRUE(append_index_value(FieldKind::text, std::string("a\0b", 3), key));
  ASSERT_TRUE(append_index_value(FieldKind::number, -2.5, key));
  ASSERT_TRUE(append_index_value(FieldKind::date, -1, key));
  ASSERT_TRUE(append_index_value(FieldKind::datetime, Value(), key));
  append_id(kProduct.id, key);
  expect("text with a zero, a negative number, a date, nothing", key, "");

  key = index_prefix(IndexId{8});
  ASSERT_TRUE(append_index_value(FieldKind::number, 2.5, key));
  ASSERT_TRUE(append_index_value(FieldKind::boolean, true, key));
  ASSERT_TRUE(append_index_value(FieldKind::address, Binary{to_bytes(address(0))}, key));
  append_id(kOther.id, key);
  expect("a positive number, true, an address", key, "");
  EXPECT_EQ(id_at_end(key, IdFormat::uuid).value(), kOther.id);
}

TEST(RowBytes, OfTheTreeAreGolden) {
  Tree tree;
  tree.append(leaf_hash("header"));
  const RowChanges changes = tree.take_changes();
  ASSERT_EQ(changes.size(), 1U);
  expect("the frontier of one commit", changes[0].key, changes[0].value.value());
}

TEST(RowBytes, OfPrimaryFamiliesAreGolden) {
  expect("the key of a commit", log_key(66'000), "");
  expect("small bytes", to_bytes(address(0)), "three");

  const LeaseRow lease{kLater, {address(0x81), 70'000, digest_0_to_31(), "image/png"}};
  expect("a lease", lease_key(address(0x81), 1000), encode(lease));
  EXPECT_EQ(decode_lease(golden_value("a lease"), address(0x81))->content.sha256, digest_0_to_31());
  EXPECT_EQ(decode_lease(golden_value("a lease"), address(0x81))->content.picture, std::nullopt);

  LeaseRow of_picture = lease;
  of_picture.content.picture = PictureSize{70'000, 480};
  const std::string bytes = encode(of_picture);
  expect("a lease of a picture", lease_key(address(0x81), 1000), bytes);
  EXPECT_EQ(decode_lease(bytes, address(0x81))->content.picture, of_picture.content.picture);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_lease(std::string_view(bytes).substr(0, size), address(0x81))) << size;
  }
  UploadRow upload{of_picture.expires, of_picture.content, true};
  EXPECT_EQ(decode_upload(encode(upload))->content.picture, of_picture.content.picture);
  upload.content.picture = std::nullopt;
  EXPECT_EQ(decode_upload(encode(upload))->content.picture, std::nullopt);

  Scratch rows;
  for (const GoldenRow& row : golden()) {
    if (row.family == "meta") {
      rows.apply({Family::meta, from_hex(row.key).value(), from_hex(row.value).value()});
    }
  }
  const RecordRef last_done{EntityId{2}, RecordId(5)};
  const IndexStates expected{{IndexId{7}, {IndexState::Kind::filling, record_key(last_done)}},
                             {IndexId{8}, {IndexState::Kind::ready, {}}}};
  EXPECT_EQ(load_index_states(rows).value(), expected);
}

TEST(RowBytes, OfKeysAreTakenApartAgain) {
  EXPECT_EQ(record_of_key(record_key(kOther)).value(), kOther);
  const LinkKey link = link_of_key(link_key(kProduct, kGallery, "\x80")).value();
  EXPECT_EQ(link.owner, kProduct);
  EXPECT_EQ(link.field, kGallery);
  EXPECT_EQ(link.order, "\x80");
  const BacklinkKey back = backlink_of_key(backlink_key(kMedia, true, kOther, kThumbnail)).value();
  EXPECT_EQ(back.target, kMedia);
  EXPECT_TRUE(back.covered);
  EXPECT_EQ(back.owner, kOther);
  EXPECT_EQ(back.field, kThumbnail);
}

TEST(RowBytes, AreDamagedWhereverTheyAreCut) {
  const std::string record = golden_value("a record with links");
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_EQ(decode_owner(std::string_view(record).substr(0, size)).error().code,
              ErrorCode::corrupt_index);
  }
  const std::string link = golden_value("a link with a cover");
  for (std::size_t size = 0; size < link.size(); ++size) {
    EXPECT_FALSE(decode_link(std::string_view(link).substr(0, size))) << size;
  }
  const std::string key = record_key(kOther);
  for (std::size_t size = 0; size < key.size(); ++size) {
    EXPECT_FALSE(record_of_key(std::string_view(key).substr(0, size))) << size;
  }
}

// 512 bytes fit into a link, one more does not.
TEST(RowBytes, LeaveOutACoverThatIsTooLarge) {
  OwnerRow media{47, kEarlier, kLater, {}, {}};
  std::size_t largest = 0;
  for (std::size_t size = 450; size < 510; ++size) {
    media.fields = pack_fields(values({{1, std::string(size, 'x')}}));
    if (const auto cover = cover_of(media)) largest = cover->size();
  }
  EXPECT_EQ(largest, kCoverBytesMax);
  media.fields.reset();
  EXPECT_EQ(cover_of(media), std::nullopt);
}

}  // namespace
}  // namespace emstore::store
