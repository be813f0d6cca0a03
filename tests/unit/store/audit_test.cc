// What an audit of the log finds: every way to alter a commit, at every commit.
#include "store/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>

#include "store/event_bytes.h"
#include "store/log.h"
#include "store/replay.h"
#include "store/scratch.h"
#include "tests/support/random_shop.h"
#include "tests/support/temporary_folder.h"

namespace emstore::testing {
namespace {

using store::Family;
using store::Findings;
using store::Scratch;
using store::View;

constexpr Sequence kCommits = 300;  // More than a tile, so that some lie in one that is not full.

// The rows of a shop in memory, where a test may alter them.
class AuditOfALog : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    TestStore live;
    live.apply(shop_schema());
    RandomShop shop(live, 7);
    rows_ = std::make_unique<Scratch>();
    while (live.view()->sequence < kCommits) {
      static_cast<void>(shop.step());
      if (live.view()->sequence == kCommits / 2) noted_ = {kCommits / 2, live.view()->root};
    }
    view_ = std::make_unique<View>(*live.view());
    for (const store::FamilyInfo& family : store::kFamilies) {
      ASSERT_TRUE(view_->reader->scan(family.family, {}, [&](auto key, auto value) {
        rows_->apply({family.family, std::string(key), std::string(value)});
        return true;
      }));
    }
    view_->reader = std::shared_ptr<const store::Reader>(rows_.get(), [](const auto*) {});
  }
  static void TearDownTestSuite() {
    view_.reset();
    rows_.reset();
  }

  static Findings audited() {
    Findings findings;
    const auto audit = store::audit_commits(*view_, {}, findings);
    EXPECT_TRUE(audit);
    return findings;
  }

  static std::string commit(Sequence sequence) {
    return *rows_->get(Family::log, store::log_key(sequence)).value();
  }
  static void put(Sequence sequence, std::optional<std::string> bytes) {
    rows_->apply({Family::log, store::log_key(sequence), std::move(bytes)});
  }

  // Alters the log around each commit, and expects the audit to name a place that holds it.
  static void expect_found_everywhere(const std::function<void(Sequence)>& alter) {
    std::size_t found = 0;
    for (Sequence at = 1; at <= kCommits; ++at) {
      std::map<Sequence, std::string> before;
      for (Sequence near = at; near <= std::min(at + 1, kCommits); ++near) {
        before[near] = commit(near);
      }
      alter(at);
      const Findings findings = audited();
      found += names(findings, at) ? 1 : 0;
      for (const auto& [sequence, bytes] : before) put(sequence, bytes);
    }
    EXPECT_EQ(found, kCommits);
    EXPECT_TRUE(audited().empty());  // All is as it was.
  }

  // Whether a finding names the commit, alone or among those of a subtree of the open tile.
  static bool names(const Findings& findings, Sequence at) {
    for (const store::Finding& finding : findings.named()) {
      Sequence first = 0;
      Sequence last = 0;
      const char* place = finding.place.c_str();
      if (std::sscanf(place, "commits %lu to %lu", &first, &last) == 2 && first <= at &&
          at <= last) {
        return at > kCommits - kCommits % 256 || last - first <= 1;
      }
      if (std::sscanf(place, "commit %lu", &first) == 1 && first == at) return true;
    }
    return false;
  }

  static void expect_missing(Sequence first, Sequence last) {
    const Findings findings = audited();
    ASSERT_FALSE(findings.empty());
    EXPECT_EQ(findings.named()[0].place,
              first == last ? "commit " + std::to_string(first)
                            : "commits " + std::to_string(first) + " to " + std::to_string(last));
  }

  inline static std::unique_ptr<Scratch> rows_;
  inline static std::unique_ptr<View> view_;
  inline static store::NotedRoot noted_;
};

TEST_F(AuditOfALog, FindsNothingInOneThatIsWhole) {
  Findings findings;
  const auto audit = store::audit_commits(*view_, {}, findings);
  ASSERT_TRUE(audit);
  EXPECT_TRUE(findings.empty());
  EXPECT_EQ(audit->sequence, kCommits);
  EXPECT_EQ(audit->root, view_->root);
  EXPECT_GT(audit->events, kCommits);
}

TEST_F(AuditOfALog, FindsAPayloadThatWasEdited) {
  expect_found_everywhere([](Sequence at) {
    std::string bytes = commit(at);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    put(at, bytes);
  });
}

TEST_F(AuditOfALog, FindsAnEventThatSaysItWasErased) {
  const auto say_erased = [](Sequence at) {
    std::string bytes = commit(at);
    bytes[store::decode_header(bytes)->bytes.size()] = 1;
    put(at, bytes);
  };
  expect_found_everywhere(say_erased);
  const std::string before = commit(9);
  say_erased(9);
  const Findings findings = audited();
  put(9, before);
  ASSERT_EQ(findings.count(), 1u);
  EXPECT_EQ(findings.named()[0].message,
            "event 9.0 says that it was erased, and emstore erases nothing");
}

std::string moved_to(Sequence place, const std::string& bytes) {
  store::Commit moved = store::decode(bytes).value();
  moved.info.sequence = place;
  return store::encode(moved, store::salts_of(bytes).value()).bytes;
}

// Made anew with commitments that fit: only the tree knows better.
void make_anew(Sequence at, const std::string& bytes,
               const std::function<void(Sequence, std::string)>& put) {
  store::Commit altered = store::decode(bytes).value();
  altered.info.peer.uid += 1;
  put(at, store::encode(altered, store::salts_of(bytes).value()).bytes);
}

TEST_F(AuditOfALog, FindsACommitThatWasMadeAnew) {
  expect_found_everywhere([](Sequence at) { make_anew(at, commit(at), put); });
}

// The control: who checks each commit by itself, and not the tree over them, finds none of these.
TEST_F(AuditOfALog, WouldFindNoCommitThatWasMadeAnewWithoutTheTree) {
  Sequence missed = 0;
  for (Sequence at = 1; at <= kCommits; ++at) {
    const std::string before = commit(at);
    make_anew(at, before, put);
    missed += store::replay(*rows_, 1, [](const auto&) { return Status(); }) ? 1 : 0;
    put(at, before);
  }
  EXPECT_EQ(missed, kCommits);
  EXPECT_TRUE(audited().empty());
}

TEST_F(AuditOfALog, FindsACommitThatWasDeleted) {
  expect_found_everywhere([](Sequence at) { put(at, std::nullopt); });
}

TEST_F(AuditOfALog, FindsACommitThatWasPutInThePlaceOfAnother) {
  expect_found_everywhere([](Sequence at) { put(at, commit(at == kCommits ? 1 : at + 1)); });
}

TEST_F(AuditOfALog, FindsCommitsThatChangedPlaces) {
  expect_found_everywhere([](Sequence at) {
    const Sequence other = at == kCommits ? at - 1 : at + 1;
    const std::string one = commit(at);
    put(at, commit(other));
    if (other > at) put(other, one);
  });
}

// Commitments and places fit, also of those behind it.
TEST_F(AuditOfALog, FindsACommitThatWasInserted) {
  std::map<Sequence, std::string> before;
  for (Sequence at = 1; at <= kCommits; ++at) before[at] = commit(at);
  put(kCommits + 1, commit(kCommits));
  EXPECT_TRUE(names(audited(), kCommits + 1));
  std::size_t found = 0;
  // From the end on, so that each moves one more of them.
  for (Sequence at = kCommits; at >= 1; --at) {
    put(at + 1, moved_to(at + 1, before[at]));
    found += names(audited(), at + 1) ? 1 : 0;
  }
  EXPECT_EQ(found, kCommits);
  for (const auto& [sequence, bytes] : before) put(sequence, bytes);
  put(kCommits + 1, std::nullopt);
  EXPECT_TRUE(audited().empty());
}

TEST_F(AuditOfALog, FindsThatTheEndIsMissing) {
  std::map<Sequence, std::string> cut;
  for (Sequence at = kCommits; at >= 1; --at) {
    cut[at] = commit(at);
    put(at, std::nullopt);
    expect_missing(at, kCommits);
  }
  for (const auto& [sequence, bytes] : cut) put(sequence, bytes);
}

TEST_F(AuditOfALog, FindsThatTheBeginningIsMissing) {
  std::map<Sequence, std::string> cut;
  for (Sequence at = 1; at < kCommits; ++at) {
    cut[at] = commit(at);
    put(at, std::nullopt);
    expect_missing(1, at);
  }
  for (const auto& [sequence, bytes] : cut) put(sequence, bytes);
  EXPECT_TRUE(audited().empty());
}

TEST_F(AuditOfALog, FindsALogThatWasRolledBack) {
  Findings findings;
  store::audit_root(*view_, noted_, findings);
  EXPECT_TRUE(findings.empty());
  store::audit_root(*view_, {noted_.sequence - 1, noted_.root}, findings);
  EXPECT_EQ(findings.count(), 1u);  // The control: another root is no root of this log.
  View before = *view_;
  before.sequence = noted_.sequence - 1;
  store::audit_root(before, noted_, findings);
  ASSERT_EQ(findings.count(), 2u);
  EXPECT_NE(findings.named()[1].message.find("rolled back"), std::string::npos);
}

TEST_F(AuditOfALog, FindsAnIndexThatIsNotWhatTheLogSays) {
  Findings findings;
  const TemporaryFolder folder;
  const store::FoldRoom room{folder.path() / "fold"};
  const auto digest = store::audit_indexes(*view_, {}, room, findings);
  ASSERT_TRUE(digest);
  EXPECT_TRUE(*digest);
  EXPECT_TRUE(findings.empty());
  rows_->apply({Family::counters, "none", std::string("x")});
  ASSERT_TRUE(store::audit_indexes(*view_, {}, room, findings));
  rows_->apply({Family::counters, "none", std::nullopt});
  ASSERT_EQ(findings.count(), 1u);
  EXPECT_EQ(findings.named()[0].place, "counters");
}

// What it found before must not be lost with what it could not look at.
TEST_F(AuditOfALog, FindsThatNothingCouldBeCompared) {
  const TemporaryFolder folder;
  constexpr std::uint64_t kMoreThanAnyDisk = std::uint64_t{1} << 62;
  Findings findings;
  findings.add("log", "commit 1", "found before");
  const auto digest =
      store::audit_indexes(*view_, {}, {folder.path() / "fold", 1'000, kMoreThanAnyDisk}, findings);
  ASSERT_TRUE(digest);
  EXPECT_FALSE(*digest);
  ASSERT_EQ(findings.count(), 2u);
  EXPECT_EQ(findings.named()[1].part, "index");
  EXPECT_THAT(findings.named()[1].message, ::testing::HasSubstr("are kept free; make room"));
}

// Whether rows lie in memory or on disk, the same comes of it, and nothing stays there.
TEST_F(AuditOfALog, ComparesRowsThatMemoryDoesNotHold) {
  const TemporaryFolder folder;
  const auto audited = [&](std::size_t bytes_max, Findings& findings) {
    return store::audit_indexes(*view_, {}, {folder.path() / "fold", bytes_max, 0}, findings);
  };
  constexpr std::size_t kLittle = 50'000;
  for (const bool is_damaged : {false, true}) {
    if (is_damaged) rows_->apply({Family::counters, "none", std::string("x")});
    Findings held, spilt;
    const auto in_memory = audited(std::size_t{256} << 20, held);
    const auto on_disk = audited(kLittle, spilt);
    ASSERT_TRUE(in_memory && *in_memory);
    ASSERT_TRUE(on_disk && *on_disk) << (spilt.empty() ? "" : spilt.named()[0].message);
    EXPECT_EQ(**in_memory, **on_disk);
    EXPECT_EQ(held.count(), is_damaged ? 1u : 0u);
    ASSERT_EQ(spilt.count(), held.count());
    if (is_damaged) {
      EXPECT_EQ(spilt.named()[0].message, held.named()[0].message);
    }
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "fold"));
  }
  rows_->apply({Family::counters, "none", std::nullopt});
}

TEST_F(AuditOfALog, FindsATileThatWasAltered) {
  std::string key;
  std::string tile;
  ASSERT_TRUE(rows_->scan(Family::tree, {std::string("\x01", 1), {}}, [&](auto k, auto value) {
    key = k;
    tile = value;
    return false;
  }));
  std::string altered = tile;
  altered[32 * 41] = static_cast<char>(altered[32 * 41] ^ 1);
  rows_->apply({Family::tree, key, altered});
  const Findings findings = audited();
  rows_->apply({Family::tree, key, tile});
  ASSERT_EQ(findings.count(), 1u);
  EXPECT_EQ(findings.named()[0].place, "commit 42");
}

}  // namespace
}  // namespace emstore::testing
