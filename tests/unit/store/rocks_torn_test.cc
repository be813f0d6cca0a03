// What a power cut leaves of the last write, and what is damage instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "store/rocks.h"
#include "store/rocks_room.h"
#include "tests/support/chance.h"
#include "tests/support/dropping_file_system.h"
#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

constexpr std::size_t kSectorBytes = 512;
constexpr std::size_t kLargeBytes = 70'000;  // Of a row that lies in three blocks of the log.

// A database with a row of Family::log for each write, "1" and on, whose files can be laid waste.
class RocksTornTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Database>> open(std::optional<std::string> acknowledged) {
    DatabaseOptions options;
    options.memtable_bytes = memtable_bytes_;
    options.cache_bytes = 4u << 20;
    options.acknowledged = std::move(acknowledged);
    options.on_torn_end = [this](const TornEnd& end) { told_.push_back(end); };
    options.file_system = std::shared_ptr<rocksdb::FileSystem>(files_);
    return Database::open(folder_.path() / "rocks", options);
  }

  // Makes the database anew. No row holds a zero.
  void write(const std::vector<std::string>& rows) {
    std::filesystem::remove_all(folder_.path() / "rocks");
    const auto database = open({}).value();
    begins_.clear();
    for (const std::string& row : rows) {
      begins_.push_back(bytes().find_last_not_of('\0') + 1);  // Room is ahead.
      const RowChange change{Family::log, std::to_string(begins_.size()), row};
      EXPECT_TRUE(database->write(std::span(&change, 1), Durability::synced));
    }
    told_.clear();
  }
  static std::string row(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<char>(1 + at % 250);
    return bytes;
  }
  void write_small_and(std::size_t last_bytes) {
    write({row(300), row(300), row(300), row(300), row(last_bytes)});
  }

  std::filesystem::path file() const {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "rocks")) {
      if (entry.path().extension() == ".log") newest = std::max(newest, entry.path());
    }
    return newest;
  }
  static std::string bytes_of(const std::filesystem::path& file) {
    std::ostringstream all;
    all << std::ifstream(file, std::ios::binary).rdbuf();
    return all.str();
  }
  std::string bytes() const { return bytes_of(file()); }
  void put(const std::string& bytes) const { std::ofstream(file(), std::ios::binary) << bytes; }

  static std::string room() { return std::string(kRoomBytes, '\0'); }

  // The part of a sector that lies behind `from`, with zeros in it.
  static std::string without(std::string bytes, std::size_t sector, std::size_t from) {
    const std::size_t begin = std::max(from, sector * kSectorBytes);
    const std::size_t end = std::min(bytes.size(), (sector + 1) * kSectorBytes);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
              bytes.begin() + static_cast<std::ptrdiff_t>(end), '\0');
    return bytes;
  }

  static bool has(const Database& database, int number) {
    return database.snapshot()->get(Family::log, std::to_string(number))->has_value();
  }

  // Whether the byte is part of a record's length.
  bool is_in_length(std::size_t at) const {
    return std::any_of(begins_.begin(), begins_.end(),
                       [at](std::size_t record) { return at == record + 4 || at == record + 5; });
  }

  void expect_refusal(const std::string& damaged, const std::optional<std::string>& acknowledged) {
    put(damaged);
    const auto refused = open(acknowledged);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::corrupt_log);
    EXPECT_TRUE(told_.empty());
    EXPECT_TRUE(bytes() == damaged) << "nothing was to be changed";
  }

  // Of the manifest that CURRENT names.
  std::filesystem::path manifest() const {
    std::string name;
    std::getline(std::ifstream(folder_.path() / "rocks" / "CURRENT"), name);
    return folder_.path() / "rocks" / name;
  }
  Result<std::unique_ptr<Database>> open_with_small_tables(const std::string& acknowledged) {
    memtable_bytes_ = 64u << 10;
    return open(acknowledged);
  }
  // So many rows that tables are written, and what they replace is deleted, meanwhile. Returns the
  // key of the last one that is on disk.
  static std::string write_tables(Database& database) {
    std::string last;
    for (int number = 1; number <= 18; ++number) {
      const RowChange change{Family::log, std::to_string(number), row(8'000)};
      if (!database.write(std::span(&change, 1), Durability::synced)) break;
      last = change.key;
    }
    return last;
  }
  static int missing(const Database& database, const std::string& last) {
    int missing = 0;
    for (int number = 1; !last.empty() && number <= std::stoi(last); ++number) {
      if (!has(database, number)) ++missing;
    }
    return missing;
  }

  testing::TemporaryFolder folder_;
  std::shared_ptr<testing::DroppingFileSystem> files_ =
      std::make_shared<testing::DroppingFileSystem>();
  std::size_t memtable_bytes_ = 4u << 20;
  std::vector<std::size_t> begins_;  // Where each write begins in the file.
  std::vector<TornEnd> told_;
};

TEST_F(RocksTornTest, DropsALastWriteThatLacksASector) {
  write_small_and(kLargeBytes);
  const std::string whole = bytes();
  const std::size_t begin = begins_.back();
  for (std::size_t sector = begin / kSectorBytes; sector * kSectorBytes < whole.size();
       sector += 1 + sector % 5) {
    write_small_and(kLargeBytes);
    put(without(whole, sector, begin));
    const auto database = open("4");
    ASSERT_TRUE(database) << "sector " << sector << ": " << to_string(database.error());
    EXPECT_TRUE(has(**database, 4));
    EXPECT_FALSE(has(**database, 5));
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(told_[0].file.extension(), ".log");
    EXPECT_GE(told_[0].offset, begin);
    EXPECT_LE(told_[0].offset, std::max(begin, sector * kSectorBytes));
    EXPECT_EQ(told_[0].offset + told_[0].bytes, whole.size());
    const RowChange next{Family::log, "5", std::string("again")};
    EXPECT_TRUE((*database)->write(std::span(&next, 1), Durability::synced));
  }
}

TEST_F(RocksTornTest, DropsALastWriteThatLacksAllFromASectorOn) {
  write_small_and(kLargeBytes);
  const std::string whole = bytes();
  const std::size_t begin = begins_.back();
  for (std::size_t from = begin; from < whole.size();
       from = (from / kSectorBytes + 1 + from % 7) * kSectorBytes) {
    write_small_and(kLargeBytes);
    std::string torn = whole;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(from), torn.end(), '\0');
    put(torn);
    const auto database = open("4");
    ASSERT_TRUE(database) << "from " << from << ": " << to_string(database.error());
    EXPECT_TRUE(has(**database, 4));
    EXPECT_FALSE(has(**database, 5));
  }
}

// Its bytes have the shape of what would have been on disk before.
TEST_F(RocksTornTest, DropsALastWriteThatHoldsAWriteAheadLog) {
  write_small_and(300);
  const std::string log = bytes();
  write({row(300), row(2'000) + log + row(2'000)});
  put(without(bytes(), begins_.back() / kSectorBytes + 1, begins_.back()));
  const auto database = open("1");
  ASSERT_TRUE(database) << to_string(database.error());
  EXPECT_TRUE(has(**database, 1));
  EXPECT_FALSE(has(**database, 2));
}

// Whatever the second cut leaves of the first recovery, the next start finishes it.
TEST_F(RocksTornTest, RecoversFromACutInTheRecovery) {
  std::mt19937 random(20261129);
  bool was_cut = true;
  for (std::uint64_t sync = 1; was_cut; ++sync) {
    ASSERT_LT(sync, 300u);
    write_small_and(kLargeBytes);
    put(without(bytes(), begins_.back() / kSectorBytes + 3, begins_.back()));
    files_->cut_power_at_sync(sync);
    const bool is_open = open("4").has_value();
    was_cut = files_->is_cut();
    ASSERT_TRUE(is_open || was_cut);
    files_->restore_power(random);

    const auto database = open("4");
    ASSERT_TRUE(database) << "cut at sync " << sync << ": " << to_string(database.error());
    EXPECT_TRUE(has(**database, 4)) << "cut at sync " << sync;
    EXPECT_FALSE(has(**database, 5));
  }
}

TEST_F(RocksTornTest, RefusesAFlippedBit) {
  write_small_and(300);
  const std::string whole = bytes();
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    // A length that leads past the end of the file is no error to RocksDB: the head knows better.
    if (is_in_length(at)) continue;
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    expect_refusal(damaged, "4");
  }
}

// ---- In front of room: what a process leaves that was killed

TEST_F(RocksTornTest, TakesRoomForTheEndOfTheLog) {
  for (const std::size_t last_bytes : {std::size_t{300}, kLargeBytes}) {
    write_small_and(last_bytes);
    put(bytes() + room());
    for (const char* acknowledged : {"5", "6"}) {
      const auto database = open(acknowledged);
      ASSERT_TRUE(database) << to_string(database.error());
      EXPECT_TRUE(has(**database, 5));
      EXPECT_TRUE(told_.empty());
      const RowChange next{Family::log, "6", std::string("on")};
      EXPECT_TRUE((*database)->write(std::span(&next, 1), Durability::synced));
    }
  }
}

TEST_F(RocksTornTest, DropsATornWriteInFrontOfRoom) {
  write_small_and(kLargeBytes);
  const std::string whole = bytes();
  const std::size_t begin = begins_.back();
  for (std::size_t sector = begin / kSectorBytes + 1; sector * kSectorBytes < whole.size();
       sector += 1 + sector % 5) {
    std::string short_of_it = whole;
    std::fill(short_of_it.begin() + static_cast<std::ptrdiff_t>(sector * kSectorBytes),
              short_of_it.end(), '\0');
    for (const std::string& torn : {without(whole, sector, begin), short_of_it}) {
      write_small_and(kLargeBytes);
      put(torn + room());
      const auto database = open("4");
      ASSERT_TRUE(database) << "sector " << sector << ": " << to_string(database.error());
      EXPECT_TRUE(has(**database, 4));
      EXPECT_FALSE(has(**database, 5));
      EXPECT_EQ(told_.size(), 1u);
    }
  }
}

TEST_F(RocksTornTest, RefusesAFlippedBitInFrontOfRoom) {
  write_small_and(300);
  const std::string whole = bytes();
  for (std::size_t at = 0; at < whole.size(); at += 3) {
    // A record that reaches into the room looks like one that was torn: the head knows better.
    std::string damaged = whole + room();
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    expect_refusal(damaged, is_in_length(at) ? "5" : "1");
  }
}

// Nothing in front of it is touched. One that makes a header of zeros is told.
TEST_F(RocksTornTest, LosesNothingToAFlippedBitInRoom) {
  constexpr std::size_t kHeaderBytes = 7;
  for (const std::size_t behind : {0u, 4u, 6u, 700u, 40'000u}) {
    write_small_and(300);
    std::string damaged = bytes() + room();
    char& flipped = damaged[damaged.size() - room().size() + behind];
    flipped = static_cast<char>(flipped ^ 0x01);
    if (behind < kHeaderBytes) {
      expect_refusal(damaged, "5");
      continue;
    }
    put(damaged);
    const auto database = open("5");
    ASSERT_TRUE(database) << "byte " << behind << ": " << to_string(database.error());
    EXPECT_TRUE(has(**database, 5));
  }
}

// Types that another setting of RocksDB writes: it would take what follows for the log of before.
TEST_F(RocksTornTest, RefusesATypeThatItDoesNotWrite) {
  write_small_and(300);
  for (const std::size_t record : begins_) {
    for (const std::string& behind : {std::string(), room()}) {
      std::string damaged = bytes();
      damaged[record + 6] = static_cast<char>(damaged[record + 6] ^ 0x04);
      write_small_and(300);
      expect_refusal(damaged + behind, "");
      write_small_and(300);
    }
  }
}

// It was on disk before the next one was begun.
TEST_F(RocksTornTest, RefusesAHoleThatAWholeWriteStandsBehind) {
  for (const std::size_t last_bytes : {std::size_t{300}, kLargeBytes}) {
    write({row(300), row(kLargeBytes), row(last_bytes)});
    const std::string whole = bytes();
    for (std::size_t sector = 0; (sector + 1) * kSectorBytes <= begins_[2];
         sector += 1 + sector % 4) {
      expect_refusal(without(whole, sector, 0), "1");
    }
  }
}

// Less than a header is left of a block: the next record begins in the next one.
TEST_F(RocksTornTest, KnowsThePaddingOfABlock) {
  write({row(300), row(300)});
  const std::size_t block = 32'768, beside = begins_[1] - begins_[0] - 300;
  for (std::size_t left = 0; left <= 8; ++left) {
    // The length of a row of over 16,383 bytes takes one byte more.
    const std::vector<std::string> rows{row(300), row(block - left - begins_[1] - beside - 1),
                                        row(900)};
    write(rows);
    ASSERT_EQ(begins_[2], block - left);
    const std::size_t third = left < 7 ? block : begins_[2];
    const std::string whole = bytes();
    EXPECT_TRUE(open("3")) << left << " bytes left";
    EXPECT_TRUE(told_.empty()) << left << " bytes left";

    write(rows);
    put(without(whole, third / kSectorBytes + 1, third));
    EXPECT_TRUE(open("2")) << left << " bytes left";
    EXPECT_EQ(told_.size(), 1u) << left << " bytes left";

    write(rows);
    expect_refusal(without(whole, 3, 0), "1");
  }
}

// What an older log lacks is not asked: it was closed.
TEST_F(RocksTornTest, LooksAtTheNewestLogOnly) {
  write_small_and(kLargeBytes);
  const std::string torn = without(bytes(), begins_.back() / kSectorBytes + 3, begins_.back());
  put(torn);
  const std::filesystem::path newer = file().parent_path() / "999999.log";
  std::ofstream(newer, std::ios::binary).close();
  const auto refused = open("4");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt_log);
  EXPECT_TRUE(told_.empty());
}

TEST_F(RocksTornTest, RefusesAHoleInWhatIsAcknowledged) {
  write_small_and(kLargeBytes);
  const std::string torn = without(bytes(), begins_.back() / kSectorBytes + 3, begins_.back());
  expect_refusal(torn, "5");
  expect_refusal(torn, "5");  // Not at the second time either.
}

TEST_F(RocksTornTest, RefusesAHoleWhenNothingIsKnownToBeAcknowledged) {
  write_small_and(kLargeBytes);
  expect_refusal(without(bytes(), begins_.back() / kSectorBytes + 3, begins_.back()), std::nullopt);
}

// At every sync of a creation, of writes to tables, and of a start: also in the manifest. Before
// the power goes a process may have gone at the same place, and the next one have begun to start.
TEST_F(RocksTornTest, DropsWhateverIsLostOfAWriteToTheManifest) {
  std::mt19937 random(testing::seed_given());
  int manifests = 0;
  bool was_cut = true;
  for (std::uint64_t sync = 1; was_cut; sync += sync < 46 ? 1 : 6) {
    ASSERT_LT(sync, 300u);
    std::filesystem::remove_all(folder_.path() / "rocks");
    std::string last;
    files_->cut_power_at_sync(sync);
    if (const auto database = open_with_small_tables(""); database) last = write_tables(**database);
    if (!files_->is_cut()) static_cast<void>(open_with_small_tables(last));
    was_cut = files_->is_cut();
    if (sync % 2 == 0) {
      files_->restore_power(random, testing::Loss::nothing);
      files_->cut_power_at_sync(1 + random() % 6);
      static_cast<void>(open_with_small_tables(last));
    }
    files_->restore_power(random, testing::Loss::pages);

    const auto database = open_with_small_tables(last);
    ASSERT_TRUE(database) << "cut at sync " << sync << ": " << to_string(database.error());
    EXPECT_EQ(missing(**database, last), 0) << "cut at sync " << sync;
    for (const TornEnd& end : std::exchange(told_, {})) {
      if (end.file.filename().string().starts_with("MANIFEST-")) ++manifests;
    }
  }
  EXPECT_GT(manifests, 5);
}

class DamagedManifestTest : public RocksTornTest {
 protected:
  DamagedManifestTest() {
    last_ = write_tables(*open_with_small_tables("").value());
    std::filesystem::copy(folder_.path() / "rocks", folder_.path() / "good", kRecursive);
    good_ = bytes_of(manifest());
  }

  // Of a good database in which the manifest alone is damaged. Refused, it is as it was.
  bool opens_with(const std::string& damaged) {
    std::filesystem::remove_all(folder_.path() / "rocks");
    std::filesystem::copy(folder_.path() / "good", folder_.path() / "rocks", kRecursive);
    const std::filesystem::path file = manifest();
    std::ofstream(file, std::ios::binary) << damaged;
    told_.clear();
    const auto database = open_with_small_tables(last_);
    if (database) {
      EXPECT_EQ(missing(**database, last_), 0);
      return true;
    }
    refusal_ = database.error().message;
    EXPECT_EQ(database.error().code, ErrorCode::corrupt_log) << refusal_;
    EXPECT_THAT(refusal_, ::testing::HasSubstr(file.filename().string()));
    EXPECT_TRUE(told_.empty());
    EXPECT_TRUE(bytes_of(file) == damaged) << "nothing was to be changed";
    return false;
  }

  static constexpr auto kRecursive = std::filesystem::copy_options::recursive;
  std::string last_;
  std::string good_;
  std::string refusal_;  // The last one.
};

// Its writes were acted on: the logs and tables of before are gone.
TEST_F(DamagedManifestTest, IsRefusedForAHoleInWhatWasSynced) {
  for (std::size_t sector = 0; sector * kSectorBytes < good_.size(); ++sector) {
    EXPECT_FALSE(opens_with(without(good_, sector, 0))) << "sector " << sector;
  }
}

TEST_F(DamagedManifestTest, IsRefusedWhenAnyOfWhatWasSyncedIsCutOff) {
  for (std::size_t size = 0; size < good_.size(); size += 1 + size % 29) {
    EXPECT_FALSE(opens_with(good_.substr(0, size))) << size << " bytes";
  }
}

TEST_F(DamagedManifestTest, IsRefusedForAFlippedBit) {
  const auto flip = [this](std::size_t at) {
    std::string damaged = good_;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    EXPECT_FALSE(opens_with(damaged)) << "byte " << at;
  };
  for (std::size_t at = 0; at < good_.size(); at += 37) flip(at);
  // A length that leads past the end of the file is no damage to RocksDB.
  for (std::size_t record = 0; record + 6 < good_.size();) {
    for (std::size_t at = record + 4; at < record + 7; ++at) flip(at);
    record += 7 + static_cast<unsigned char>(good_[record + 4]) +
              256u * static_cast<unsigned char>(good_[record + 5]);
  }
}

TEST_F(DamagedManifestTest, IsRefusedWhenItIsNotKnownWhatHolds) {
  const std::filesystem::path notes = folder_.path() / "good" / "manifest.synced";
  const std::string hole = without(good_, (good_.size() - 1) / kSectorBytes, 0);
  EXPECT_FALSE(opens_with(hole));
  EXPECT_THAT(refusal_, ::testing::HasSubstr("bytes of it were on disk"));

  // Were it believed, the hole would lie behind what holds.
  std::string flipped = bytes_of(notes);
  constexpr std::size_t kSlotBytes = 4'096, kSizeAt = 8, kSizeBytes = 8;
  for (std::size_t slot = 0; slot < flipped.size(); slot += kSlotBytes) {
    flipped.replace(slot + kSizeAt, kSizeBytes, kSizeBytes, '\0');
  }
  std::ofstream(notes, std::ios::binary) << flipped;
  EXPECT_FALSE(opens_with(hole));
  EXPECT_THAT(refusal_, ::testing::HasSubstr("is not known"));
  std::filesystem::remove(notes);
  EXPECT_FALSE(opens_with(hole));
  EXPECT_THAT(refusal_, ::testing::HasSubstr("is not known"));
  EXPECT_TRUE(opens_with(good_));
}

// What was begun behind it, of several records, goes whole; so does the end of the log.
TEST_F(DamagedManifestTest, OpensWithoutWhatWasNotSynced) {
  const std::string written = good_ + good_.substr(0, 1'500);
  for (const std::string& left :
       {written, written.substr(0, good_.size() + 700),
        without(written, good_.size() / kSectorBytes, good_.size()),
        without(written, good_.size() / kSectorBytes + 1, good_.size())}) {
    EXPECT_TRUE(opens_with(left));
    ASSERT_EQ(told_.size(), 1u);
    EXPECT_EQ(told_[0].offset, good_.size());
    EXPECT_EQ(told_[0].bytes, left.size() - good_.size());
  }
  const std::filesystem::path log = folder_.path() / "good" / file().filename();
  // A header of a record of 1,000 bytes, and nothing of it.
  std::ofstream(log, std::ios::binary | std::ios::app)
      << std::string("\1\2\3\4\xe8\3\1", 7) << std::string(1'200, '\0');
  EXPECT_TRUE(opens_with(written));
  EXPECT_EQ(told_.size(), 2u);
}

}  // namespace
}  // namespace emstore::store
