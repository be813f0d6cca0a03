#include "store/contents.h"

#include <gtest/gtest.h>

#include "store/damage.h"
#include "store/garbage.h"
#include "store/row_bytes.h"
#include "store/scratch.h"
#include "store/scrub_state.h"

namespace emstore::store {
namespace {

constexpr std::uint32_t kAda = 1001, kBen = 1002;

class Contents : public ::testing::Test {
 protected:
  Address place(std::string_view bytes, const ContentDigest& digest) {
    const Result<PlacedBytes> placed = place_bytes(rows_, bytes, digest, Time{1});
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

class DamagedContents : public Contents {
 protected:
  void rot(const Address& address, const std::string& bytes) {
    rows_.apply({Family::bytes, to_bytes(address), bytes});
  }
  std::optional<std::string> bytes_at(const Address& address) const {
    return rows_.get(Family::bytes, to_bytes(address)).value();
  }
  std::optional<DamageRow> damage_of(const Address& wanted) const {
    std::optional<DamageRow> found;
    EXPECT_TRUE(each_damage(rows_, [&](const Address& address, const DamageRow& row) {
      if (address == wanted) found = row;
      return true;
    }));
    return found;
  }
  std::optional<std::string> kept(const Address& address) const {
    return rows_.get(Family::meta, quarantine_key(address)).value();
  }
};

TEST_F(DamagedContents, AreReplacedByTheSameContentAndKept) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 0);
  rot(address, "ane");
  EXPECT_EQ(place("one"), address);
  EXPECT_TRUE(existed_);
  EXPECT_EQ(bytes_at(address), "one");
  EXPECT_EQ(kept(address), "ane");
  EXPECT_EQ(damage_of(address), (DamageRow{Time{1}, Time{1}}));
  EXPECT_EQ(mended_by(rows_), std::vector{address});
}

TEST_F(DamagedContents, AreReplacedAlsoWhenNobodyHasNamedThemYet) {
  const Address address = place("one");
  rot(address, "ane");
  EXPECT_EQ(place("one"), address);
  EXPECT_EQ(bytes_at(address), "one");
  EXPECT_EQ(kept(address), "ane");
}

TEST_F(DamagedContents, StayWhereAnotherContentIsRecorded) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 0);
  rot(address, "ane");
  const Address other = place("two", forged("two", "one"));
  EXPECT_EQ(other.ordinal, kFirstRowOrdinal + 1);
  EXPECT_EQ(bytes_at(address), "ane");
  EXPECT_FALSE(damage_of(address));
}

TEST_F(DamagedContents, AreSetAsideUntilTheyComeAgain) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 0);
  EXPECT_EQ(set_aside(rows_, address, Time{}, Time{5}), false) << "they are whole";
  rot(address, "ane");
  EXPECT_EQ(set_aside(rows_, address, Time{}, Time{5}), true);
  EXPECT_FALSE(bytes_at(address));
  EXPECT_EQ(kept(address), "ane");
  EXPECT_EQ(damage_of(address), (DamageRow{Time{5}, Time{0}}));
  EXPECT_EQ(place("one"), address);
  EXPECT_EQ(damage_of(address)->found, Time{5});
  const Time mended = damage_of(address)->mended;
  EXPECT_GT(mended, Time{5});
  // Who looked before that is late.
  rot(address, "ane");
  EXPECT_EQ(set_aside(rows_, address, Time{}, Time{10}), false);
  EXPECT_EQ(bytes_at(address), "ane");
  EXPECT_EQ(set_aside(rows_, address, mended, Time{10}), true);
  EXPECT_EQ(damage_of(address), (DamageRow{Time{10}, Time{0}}));
}

TEST_F(DamagedContents, AreSetAsideAlsoWhenTheClockWasPutBack) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 0);
  rows_.apply({Family::meta, damage_key(address), encode(DamageRow{Time{500}, Time{900}})});
  rot(address, "ane");
  EXPECT_EQ(set_aside(rows_, address, Time{900}, Time{2}), true);
  EXPECT_FALSE(bytes_at(address));
  EXPECT_EQ(damage_of(address), (DamageRow{Time{901}, Time{0}}));
  EXPECT_EQ(place("one"), address);
  EXPECT_EQ(damage_of(address), (DamageRow{Time{901}, Time{902}}));
}

TEST_F(DamagedContents, AreMendedWhenTheyAreFoundWhole) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 0);
  EXPECT_TRUE(close_damage(rows_, address, Time{4}));
  EXPECT_FALSE(damage_of(address)) << "there was none";
  rot(address, "ane");
  EXPECT_EQ(set_aside(rows_, address, Time{}, Time{5}), true);
  rot(address, "one");
  EXPECT_EQ(place("one"), address);
  EXPECT_EQ(damage_of(address), (DamageRow{Time{5}, Time{6}}));
  EXPECT_TRUE(close_damage(rows_, address, Time{9}));
  EXPECT_EQ(damage_of(address)->mended, Time{6}) << "once";
}

TEST_F(DamagedContents, AreCountedWithoutLookingAtEach) {
  std::vector<Address> addresses;
  for (const std::string bytes : {"one", "two", "three"}) {
    addresses.push_back(place(bytes));
    put_blob(addresses.back(), digest_of(bytes), 0);
    rot(addresses.back(), "rotten");
  }
  // Of a store that has no such row they are counted once.
  rows_.apply({Family::meta, damage_key(addresses[0]), encode(DamageRow{Time{3}, {}})});
  EXPECT_EQ(count_damage(rows_), (DamageCounts{1, 0}));
  EXPECT_EQ(set_aside(rows_, addresses[0], Time{}, Time{5}), true);
  EXPECT_EQ(set_aside(rows_, addresses[1], Time{}, Time{5}), true);
  EXPECT_EQ(set_aside(rows_, addresses[2], Time{}, Time{5}), true);
  EXPECT_EQ(set_aside(rows_, addresses[2], Time{}, Time{6}), true) << "still";
  EXPECT_EQ(count_damage(rows_), (DamageCounts{3, 0}));
  place("two");
  EXPECT_EQ(count_damage(rows_), (DamageCounts{2, 1}));
  rot(addresses[1], "rotten");
  EXPECT_EQ(set_aside(rows_, addresses[1], damage_of(addresses[1])->mended, Time{7}), true);
  EXPECT_EQ(count_damage(rows_), (DamageCounts{3, 0}));
  place("two");
  EXPECT_TRUE(drop_bytes(rows_, addresses[0], 7));
  EXPECT_TRUE(drop_bytes(rows_, addresses[1], 7));
  EXPECT_EQ(count_damage(rows_), (DamageCounts{1, 0}));
  // A row that nobody can read is not read.
  rows_.apply({Family::meta, damage_key(addresses[0]), "no row"});
  EXPECT_EQ(count_damage(rows_), (DamageCounts{1, 0}));
}

TEST_F(DamagedContents, OfNobodyAreNotSetAside) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 7);
  rot(address, "ane");
  EXPECT_EQ(set_aside(rows_, address, Time{}, Time{5}), false);
}

// The lease under which they came may still be there, over.
TEST_F(DamagedContents, AreNoneWhereBytesWereCollected) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 7);
  rows_.apply({Family::bytes, to_bytes(address), std::nullopt});
  lease(address, kAda, 0);
  EXPECT_EQ(place("one"), address);
  EXPECT_FALSE(existed_);
  EXPECT_FALSE(damage_of(address));
}

TEST_F(DamagedContents, AreForgottenWithTheirBytes) {
  const Address address = place("one");
  put_blob(address, digest_of("one"), 0);
  rot(address, "ane");
  EXPECT_EQ(set_aside(rows_, address, Time{}, Time{5}), true);
  EXPECT_TRUE(drop_bytes(rows_, address, 7));
  EXPECT_FALSE(damage_of(address));
  EXPECT_FALSE(kept(address));
}

TEST(ScrubState, IsReadAsItWasWritten) {
  ScrubState state{Time{1}, Time{2}, Address{digest_of("one").xxh3, 128}, 3, 4, 5};
  EXPECT_EQ(decode_scrub(encode(state)), state);
  state.last.reset();
  EXPECT_EQ(decode_scrub(encode(state)), state);
  EXPECT_FALSE(decode_scrub("").has_value());
}

}  // namespace
}  // namespace emstore::store
