#include "store/garbage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "store/contents.h"
#include "store/facts.h"
#include "store/refold.h"
#include "tests/support/test_store.h"

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using testing::TestStore;

constexpr std::int64_t kLongAgo = 1'000'000'000;
constexpr std::uint32_t kAda = 1000;

class GarbageTest : public ::testing::Test {
 protected:
  GarbageTest() { store_.apply(testing::shop_schema()); }

  // A slice from the beginning.
  CollectOutcome collect(std::int64_t grace = 0, std::string from = {}) {
    const Outcome outcome =
        store_.submit(CollectCommand{grace, store_.view()->sequence, std::move(from)});
    EXPECT_TRUE(outcome) << to_string(outcome.error());
    return outcome ? std::get<CollectOutcome>(*outcome) : CollectOutcome{};
  }
  Garbage survey(std::int64_t grace = 0) {
    const auto view = store_.view();
    return find_garbage(*view->reader, view->sequence, view->time, {grace}).value();
  }
  std::uint64_t page_with(std::uint64_t media) {
    const auto made = store_.must(
        TestStore::insert("pages", {{"slug", "a"}, {"images", Map{{"$set", List{media}}}}}));
    return made.mutations.front().records.front().id.integer();
  }
  std::set<std::string> rows_of(Family family) {
    std::set<std::string> keys;
    EXPECT_TRUE(
        store_.view()->reader->scan(family, {}, [&](std::string_view key, std::string_view) {
          keys.emplace(key);
          return true;
        }));
    return keys;
  }
  std::vector<FileRemoval> removals() { return files_to_remove(*store_.view()->reader).value(); }

  static ContentDigest large_digest() {
    ContentDigest digest = digest_of("of a file that nobody looks at here");
    digest.size = 100'000;
    return digest;
  }
  static Address large() { return {large_digest().xxh3, kFirstFileOrdinal}; }
  // The right to name the file, as blob.commit gives it.
  void lease_file(std::int64_t micros) {
    ASSERT_TRUE(store_.submit(LeaseCommand{kAda, large_digest(), "image/png", large(), micros}));
  }
  std::uint64_t media_of_file() {
    const auto made =
        store_.must(TestStore::insert("media", {{"file", Map{{"blob", to_string(large())}}}}));
    return made.mutations.front().records.front().id.integer();
  }
  void expire_leases() { ASSERT_TRUE(store_.submit(ExpireLeasesCommand{})); }
  BlobRow blob_at(const Address& address) {
    return read_blob(*store_.view()->reader, address).value().value();
  }

  TestStore store_;
};

TEST_F(GarbageTest, IsMediaThatNothingLinksAndTheirBytes) {
  const std::uint64_t used = store_.upload("used");
  const std::uint64_t unused = store_.upload("unused");
  page_with(used);
  const CollectOutcome collected = collect();
  ASSERT_THAT(collected.media, SizeIs(1));
  EXPECT_EQ(collected.media.front().id, RecordId(unused));
  EXPECT_EQ(collected.media.front().size, 6u);
  EXPECT_EQ(collected.blobs, 1u);
  EXPECT_EQ(collected.bytes, 6u);
  EXPECT_EQ(collected.sequence, store_.view()->sequence);
  const Address gone = collected.media.front().address;
  EXPECT_EQ(blob_at(gone).collected_at, collected.sequence);
  EXPECT_THAT(rows_of(Family::bytes), SizeIs(1));
  EXPECT_FALSE(rows_of(Family::bytes).contains(to_bytes(gone)));
  EXPECT_TRUE(rows_of(Family::unused).empty());
  store_.verify();
  // Nothing is left to do, so nothing is written.
  EXPECT_EQ(collect().sequence, collected.sequence);
  EXPECT_EQ(store_.view()->sequence, collected.sequence);
}

TEST_F(GarbageTest, WaitsForItsGrace) {
  const std::uint64_t media = store_.upload("picture");
  const std::uint64_t page = page_with(media);
  store_.environment().pass(kLongAgo);
  store_.must(TestStore::update("pages", page, {{"images", Map{{"$detach", List{media}}}}}));
  EXPECT_EQ(survey(kLongAgo).media, 0u);
  EXPECT_THAT(collect(kLongAgo).media, SizeIs(0));
  store_.environment().pass(kLongAgo);
  EXPECT_THAT(collect(kLongAgo).media, SizeIs(1));
}

TEST_F(GarbageTest, LeavesWhatIsLinkedAgain) {
  const std::uint64_t media = store_.upload("picture");
  EXPECT_EQ(survey().media, 1u);
  page_with(media);
  EXPECT_EQ(survey().media, 0u);
  EXPECT_THAT(collect().media, SizeIs(0));
  EXPECT_TRUE(rows_of(Family::unused).empty());
  store_.verify();
}

TEST_F(GarbageTest, SharesBytesUntilTheLastMediaThatHasThemGoes) {
  const std::uint64_t linked = store_.upload("shared");
  store_.upload("shared");
  store_.upload("shared");
  const std::uint64_t page = page_with(linked);
  EXPECT_EQ(survey().blobs, 0u);
  const CollectOutcome first = collect();
  EXPECT_THAT(first.media, SizeIs(2));
  EXPECT_EQ(first.blobs, 0u);
  store_.must(TestStore::remove("pages", page));
  EXPECT_EQ(survey().blobs, 1u);
  EXPECT_EQ(collect().blobs, 1u);
  store_.verify();
}

TEST_F(GarbageTest, IsSurveyedAsItIsCollected) {
  for (const char* bytes : {"one", "one", "two", "three"}) store_.upload(bytes);
  page_with(store_.upload("linked"));
  const Garbage garbage = survey();
  const CollectOutcome collected = collect();
  EXPECT_EQ(garbage.list, collected.media);
  EXPECT_EQ(garbage.media, 4u);
  EXPECT_EQ(garbage.blobs, collected.blobs);
  EXPECT_EQ(garbage.bytes, collected.bytes);
  EXPECT_EQ(garbage.blobs, 3u);
}

TEST_F(GarbageTest, OfDeletedMediaIsTheirBytesAlone) {
  const std::uint64_t media = store_.upload("picture");
  store_.must(TestStore::remove("media", media));
  const Garbage garbage = survey(kLongAgo);  // The grace is for media.
  EXPECT_EQ(garbage.media, 0u);
  EXPECT_EQ(garbage.blobs, 1u);
  EXPECT_EQ(collect(kLongAgo).blobs, 1u);
  EXPECT_TRUE(rows_of(Family::bytes).empty());
}

TEST_F(GarbageTest, ComesToLifeWhenItIsStoredAgain) {
  store_.upload("picture");
  const Address address = collect().media.front().address;
  const std::uint64_t again = store_.upload("picture");
  EXPECT_EQ(blob_at(address).collected_at, 0u);
  EXPECT_TRUE(rows_of(Family::bytes).contains(to_bytes(address)));
  page_with(again);
  EXPECT_EQ(survey().blobs, 0u);
  store_.verify();
}

TEST_F(GarbageTest, IsNotWhatALeaseHolds) {
  lease_file(kLongAgo);
  store_.must(TestStore::remove("media", media_of_file()));
  EXPECT_EQ(survey().leased, 1u);
  const CollectOutcome held = collect();
  EXPECT_EQ(held.blobs, 0u);
  EXPECT_EQ(held.leased, 1u);
  store_.environment().pass(kLongAgo);
  EXPECT_EQ(collect().blobs, 1u);
  store_.verify();
}

TEST_F(GarbageTest, OfAFileIsPutDownUntilItIsRemoved) {
  lease_file(1);
  const std::uint64_t media = media_of_file();
  store_.environment().pass(kLongAgo);
  expire_leases();
  EXPECT_TRUE(removals().empty()) << "a media has it";
  page_with(media);
  EXPECT_EQ(collect().blobs, 0u);
  store_.must(TestStore::remove("media", media, /*detach=*/true));
  const CollectOutcome collected = collect();
  const FileRemoval removal{large(), collected.sequence};
  EXPECT_THAT(removals(), ElementsAre(removal));
  EXPECT_TRUE(is_abandoned(*store_.view()->reader, large()).value());

  // Of an earlier collection; this one's file still lies there.
  ASSERT_TRUE(store_.submit(RemovedCommand{{{large(), collected.sequence - 1}}}));
  EXPECT_THAT(removals(), ElementsAre(removal));
  store_.open();
  EXPECT_THAT(removals(), ElementsAre(removal)) << "a restart forgets nothing";
  ASSERT_TRUE(store_.submit(RemovedCommand{{removal}}));
  EXPECT_TRUE(removals().empty());
}

TEST_F(GarbageTest, IsWhatNobodyNamedWhenTheLastLeaseEnds) {
  constexpr std::uint32_t kBen = 1001;
  ASSERT_TRUE(store_.submit(LeaseCommand{kAda, digest_of("small"), "text/plain", "small", 1}));
  ASSERT_TRUE(
      store_.submit(LeaseCommand{kBen, digest_of("small"), "text/plain", "small", 2 * kLongAgo}));
  lease_file(1);
  EXPECT_FALSE(is_abandoned(*store_.view()->reader, large()).value());
  store_.environment().pass(kLongAgo);
  expire_leases();
  EXPECT_THAT(rows_of(Family::bytes), SizeIs(1)) << "Ben may name them still";
  EXPECT_THAT(removals(), SizeIs(1));
  store_.environment().pass(2 * kLongAgo);
  expire_leases();
  EXPECT_TRUE(rows_of(Family::bytes).empty());
}

TEST_F(GarbageTest, LeavesBytesOfMediaAloneWhenALeaseEnds) {
  ASSERT_TRUE(store_.submit(LeaseCommand{kAda, digest_of("small"), "text/plain", "small", 1}));
  store_.upload("small");
  store_.environment().pass(kLongAgo);
  expire_leases();
  EXPECT_THAT(rows_of(Family::bytes), SizeIs(1));
}

TEST_F(GarbageTest, IsCollectedASliceAtATime) {
  constexpr std::size_t kMedia = 1'203;
  std::vector<Mutation> mutations;
  for (std::size_t i = 0; i < kMedia; ++i) {
    mutations.push_back(TestStore::insert("media", {{"file", Binary{std::to_string(i)}}}));
  }
  ASSERT_TRUE(store_.submit(TestStore::command(std::move(mutations))));
  const CollectOutcome first = collect();
  EXPECT_THAT(first.media, SizeIs(1'000));
  ASSERT_FALSE(first.next.empty());
  const CollectOutcome second = collect(0, first.next);
  EXPECT_THAT(second.media, SizeIs(kMedia - 1'000));
  EXPECT_TRUE(second.next.empty());
  EXPECT_TRUE(rows_of(Family::bytes).empty());
  store_.verify();
}

TEST_F(GarbageTest, OfLaterCommitsIsLeft) {
  const Sequence before = store_.view()->sequence;
  store_.upload("later");
  const Outcome outcome = store_.submit(CollectCommand{0, before, {}});
  EXPECT_THAT(std::get<CollectOutcome>(*outcome).media, SizeIs(0));
}

// A log that says so is damaged; otherwise a media would be left without bytes.
TEST_F(GarbageTest, IsNeverWhatAMediaHas) {
  const std::uint64_t media = store_.upload("picture");
  const auto view = store_.view();
  const Address address =
      unused_media(*view->reader, {kMediaEntity, RecordId(media)}, 0).value().address;
  Overlay rows(*view->reader);
  const FoldPlace place{{view->sequence + 1, 0}, view->time, kAda};
  const Status folded = fold(*view->schema, BlobsCollected{{address}}, place, rows);
  ASSERT_FALSE(folded);
  EXPECT_EQ(folded.error().code, ErrorCode::corrupt_index);
}

// Every row of the queue, when the log is folded again and when it is not.
TEST_F(GarbageTest, IsQueuedUnderTheCommitSinceWhich) {
  const std::uint64_t media = store_.upload("picture");
  const RecordRef ref{kMediaEntity, RecordId(media)};
  const Sequence made = store_.view()->sequence;
  EXPECT_THAT(rows_of(Family::unused), ElementsAre(unused_key(made, ref)));
  const std::uint64_t page = page_with(media);
  EXPECT_TRUE(rows_of(Family::unused).empty());
  store_.must(TestStore::remove("pages", page));
  const Sequence since = store_.view()->sequence;
  EXPECT_THAT(rows_of(Family::unused), ElementsAre(unused_key(since, ref)));
  store_.must(TestStore::remove("media", media));
  const Address address = address_of_bytes(*rows_of(Family::bytes).begin()).value();
  EXPECT_THAT(rows_of(Family::unused), ElementsAre(unused_key(store_.view()->sequence, address)));
  store_.verify();
}

}  // namespace
}  // namespace emstore::store
