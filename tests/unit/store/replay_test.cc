#include "store/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/merkle.h"
#include "store/scratch.h"

namespace emstore::store {
namespace {

CommitBytes commit_bytes(Sequence sequence) {
  Commit commit;
  commit.info.sequence = sequence;
  commit.events = {KeysExpired{1, sequence}};
  return encode(commit, std::vector<Salt>(1));
}

Scratch log_of(Sequence commits) {
  Scratch log;
  for (Sequence sequence = 1; sequence <= commits; ++sequence) {
    log.apply({Family::log, log_key(sequence), commit_bytes(sequence).bytes});
  }
  return log;
}

// As many commits as it hands over, from 1 on without a gap.
Result<Sequence> count(const Reader& log) {
  Sequence last = 0;
  EMSTORE_CHECKED(replay(log, 1, [&last](const LoggedCommit& logged) -> Status {
    EXPECT_EQ(logged.commit.info.sequence, ++last);
    EXPECT_EQ(logged.leaf, leaf_hash(commit_bytes(last).header_bytes()));
    return {};
  }));
  return last;
}

TEST(Replay, HandsOverEveryCommitInOrder) {
  for (const Sequence commits : {0u, 1u, 1023u, 1024u, 1025u, 3000u}) {
    EXPECT_EQ(count(log_of(commits)), commits);
  }
}

TEST(Replay, EndsWithTheErrorOfWhoTakes) {
  Sequence taken = 0;
  const Status status = replay(log_of(3000), 1, [&taken](const LoggedCommit&) -> Status {
    if (++taken == 1500) return failure(ErrorCode::cancelled, "enough");
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::cancelled);
  EXPECT_EQ(taken, 1500u);
}

TEST(Replay, RefusesALogThatIsDamaged) {
  const std::string bytes = commit_bytes(7).bytes;
  std::string other_salt = bytes;
  other_salt.back() = static_cast<char>(other_salt.back() ^ 1);
  const std::vector<RowChange> damages{{Family::log, log_key(7), std::nullopt},
                                       {Family::log, log_key(7), commit_bytes(8).bytes},
                                       {Family::log, log_key(7), bytes.substr(0, bytes.size() / 2)},
                                       {Family::log, log_key(7), other_salt}};
  for (const RowChange& damage : damages) {
    Scratch log = log_of(10);
    log.apply(damage);
    const Result<Sequence> counted = count(log);
    ASSERT_FALSE(counted);
    EXPECT_EQ(counted.error().code, ErrorCode::corrupt_log) << counted.error().message;
  }
}

}  // namespace
}  // namespace emstore::store
