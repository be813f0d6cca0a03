#include "store/head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr std::size_t kSlotBytes = 4096;

HeadState state_at(Sequence sequence, bool clean = false) {
  HeadState state;
  state.store.fill(7);
  state.sequence = sequence;
  state.root = sha256(std::to_string(sequence));
  state.clean = clean;
  return state;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class HeadTest : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return folder_.path() / "head"; }

  std::optional<HeadState> recorded() const {
    const auto head = Head::open(path());
    EXPECT_TRUE(head) << (head ? "" : to_string(head.error()));
    return head ? head->recorded() : std::nullopt;
  }

  // Records and syncs these, each in its turn.
  void record(std::initializer_list<HeadState> states) const {
    auto head = Head::open(path());
    ASSERT_TRUE(head);
    for (const HeadState& state : states) {
      ASSERT_TRUE(head->record(state));
      ASSERT_TRUE(head->sync());
    }
  }

  testing::TemporaryFolder folder_;
};

TEST_F(HeadTest, HasRecordedNothingWhenItIsNew) {
  EXPECT_EQ(recorded(), std::nullopt);
  EXPECT_EQ(recorded(), std::nullopt);  // Nor after a crash that came before the first record.
}

TEST_F(HeadTest, IsReplacedByAnEarlierStateInOneStep) {
  record({state_at(9)});
  ASSERT_TRUE(Head::replace(path(), state_at(3, true)));
  EXPECT_THAT(recorded(), Optional(state_at(3, true)));
  record({state_at(4)});
  EXPECT_THAT(recorded(), Optional(state_at(4)));
}

TEST_F(HeadTest, IsForItsOwnerOnly) {
  ASSERT_TRUE(Head::open(path()));
  struct stat found {};
  ASSERT_EQ(::stat(path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_EQ(found.st_size, static_cast<off_t>(2 * kSlotBytes));
}

TEST_F(HeadTest, RemembersWhatWasRecordedLast) {
  for (Sequence sequence = 1; sequence <= 5; ++sequence) {
    record({state_at(sequence)});
    EXPECT_THAT(recorded(), Optional(state_at(sequence)));
  }
}

TEST_F(HeadTest, TellsACleanStopFromTheRecordBeforeIt) {
  record({state_at(3), state_at(3, /*clean=*/true)});
  EXPECT_THAT(recorded(), Optional(state_at(3, true)));
  record({state_at(3, /*clean=*/false)});
  EXPECT_THAT(recorded(), Optional(state_at(3, false)));
}

TEST_F(HeadTest, IsSyncedOnlyAfterASync) {
  auto head = Head::open(path());
  ASSERT_TRUE(head);
  EXPECT_TRUE(head->is_synced());
  ASSERT_TRUE(head->record(state_at(1)));
  EXPECT_FALSE(head->is_synced());
  ASSERT_TRUE(head->sync());
  EXPECT_TRUE(head->is_synced());
}

TEST_F(HeadTest, KeepsItsFormat) {
  record({state_at(0x0102030405060708, true)});
  const std::string bytes = read_file(path()).substr(kSlotBytes, 81);
  const std::string before_checksum =
      "EMSHEAD1" + std::string(16, '\x07') + std::string("\x01\x02\x03\x04\x05\x06\x07\x08") +
      std::string("\0\0\0\0\0\0\0\x01", 8) +
      std::string(as_bytes(state_at(0x0102030405060708).root)) + "\x01";
  EXPECT_EQ(to_hex(bytes.substr(0, 73)), to_hex(before_checksum));
  std::uint64_t checksum = 0;
  for (const char byte : bytes.substr(73)) {
    checksum = checksum << 8 | static_cast<std::uint8_t>(byte);
  }
  EXPECT_EQ(checksum, checksum64(before_checksum));
}

// Each slot torn after each of its bytes: the other one counts.
TEST_F(HeadTest, FallsBackWhenTheLatestSlotIsTorn) {
  record({state_at(1), state_at(2)});
  const std::string whole = read_file(path());
  for (std::size_t cut = 0; cut < 81; ++cut) {
    std::string torn = whole;  // The second record went into the first slot.
    for (std::size_t i = cut; i < kSlotBytes; ++i) torn[i] = '\xee';
    write_file(path(), torn);
    ASSERT_THAT(recorded(), Optional(state_at(1))) << cut;
  }
  record({state_at(3)});
  EXPECT_THAT(recorded(), Optional(state_at(3)));
}

TEST_F(HeadTest, FindsAFlippedBitInEveryByteOfASlot) {
  record({state_at(1), state_at(2)});
  const std::string whole = read_file(path());
  for (std::size_t i = 0; i < 81; ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    write_file(path(), damaged);
    ASSERT_THAT(recorded(), Optional(state_at(1))) << i;
  }
}

TEST_F(HeadTest, RefusesAFileWithoutAWholeSlot) {
  record({state_at(1), state_at(2)});
  std::string damaged = read_file(path());
  damaged[10] = '\xee';
  damaged[kSlotBytes + 10] = '\xee';
  for (const std::string& bytes : {damaged, std::string(2 * kSlotBytes, '\0'), std::string()}) {
    write_file(path(), bytes);
    const auto head = Head::open(path());
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error().code, ErrorCode::rolled_back);
    EXPECT_THAT(head.error().message, HasSubstr(path().string()));
  }
}

// What is not synced is written over; what is on disk is not, until the other slot is.
TEST_F(HeadTest, LeavesTheSyncedSlotAloneUntilTheNextSync) {
  record({state_at(1)});
  auto head = Head::open(path());
  ASSERT_TRUE(head);
  const std::string synced = read_file(path()).substr(kSlotBytes);
  for (Sequence sequence = 2; sequence < 6; ++sequence) {
    ASSERT_TRUE(head->record(state_at(sequence)));
    EXPECT_EQ(read_file(path()).substr(kSlotBytes), synced);
  }
  EXPECT_THAT(recorded(), Optional(state_at(5)));
}

TEST_F(HeadTest, SaysWhichFolderIsMissing) {
  const auto head = Head::open(folder_.path() / "absent" / "head");
  ASSERT_FALSE(head);
  EXPECT_EQ(head.error().code, ErrorCode::io_failed);
  EXPECT_THAT(head.error().message, HasSubstr("absent/head"));
}

}  // namespace
}  // namespace emstore::store
