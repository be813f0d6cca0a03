#include "store/contents.h"

#include <gtest/gtest.h>

#include "store/row_bytes.h"
#include "store/scratch.h"

namespace emstore::store {
namespace {

constexpr std::uint32_t kAda = 1001, kBen = 1002;

class Contents : public ::testing::Test {
 protected:
  Address place(std::string_view bytes, const ContentDigest& digest) {
    const Result<PlacedBytes> placed = place_bytes(rows_, bytes, digest);
    EXPECT_TRUE(placed);
    existed_ = placed && placed->existed;
    return placed ? placed->address : Address{};
  }
  Address place(std::string_view bytes) { return place(bytes, digest_of(bytes)); }

  // Another content under the same XXH3-128, as a forger makes it.
  static ContentDigest forged(std::string_view bytes, std::string_view like) {
    ContentDigest digest = digest_of(bytes);
    digest.xxh3 = digest_of(like).xxh3;
    return digest;
  }

  void put_blob(const Address& address, const ContentDigest& digest, Sequence collected_at) {
    BlobRow row;
    row.size = digest.size;
    row.sha256 = digest.sha256;
    row.collected_at = collected_at;
    rows_.apply({Family::blobs, to_bytes(address), encode(row)});
  }

  void lease(const Address& address, std::uint32_t uid, std::int64_t expires) {
    rows_.apply({Family::leases, lease_key(address, uid),
                 encode(LeaseRow{Time{expires}, {address, 3, {}, "image/png"}})});
  }

  // What a media with bytes at this address finds at a time.
  Violations find(const Address& address, std::uint32_t uid, std::int64_t now) {
    Resolved resolved;
    resolved.media = NewMedia{{}, address, ""};
    Violations violations(10);
    const auto contents = find_contents(rows_, resolved, {}, uid, Time{now}, violations);
    EXPECT_TRUE(contents && contents->size() == 1);
    if (violations.empty() && contents) {
      EXPECT_EQ(contents->front().address, address);
      EXPECT_EQ(contents->front().mime_type, "image/png");
    }
    return violations;
  }

  Scratch nothing_;
  Overlay rows_{static_cast<const Reader&>(nothing_)};
  bool existed_ = false;
};

TEST_F(Contents, LieUnderOneAddressHoweverOftenTheyCome) {
  const Address first = place("bytes");
  EXPECT_FALSE(existed_);
  EXPECT_EQ(first.ordinal, kFirstRowOrdinal);
  EXPECT_EQ(place("bytes"), first);
  EXPECT_TRUE(existed_);
}

TEST_F(Contents, ThatCollideGetOrdinalsOfTheirOwn) {
  const Address first = place("one");
  const Address second = place("two", forged("two", "one"));
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(second.ordinal, first.ordinal + 1);
  EXPECT_FALSE(existed_);
  EXPECT_EQ(place("two", forged("two", "one")), second);
  EXPECT_TRUE(existed_);
}

TEST_F(Contents, ThatWereCollectedKeepTheirOrdinalForEqualBytesAlone) {
  const ContentDigest one = digest_of("one");
  const Address gone{one.xxh3, kFirstRowOrdinal};
  put_blob(gone, one, 7);
  EXPECT_EQ(place("two", forged("two", "one")).ordinal, kFirstRowOrdinal + 1);
  EXPECT_EQ(place("one"), gone);
  EXPECT_FALSE(existed_) << "the bytes had to be stored again";
}

TEST_F(Contents, OfALeaseAreForItsUserAndUntilItsEnd) {
  const Address address = place("one");
  lease(address, kAda, 100);
  EXPECT_TRUE(find(address, kAda, 99).empty());
  EXPECT_TRUE(find(address, kAda, 100).empty());
  EXPECT_EQ(find(address, kAda, 101).size(), 1u);
  Violations others = find(address, kBen, 99);
  ASSERT_EQ(others.size(), 1u);
  EXPECT_EQ(std::move(others).to_error().code, ErrorCode::blob_not_found);
}

TEST_F(Contents, OfAnUploadAreFoundByItsTokenAndUser) {
  const std::string token(32, 'a');
  const UploadRow row{Time{5}, {place("one"), 3, digest_of("one").sha256, "text/plain"}, true};
  rows_.apply({Family::leases, upload_key(token, kAda), encode(row)});
  const auto found = find_upload(rows_, token, kAda);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->content.address, row.content.address);
  EXPECT_EQ((*found)->content.sha256, row.content.sha256);
  EXPECT_EQ((*found)->content.mime_type, "text/plain");
  EXPECT_TRUE((*found)->existed);
  EXPECT_FALSE(find_upload(rows_, token, kBen)->has_value());
}

TEST_F(Contents, LosesLeasesThatAreOverASliceAtATime) {
  constexpr std::uint32_t kLeases = 2 * kLeasesInSlice + 5;
  const Address address = place("one");
  for (std::uint32_t uid = 0; uid < kLeases; ++uid) lease(address, uid, uid % 2 == 0 ? 10 : 20);
  const UploadRow upload{Time{10}, {address, 3, {}, "image/png"}, false};
  rows_.apply({Family::leases, upload_key(std::string(32, 'a'), kAda), encode(upload)});
  std::string from;
  std::size_t slices = 0, removed = 0;
  do {
    const Result<LeaseSlice> slice = expire_leases(rows_, from, Time{15}, 7);
    ASSERT_TRUE(slice);
    EXPECT_LE(slice->removed, kLeasesInSlice);
    removed += slice->removed;
    from = slice->next;
    ++slices;
  } while (!from.empty());
  EXPECT_EQ(slices, 3u);
  EXPECT_EQ(removed, (kLeases + 1) / 2 + 1);
  std::size_t left = 0;
  EXPECT_TRUE(
      rows_.scan(Family::leases, {}, [&](std::string_view, std::string_view) { return ++left; }));
  EXPECT_EQ(left, kLeases / 2);
}

}  // namespace
}  // namespace emstore::store
