// Whoever can write to the disk alters the log of a store that is closed: whatever is done to which
// commit, the store is not opened, or an audit names the place.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "base/big_endian.h"
#include "store/audit.h"
#include "store/event_bytes.h"
#include "store/log.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::Family;

constexpr Sequence kLast = 6;  // Two subtrees.
constexpr std::string_view kName = "chair";
constexpr std::string_view kReason = "ordered by Ada";

// The rows of the log as they lie on disk, commit by commit; a row more or less is one, too.
using Log = std::vector<std::string>;
using Tampering = std::function<void(Log& log, std::size_t at)>;

std::size_t after(const Log& log, std::size_t at) { return (at + 1) % log.size(); }

// With commitments that fit what it says.
std::string made_anew(const std::string& bytes, Sequence sequence) {
  store::Commit commit = store::decode(bytes).value();
  commit.info.sequence = sequence;
  commit.info.peer.uid += 1;
  return store::encode(commit, store::salts_of(bytes).value()).bytes;
}

void edit_commit(Log& log, std::size_t at) {
  log[at].back() = static_cast<char>(log[at].back() ^ 1);
}
void make_commit_anew(Log& log, std::size_t at) { log[at] = made_anew(log[at], at + 1); }
void remove_commit(Log& log, std::size_t at) { log[at].clear(); }
void cut_end(Log& log, std::size_t at) { log.resize(at); }
void cut_beginning(Log& log, std::size_t at) {
  for (std::size_t i = 0; i <= at; ++i) log[i].clear();
}

void insert_commit(Log& log, std::size_t at) {
  log.insert(log.begin() + static_cast<std::ptrdiff_t>(at), log[after(log, at)]);
}

void swap_commits(Log& log, std::size_t at) { std::swap(log[at], log[after(log, at)]); }
void swap_made_anew(Log& log, std::size_t at) {
  const std::size_t other = after(log, at);
  std::swap(log[at], log[other]);
  log[at] = made_anew(log[at], at + 1);
  log[other] = made_anew(log[other], other + 1);
}

// Those behind a commit that was put in have their new places in them.
void insert_made_anew(Log& log, std::size_t at) {
  log.insert(log.begin() + static_cast<std::ptrdiff_t>(at), log[at]);
  for (std::size_t i = at; i < log.size(); ++i) log[i] = made_anew(log[i], i + 1);
}

void remove_and_close_the_gap(Log& log, std::size_t at) {
  log.erase(log.begin() + static_cast<std::ptrdiff_t>(at));
  for (std::size_t i = at; i < log.size(); ++i) log[i] = made_anew(log[i], i + 1);
}

// Where the state of each event stands in the bytes of a commit.
std::vector<std::size_t> states_of(const std::string& bytes) {
  const store::HeaderView header = store::decode_header(bytes).value();
  std::vector<std::size_t> states;
  std::size_t at = header.bytes.size();
  for (std::size_t event = 0; event < header.kinds.size(); ++event) {
    states.push_back(at);
    at += 1 + 4 + sizeof(store::Salt) + big_endian<std::uint32_t>(bytes.substr(at + 1, 4));
  }
  return states;
}

// The payload says something else; of the header, which the tree holds, nothing changes.
void forge_and_say_erased(Log& log, std::size_t at) {
  for (const std::string_view text : {kReason, kName, std::string_view("sku")}) {
    for (std::size_t i = log[at].find(text); i != std::string::npos; i = log[at].find(text, i)) {
      log[at][i] = 'x';
    }
  }
  for (const std::size_t state : states_of(log[at])) log[at][state] = 1;
}

class TamperedLog : public ::testing::Test, public TestStore {
 protected:
  TamperedLog() {
    apply(shop_schema());
    while (view()->sequence < kLast) {
      store::Command inserted = command(insert("products", {{"name", std::string(kName)}}));
      inserted.reason = kReason;
      EXPECT_TRUE(submit(std::move(inserted)));
    }
    close();
    log_ = read_log();
  }

  std::unique_ptr<store::Database> database() const {
    store::DatabaseOptions options;
    options.cache_bytes = 8u << 20;
    options.memtable_bytes = 4u << 20;
    options.acknowledged = store::log_key(kLast);
    return store::Database::open(folder() / "db", options).value();
  }

  Log read_log() const {
    Log log;
    EXPECT_TRUE(database()->snapshot()->scan(Family::log, {}, [&](auto, auto bytes) {
      log.emplace_back(bytes);
      return true;
    }));
    return log;
  }

  // An empty row is none: the place is left free.
  void write_log(const Log& log, bool forget_indexes = false) const {
    store::RowChanges rows;
    for (Sequence sequence = 1; sequence <= kLast + 1; ++sequence) {
      const bool is_there = sequence <= log.size() && !log[sequence - 1].empty();
      rows.push_back({Family::log, store::log_key(sequence),
                      is_there ? std::optional(log[sequence - 1]) : std::nullopt});
    }
    const auto written = database();
    ASSERT_TRUE(written->write(rows, store::Durability::synced));
    if (forget_indexes) {
      ASSERT_TRUE(written->forget_indexes());
    }
  }

  // Empty: the store is opened, and an audit of it finds nothing.
  std::string found() {
    const auto opened = try_open();
    if (!opened) return std::string(name_of(opened.error().code));
    store::Findings findings;
    EXPECT_TRUE(store::audit_commits(*(*opened)->view(), {}, findings));
    store::audit_head(folder() / "head", (*opened)->id(), (*opened)->database(), findings);
    return findings.empty() ? "" : findings.named().front().place;
  }

  // Done to each commit in turn, it is found; all is as it was afterwards.
  void expect_found_at_each_commit(const Tampering& tamper) {
    for (std::size_t at = 0; at < log_.size(); ++at) {
      Log altered = log_;
      tamper(altered, at);
      write_log(altered);
      EXPECT_NE(found(), "") << "at commit " << at + 1;
    }
    write_log(log_);
    EXPECT_EQ(found(), "");
  }

  Log log_;
};

TEST_F(TamperedLog, IsFoundWhereACommitWasEdited) { expect_found_at_each_commit(edit_commit); }
TEST_F(TamperedLog, IsFoundWhereACommitWasMadeAnew) {
  expect_found_at_each_commit(make_commit_anew);
}

TEST_F(TamperedLog, IsFoundWhereACommitWasDeleted) {
  expect_found_at_each_commit(remove_commit);
  expect_found_at_each_commit(remove_and_close_the_gap);
}

TEST_F(TamperedLog, IsFoundWhereACommitWasInserted) {
  expect_found_at_each_commit(insert_commit);
  expect_found_at_each_commit(insert_made_anew);
}

TEST_F(TamperedLog, IsFoundWhereCommitsChangedPlaces) {
  expect_found_at_each_commit(swap_commits);
  expect_found_at_each_commit(swap_made_anew);
}

TEST_F(TamperedLog, IsFoundWhereAnEndWasCutOff) {
  expect_found_at_each_commit(cut_end);
  expect_found_at_each_commit(cut_beginning);
}

TEST_F(TamperedLog, IsFoundWhereACommitSaysThatItsEventsWereErased) {
  for (std::size_t event = 0; event < 2; ++event) {
    expect_found_at_each_commit([event](Log& log, std::size_t at) {
      const std::vector<std::size_t> states = states_of(log[at]);
      log[at][states[std::min(event, states.size() - 1)]] = 1;
    });
  }
  expect_found_at_each_commit(forge_and_say_erased);
}

struct Way {
  const char* name;
  void (*tamper)(Log& log, std::size_t at);
  bool could_be_written;  // Whoever has another past could have committed what is there.
};

class TamperedLogWithItsIndexes : public TamperedLog, public ::testing::WithParamInterface<Way> {};

// The tree, and every other index, made again to fit: where the commits themselves are as a daemon
// writes them, only the head knows better.
TEST_P(TamperedLogWithItsIndexes, IsRefused) {
  for (std::size_t at = 0; at < log_.size(); ++at) {
    Log altered = log_;
    GetParam().tamper(altered, at);
    write_log(altered, true);
    const std::string refusal = found();
    EXPECT_NE(refusal, "") << "at commit " << at + 1;
    if (GetParam().could_be_written) {
      EXPECT_EQ(refusal, "rolled_back") << "at commit " << at + 1;
    }
  }
  write_log(log_, true);
  EXPECT_EQ(found(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Ways, TamperedLogWithItsIndexes,
    ::testing::Values(Way{"edited", edit_commit, false}, Way{"made_anew", make_commit_anew, true},
                      Way{"deleted", remove_commit, false},
                      Way{"deleted_and_closed", remove_and_close_the_gap, false},
                      Way{"inserted", insert_commit, false},
                      Way{"inserted_anew", insert_made_anew, true},
                      Way{"swapped", swap_commits, false},
                      Way{"swapped_anew", swap_made_anew, false}, Way{"cut_end", cut_end, true},
                      Way{"cut_beginning", cut_beginning, false},
                      Way{"said_to_be_erased", forge_and_say_erased, false}),
    [](const auto& way) { return std::string(way.param.name); });

// A log after each commit, as a copy of the database would bring it back.
class RolledBackLog : public ::testing::Test, public TestStore {
 protected:
  RolledBackLog() {
    keep();
    apply(shop_schema());
    keep();
    while (view()->sequence < kLast) {
      must(insert("products", {{"name", std::string(kName)}}));
      keep();
    }
    close();
  }

  std::filesystem::path kept(Sequence sequence) const {
    return kept_.path() / std::to_string(sequence);
  }

  // Puts a part of the folder, the database or the head, back from a copy.
  void put_back(Sequence sequence, const char* part) const {
    std::filesystem::remove_all(folder() / part);
    std::filesystem::copy(kept(sequence) / part, folder() / part,
                          std::filesystem::copy_options::recursive);
  }

  std::vector<store::NotedRoot> noted_;  // After each commit; the first of an empty log.

 private:
  void keep() {
    noted_.push_back({view()->sequence, view()->root});
    close();
    std::filesystem::copy(folder(), kept(noted_.back().sequence),
                          std::filesystem::copy_options::recursive);
    open();
  }

  TemporaryFolder kept_;
};

TEST_F(RolledBackLog, IsRefusedUnderEachNewerHead) {
  for (Sequence log = 0; log <= kLast; ++log) {
    put_back(log, "db");
    for (Sequence head = log + 1; head <= kLast; ++head) {
      put_back(head, "head");
      const auto refused = try_open();
      const std::string pair = std::to_string(log) + " under " + std::to_string(head);
      ASSERT_FALSE(refused) << pair;
      EXPECT_EQ(refused.error().code, ErrorCode::rolled_back) << pair;
      const std::string said = "commit " + std::to_string(head) + " was acknowledged";
      EXPECT_NE(refused.error().message.find(said), std::string::npos)
          << pair << ": " << to_string(refused.error());
    }
  }
}

// The control: with its own head an old copy is a store like any other, but for who has noted a
// root since.
TEST_F(RolledBackLog, IsAStoreLikeAnyOtherUnderItsOwnHead) {
  for (Sequence log = 0; log <= kLast; ++log) {
    put_back(log, "db");
    put_back(log, "head");
    open();
    EXPECT_EQ(view()->root, noted_[log].root);
    for (Sequence noted = 1; noted <= kLast; ++noted) {
      store::Findings findings;
      store::audit_root(*view(), noted_[noted], findings);
      ASSERT_EQ(findings.count(), noted > log ? 1u : 0u) << noted << " noted, up to " << log;
      if (noted <= log) continue;
      EXPECT_NE(findings.named().front().message.find("rolled back"), std::string::npos);
    }
    close();
  }
}

}  // namespace
}  // namespace emstore::testing
