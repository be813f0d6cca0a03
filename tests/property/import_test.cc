// A log that is taken elsewhere: the same bytes, the same root, the same state, made from the
// commits alone.
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "store/event_bytes.h"
#include "store/log.h"
#include "store/refold.h"
#include "store/scratch.h"
#include "tests/support/chance.h"
#include "tests/support/random_shop.h"

namespace emstore::testing {
namespace {

using store::Family;

constexpr Sequence kCommits = 1'000;

// A shop of 1,000 commits, and what they are as bytes.
struct Shop : TestStore {
  Shop() {
    apply(shop_schema());
    RandomShop shop(*this, seed_given());
    while (view()->sequence < kCommits / 2) static_cast<void>(shop.step());
    upload("bytes that nothing shares");
    EXPECT_TRUE(submit(store::CollectCommand{0, view()->sequence}));
    apply(wider_schema());
    while (view()->sequence < kCommits) static_cast<void>(shop.step());
    while (store().work().value()) {
    }
    const auto log = store::read_log(*view()->reader, 1, kCommits, 1u << 30);
    for (const store::StoredCommit& commit : *log) commits.push_back(commit.bytes);
  }

  // With an index on a filled entity, and a field with a default that records get without being
  // written.
  static Map wider_schema() {
    Map schema = shop_schema();
    Map& fields =
        *schema.find("entities")->if_map()->find("products")->if_map()->find("fields")->if_map();
    fields.set("since", field("date", {{"default_value", "2026-11-22"}}));
    const List indexed{"since", "price", "name"};
    schema.find("indices")->if_map()->set(
        "names", Map{{"entity", "products"}, {"fields", indexed}, {"unique", false}});
    return schema;
  }

  std::vector<std::string> commits;
};

class Import : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shop_ = std::make_unique<Shop>(); }
  static void TearDownTestSuite() { shop_.reset(); }
  Import() { RecordProperty("seed", std::to_string(seed_given())); }

  Shop& shop() { return *shop_; }
  const std::vector<std::string>& commits() const { return shop_->commits; }

 private:
  inline static std::unique_ptr<Shop> shop_;  // Takes seconds to fill; no test changes it.
};

// Elsewhere: rows in memory, the log written again from what was decoded.
class Elsewhere {
 public:
  Elsewhere()
      : refold_(rows_, rows_, [this](const store::RowTable& changes) -> Status {
          rows_.apply(changes);
          return {};
        }) {}

  Status add(std::string_view commit_bytes) {
    EMSTORE_TRY(const store::Commit commit, store::decode(commit_bytes));
    EMSTORE_TRY(const std::vector<store::Salt> salts, store::salts_of(commit_bytes));
    store::CommitBytes written = store::encode(commit, salts);
    EMSTORE_TRY(const store::LoggedCommit logged, store::decode_logged(++last_, written.bytes));
    EMSTORE_CHECKED(refold_.add(logged));
    rows_.apply({Family::log, store::log_key(last_), std::move(written.bytes)});
    return {};
  }

  Status finish() {
    return refold_.finish([](IndexId) { return true; });
  }

  const store::Scratch& rows() const { return rows_; }
  Sha256 root() const { return refold_.tree().root(); }

  // The state with the indexes of `view`, all of which are ready.
  Result<Sha256> digest(const store::View& view) const {
    store::View here = view;
    here.reader = std::shared_ptr<const store::Reader>(&rows_, [](const store::Reader*) {});
    return store::state_digest(here);
  }

 private:
  store::Scratch rows_;
  store::Refold refold_;
  Sequence last_ = 0;
};

TEST_F(Import, WritesTheSameBytesRootAndStateElsewhere) {
  ASSERT_EQ(commits().size(), kCommits);
  Elsewhere elsewhere;
  for (const std::string& bytes : commits()) {
    const Status added = elsewhere.add(bytes);
    ASSERT_TRUE(added) << to_string(added.error());
  }
  ASSERT_TRUE(elsewhere.finish());
  for (Sequence sequence = 1; sequence <= kCommits; ++sequence) {
    EXPECT_EQ(*elsewhere.rows().get(Family::log, store::log_key(sequence)).value(),
              commits()[sequence - 1])
        << "commit " << sequence;
  }
  EXPECT_EQ(elsewhere.root(), shop().view()->root);
  EXPECT_EQ(elsewhere.digest(*shop().view()).value(), shop().digest());
  shop().verify();
}

// Otherwise the test above would compare little with little.
TEST_F(Import, IsTriedWithNearlyEveryKindOfEventAndFamily) {
  std::set<std::uint16_t> kinds;
  for (const std::string& bytes : commits()) {
    const auto header = store::decode_header(bytes);
    kinds.insert(header->kinds.begin(), header->kinds.end());
  }
  EXPECT_EQ(kinds, (std::set<std::uint16_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
  for (const store::FamilyInfo& family : store::kFamilies) {
    std::size_t rows = 0;
    ASSERT_TRUE(shop().view()->reader->scan(
        family.family, {}, [&](std::string_view, std::string_view) { return ++rows < 2; }));
    EXPECT_EQ(rows > 0, family.family != Family::leases) << family.name;
  }
}

TEST_F(Import, FailsAtACommitThatWasAltered) {
  std::mt19937 random(seed_given());
  constexpr std::size_t kAltered = 20;
  for (std::size_t round = 0; round < kAltered; ++round) {
    const std::size_t altered = random() % kCommits;
    std::vector<std::string> log = commits();
    std::string& bytes = log[altered];
    const std::size_t header = store::decode_header(bytes)->bytes.size();
    const std::size_t byte = header + random() % (bytes.size() - header);
    bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << random() % 8));
    // That it was erased is no excuse: every other one says so of its first event.
    if (round % 2 == 1) bytes[header] = 1;
    Elsewhere elsewhere;
    Status status;
    std::size_t done = 0;
    while (done < log.size() && (status = elsewhere.add(log[done]))) ++done;
    EXPECT_EQ(done, altered);
    EXPECT_FALSE(status);
  }
}

TEST_F(Import, HasAnotherRootWhenAHeaderWasAltered) {
  constexpr std::size_t kTimeByte =
      1 + 8 + 7;  // The lowest of the time, after version and sequence.
  std::vector<std::string> altered = commits();
  std::string& bytes = altered[700];
  bytes[kTimeByte] = static_cast<char>(bytes[kTimeByte] ^ 1);
  Elsewhere elsewhere;
  for (const std::string& commit : altered) ASSERT_TRUE(elsewhere.add(commit));
  EXPECT_NE(elsewhere.root(), shop().view()->root);
}

}  // namespace
}  // namespace emstore::testing
