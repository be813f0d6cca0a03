#include "store/rocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "base/pack.h"
#include "store/row_table.h"
#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::Pair;

using Rows = std::vector<std::pair<std::string, std::string>>;

DatabaseOptions small_options() {
  DatabaseOptions options;
  options.memtable_bytes = 4u << 20;
  options.cache_bytes = 4u << 20;
  return options;
}

RowChange put(Family family, std::string key, std::string value) {
  return {family, std::move(key), std::move(value)};
}
RowChange removal(Family family, std::string key) { return {family, std::move(key), std::nullopt}; }

Status ingest(Generation& generation, RowChange change) {
  RowTable table(generation);
  table.apply(std::move(change));
  return generation.ingest(table);
}

std::optional<std::string> get_of(const Reader& reader, Family family, std::string_view key) {
  const auto row = reader.get(family, key);
  EXPECT_TRUE(row);
  return row ? *row : std::nullopt;
}

std::string row_of_family(std::uint64_t generation, std::uint64_t index_version) {
  std::string bytes;
  pack::Writer writer(bytes);
  writer.begin_list(2);
  writer.unsigned_integer(generation);
  writer.unsigned_integer(index_version);
  return bytes;
}

Rows rows_of(const Reader& reader, Family family, const KeyRange& range = {},
             Direction direction = Direction::forward) {
  Rows rows;
  const auto done =
      reader.scan(family, range, direction, [&](std::string_view key, std::string_view value) {
        rows.emplace_back(key, value);
        return true;
      });
  EXPECT_TRUE(done) << (done ? "" : to_string(done.error()));
  return rows;
}

// A database in a folder of its own; reopen() as after a restart.
class RocksTest : public ::testing::Test {
 protected:
  RocksTest() { reopen(); }

  std::filesystem::path path() const { return folder_.path() / "rocks"; }

  void reopen() {
    database_.reset();
    auto opened = Database::open(path(), small_options());
    ASSERT_TRUE(opened) << to_string(opened.error());
    database_ = std::move(*opened);
  }

  void write(RowChanges changes) {
    const auto written = database_->write(changes, Durability::synced);
    ASSERT_TRUE(written) << to_string(written.error());
  }

  std::optional<std::string> get(Family family, std::string_view key) const {
    const auto value = database_->snapshot()->get(family, key);
    EXPECT_TRUE(value);
    return value ? *value : std::nullopt;
  }

  Error error_at_open() {
    database_.reset();
    const auto opened = Database::open(path(), small_options());
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }

  // The newest file with this extension.
  std::filesystem::path newest(const std::string& extension) const {
    std::filesystem::path found;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      if (file.path().extension() == extension) found = std::max(found, file.path());
    }
    return found;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Database> database_;
};

void flip_bit(const std::filesystem::path& file, std::streamoff offset) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(offset);
  const int byte = stream.get();
  ASSERT_NE(byte, EOF);
  stream.seekp(offset);
  stream.put(static_cast<char>(byte ^ 1));
}

TEST_F(RocksTest, MissesNothingInANewDatabase) {
  EXPECT_THAT(database_->outdated(), IsEmpty());
  reopen();
  EXPECT_THAT(database_->outdated(), IsEmpty());
}

TEST_F(RocksTest, ReadsBackWhatItWroteAfterAReopen) {
  write({put(Family::log, "1", "commit"), put(Family::records, "a", "row")});
  reopen();
  EXPECT_THAT(get(Family::log, "1"), Optional(std::string("commit")));
  EXPECT_THAT(get(Family::records, "a"), Optional(std::string("row")));
  EXPECT_EQ(get(Family::records, "1"), std::nullopt);
  EXPECT_THAT(database_->outdated(), IsEmpty());
}

TEST_F(RocksTest, KeepsEveryFamilyApart) {
  for (const FamilyInfo& family : kFamilies) {
    write({put(family.family, "key", std::string(family.name))});
  }
  reopen();
  for (const FamilyInfo& family : kFamilies) {
    EXPECT_THAT(get(family.family, "key"), Optional(std::string(family.name)));
  }
}

TEST_F(RocksTest, KeepsTheLastOfTwoChangesToARow) {
  write({put(Family::links, "a", "1"), removal(Family::links, "a"), put(Family::links, "a", "2"),
         put(Family::links, "b", "1"), removal(Family::links, "b")});
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::links), ElementsAre(Pair("a", "2")));
}

TEST_F(RocksTest, SnapshotsStayAsTheyWere) {
  write({put(Family::records, "a", "1")});
  const auto before = database_->snapshot();
  write({put(Family::records, "a", "2"), put(Family::records, "b", "2")});
  EXPECT_THAT(rows_of(*before, Family::records), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::records),
              ElementsAre(Pair("a", "2"), Pair("b", "2")));
}

TEST_F(RocksTest, GetsManyInTheOrderOfTheKeys) {
  write({put(Family::records, "a", "1"), put(Family::records, "c", "3")});
  const std::vector<std::string> keys = {"c", "b", "a", "c"};
  const auto values = database_->snapshot()->get_many(Family::records, keys);
  ASSERT_TRUE(values);
  EXPECT_THAT(*values, ElementsAre("3", std::nullopt, "1", "3"));
}

TEST_F(RocksTest, ScansARangeInBothDirections) {
  write({put(Family::links, "a", "1"), put(Family::links, "b", "2"), put(Family::links, "ba", "3"),
         put(Family::links, "c", "4")});
  const auto snapshot = database_->snapshot();
  EXPECT_THAT(rows_of(*snapshot, Family::links, {"b", "c"}),
              ElementsAre(Pair("b", "2"), Pair("ba", "3")));
  EXPECT_THAT(rows_of(*snapshot, Family::links, {"b", "c"}, Direction::backward),
              ElementsAre(Pair("ba", "3"), Pair("b", "2")));
  EXPECT_THAT(rows_of(*snapshot, Family::links, {"b", ""}, Direction::backward),
              ElementsAre(Pair("c", "4"), Pair("ba", "3"), Pair("b", "2")));
  EXPECT_THAT(rows_of(*snapshot, Family::links, {"c", "b"}), IsEmpty());
}

TEST_F(RocksTest, EndsAScanWhenTheVisitorHasEnough) {
  write({put(Family::links, "a", "1"), put(Family::links, "b", "2")});
  int visited = 0;
  ASSERT_TRUE(database_->snapshot()->scan(
      Family::links, {}, [&](std::string_view, std::string_view) { return ++visited < 1; }));
  EXPECT_EQ(visited, 1);
}

TEST_F(RocksTest, TellsTheSizeOfAFamily) {
  EXPECT_EQ(database_->size(Family::records).bytes, 0u);
  RowChanges changes;
  for (int i = 0; i < 1000; ++i) {
    changes.push_back(put(Family::records, std::to_string(i), std::string(100, 'x')));
  }
  write(std::move(changes));
  EXPECT_EQ(database_->size(Family::records).rows, 1000u);
  EXPECT_GT(database_->size(Family::records).bytes, 10'000u);  // RocksDB guesses by chance.
  EXPECT_EQ(database_->size(Family::links).rows, 0u);
}

// ---- One owner, damage.

TEST_F(RocksTest, GivesTheDiskBackWhatDeletedRowsTook) {
  const auto on_disk = [&] {
    std::uintmax_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      if (file.path().extension() == ".sst") bytes += file.file_size();
    }
    return bytes;
  };
  constexpr int kRows = 200;
  constexpr std::size_t kRowBytes = 60'000;
  for (int row = 0; row < kRows; ++row) {
    write({put(Family::bytes, std::to_string(row), std::string(kRowBytes, 'x'))});
  }
  write({put(Family::log, "kept", "row")});
  std::atomic<bool> is_cancelled = false;
  ASSERT_TRUE(database_->compact(Family::bytes, 0, is_cancelled));
  EXPECT_GT(on_disk(), kRows * kRowBytes);
  for (int row = 1; row < kRows; ++row) write({removal(Family::bytes, std::to_string(row))});
  is_cancelled = true;
  const Status cancelled = database_->compact(Family::bytes, 0, is_cancelled);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
  is_cancelled = false;
  ASSERT_TRUE(database_->compact(Family::bytes, 0, is_cancelled));
  for (int look = 0; look < 100 && on_disk() > 2 * kRowBytes; ++look) {  // Files go by and by.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_LE(on_disk(), 2 * kRowBytes);
  EXPECT_EQ(get_of(*database_->snapshot(), Family::bytes, "0")->size(), kRowBytes);
  EXPECT_THAT(get_of(*database_->snapshot(), Family::log, "kept"), Optional(Eq("row")));
}

// Estimates count one of tables that overlap, as those of rows under hashes do.
TEST_F(RocksTest, TellsWhatItsTablesTakeHoweverTheyOverlap) {
  EXPECT_EQ(database_->table_bytes(Family::bytes), 0u);
  constexpr std::size_t kRowBytes = 500'000, kTables = 3;
  for (std::size_t table = 0; table < kTables; ++table) {
    for (const char* end : {"a", "z"}) {
      const std::string key = end + std::to_string(table);
      write({put(Family::bytes, key, std::string(kRowBytes, 'x'))});
    }
    ASSERT_TRUE(database_->write_out());
  }
  EXPECT_GE(database_->table_bytes(Family::bytes), kTables * 2 * kRowBytes);
  EXPECT_EQ(database_->table_bytes(Family::log), 0u);
}

TEST_F(RocksTest, RefusesASecondOpening) {
  const auto second = Database::open(path(), small_options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::locked);
}

TEST_F(RocksTest, RefusesALogWithAFlippedBit) {
  for (int i = 0; i < 100; ++i) write({put(Family::log, std::to_string(i), "commit")});
  database_.reset();
  const std::filesystem::path log = newest(".log");
  flip_bit(log, static_cast<std::streamoff>(std::filesystem::file_size(log) / 2));
  const Error error = error_at_open();
  EXPECT_EQ(error.code, ErrorCode::corrupt_log);
  EXPECT_THAT(error.message, HasSubstr(log.filename().string()));
  EXPECT_THAT(error.message, HasSubstr("damaged at byte"));
}

TEST_F(RocksTest, ForgivesATornLastRecord) {
  write({put(Family::log, "1", "commit")});
  write({put(Family::log, "2", std::string(1000, 'x'))});
  database_.reset();
  const std::filesystem::path log = newest(".log");
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 10);
  reopen();
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::log), ElementsAre(Pair("1", "commit")));
}

TEST_F(RocksTest, RefusesADatabaseThatHasLostItsPointer) {
  write({put(Family::log, "1", "commit")});
  database_.reset();
  std::filesystem::remove(path() / "CURRENT");
  const Error error = error_at_open();
  EXPECT_EQ(error.code, ErrorCode::corrupt_log);
  EXPECT_THAT(error.message, HasSubstr("CURRENT"));
}

TEST_F(RocksTest, FinishesACreationThatWasInterruptedBeforeItBegan) {
  database_.reset();
  std::filesystem::remove_all(path());
  std::filesystem::create_directories(path());
  std::ofstream(path() / "MANIFEST-000001") << "cut off";
  reopen();
  EXPECT_THAT(database_->outdated(), IsEmpty());
}

TEST_F(RocksTest, FindsADamagedTable) {
  RowChanges changes;
  for (int i = 0; i < 50'000; ++i) {
    changes.push_back(put(Family::records, std::to_string(i), "client data " + std::to_string(i)));
  }
  write(std::move(changes));
  reopen();
  database_.reset();
  std::filesystem::path table;  // The rows are in the largest.
  for (const auto& file : std::filesystem::directory_iterator(path())) {
    const bool is_larger = table.empty() || file.file_size() > std::filesystem::file_size(table);
    if (file.path().extension() == ".sst" && is_larger) table = file.path();
  }
  ASSERT_FALSE(table.empty());
  flip_bit(table, static_cast<std::streamoff>(std::filesystem::file_size(table) / 3));
  reopen();

  int rows = 0;
  const auto scanned = database_->snapshot()->scan(
      Family::records, {}, [&](std::string_view, std::string_view) { return ++rows > 0; });
  ASSERT_FALSE(scanned) << "a scan that ended early passed for a whole one";
  EXPECT_LT(rows, 50'000);
  EXPECT_EQ(scanned.error().code, ErrorCode::corrupt_index);
  EXPECT_THAT(scanned.error().message, HasSubstr(table.filename().string()));
  EXPECT_THAT(scanned.error().message, ::testing::Not(HasSubstr("client data")));
}

// A start leaves a table of each family that was written before it.
TEST_F(RocksTest, KeepsTablesFewHoweverOftenItIsOpened) {
  constexpr int kStarts = 60;
  const auto tables = [this] {
    const std::filesystem::directory_iterator files(path());
    return std::count_if(begin(files), end(files),
                         [](const auto& file) { return file.path().extension() == ".sst"; });
  };
  std::ptrdiff_t most = 0;
  for (int start = 0; start < kStarts; ++start) {
    const std::string key = std::to_string(1000 + start);
    write({put(Family::log, key, "commit"), put(Family::records, key, "record")});
    reopen();
    most = std::max(most, tables());
    if (start % 2 == 0) continue;
    while (database_->merge_small_tables()) continue;
  }
  EXPECT_GT(most, 4);
  EXPECT_LT(most, kStarts);
  const auto snapshot = database_->snapshot();
  for (int start = 0; start < kStarts; ++start) {
    EXPECT_THAT(get_of(*snapshot, Family::log, std::to_string(1000 + start)),
                Optional(Eq("commit")));
  }
}

// ---- Generations.

TEST_F(RocksTest, AFamilyOfAnotherVersionIsEmptyAndOutdated) {
  write({put(Family::records, "a", "old"), put(Family::links, "b", "kept"),
         put(Family::meta, "family/records", row_of_family(1, 99))});
  for (int openings = 0; openings < 2; ++openings) {
    reopen();
    EXPECT_THAT(database_->outdated(), ElementsAre(Family::records));
    EXPECT_THAT(rows_of(*database_->snapshot(), Family::records), IsEmpty());
    EXPECT_THAT(rows_of(*database_->snapshot(), Family::links), ElementsAre(Pair("b", "kept")));
    write({put(Family::records, "half", "made")});  // A rebuild that does not come to its end.
  }
}

TEST_F(RocksTest, AFamilyWithoutARowIsOutdated) {
  write({put(Family::log, "1", "commit"), put(Family::values, "a", ""),
         removal(Family::meta, "family/values")});
  reopen();
  EXPECT_THAT(database_->outdated(), ElementsAre(Family::values));
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::values), IsEmpty());
}

TEST_F(RocksTest, AFamilyWhoseColumnFamilyIsMissingIsOutdated) {
  write({put(Family::meta, "family/uses", row_of_family(7, 1))});
  reopen();
  EXPECT_THAT(database_->outdated(), ElementsAre(Family::uses));
}

TEST_F(RocksTest, AnAdoptedGenerationTakesThePlaceOfTheLiveRows) {
  write({put(Family::log, "1", "commit"), put(Family::records, "a", "old"),
         put(Family::links, "b", "old"),
         put(Family::meta, "family/records", row_of_family(1, 99))});
  reopen();
  auto generation = database_->begin_generation();
  ASSERT_TRUE(generation);
  ASSERT_TRUE(ingest(**generation, put(Family::records, "a", "new")));
  ASSERT_TRUE(ingest(**generation, put(Family::links, "b", "new")));
  EXPECT_THAT(rows_of(**generation, Family::records), ElementsAre(Pair("a", "new")));
  EXPECT_THAT(rows_of(**generation, Family::log), ElementsAre(Pair("1", "commit")));
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::records), IsEmpty());

  ASSERT_TRUE(database_->adopt(std::move(*generation), std::vector{Family::records}));
  for (int openings = 0; openings < 2; ++openings) {
    EXPECT_THAT(database_->outdated(), IsEmpty());
    EXPECT_THAT(rows_of(*database_->snapshot(), Family::records), ElementsAre(Pair("a", "new")));
    EXPECT_THAT(rows_of(*database_->snapshot(), Family::links), ElementsAre(Pair("b", "old")));
    EXPECT_THAT(rows_of(*database_->snapshot(), Family::log), ElementsAre(Pair("1", "commit")));
    reopen();
  }
}

TEST_F(RocksTest, AnAbandonedGenerationLeavesNothing) {
  write({put(Family::records, "a", "live")});
  {
    auto generation = database_->begin_generation();
    ASSERT_TRUE(generation);
    ASSERT_TRUE(ingest(**generation, put(Family::records, "a", "half made")));
  }
  for (int openings = 0; openings < 3; ++openings) {
    reopen();
    EXPECT_THAT(database_->outdated(), IsEmpty());
    EXPECT_THAT(rows_of(*database_->snapshot(), Family::records), ElementsAre(Pair("a", "live")));
  }
}

TEST_F(RocksTest, GenerationsFollowOneAnother) {
  for (int i = 0; i < 3; ++i) {
    auto generation = database_->begin_generation();
    ASSERT_TRUE(generation);
    ASSERT_TRUE(ingest(**generation, put(Family::tree, "n", std::to_string(i))));
    ASSERT_TRUE(database_->adopt(std::move(*generation), std::vector{Family::tree}));
    if (i == 1) reopen();
    EXPECT_THAT(get(Family::tree, "n"), Optional(std::to_string(i)));
  }
}

// Tables over tables: later rows hide earlier ones, and removals hide them too.
TEST_F(RocksTest, AGenerationTakesInTablesOverTables) {
  auto generation = database_->begin_generation();
  ASSERT_TRUE(generation);
  for (const char* round : {"1", "2"}) {
    RowTable table(**generation);
    for (int i = 0; i < 100; ++i)
      table.apply(put(Family::links, std::to_string(i) + round, std::string("row ") + round));
    table.apply(put(Family::links, "both", round));
    table.apply(removal(Family::links, round[0] == '1' ? "never there" : "71"));
    table.apply(put(Family::records, round, round));
    ASSERT_TRUE((*generation)->ingest(table));
  }
  const auto links = rows_of(**generation, Family::links);
  EXPECT_EQ(links.size(), 200u);
  EXPECT_THAT(get_of(**generation, Family::links, "both"), Optional(std::string("2")));
  EXPECT_THAT(get_of(**generation, Family::links, "71"), std::nullopt);
  EXPECT_THAT(get_of(**generation, Family::links, "711"), Optional(std::string("row 1")));
  ASSERT_TRUE(
      database_->adopt(std::move(*generation), std::vector{Family::links, Family::records}));
  reopen();
  EXPECT_EQ(rows_of(*database_->snapshot(), Family::links), links);
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::records),
              ElementsAre(Pair("1", "1"), Pair("2", "2")));
  const auto damaged = database_->check_files();
  ASSERT_TRUE(damaged);
  EXPECT_TRUE(damaged->empty());
  EXPECT_FALSE(std::filesystem::exists(path() / "ingest"));
}

TEST_F(RocksTest, ASnapshotShowsTheRowsThatWereLiveWhenItWasMade) {
  write({put(Family::records, "a", "old"), put(Family::log, "1", "commit")});
  auto before = database_->snapshot();
  auto generation = database_->begin_generation();
  ASSERT_TRUE(generation);
  ASSERT_TRUE(ingest(**generation, put(Family::records, "a", "new")));
  ASSERT_TRUE(database_->adopt(std::move(*generation), std::vector{Family::records},
                               {put(Family::meta, "beside", "it")}));
  write({put(Family::records, "b", "newer")});
  EXPECT_THAT(rows_of(*before, Family::records), ElementsAre(Pair("a", "old")));
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::records),
              ElementsAre(Pair("a", "new"), Pair("b", "newer")));
  EXPECT_THAT(get(Family::meta, "beside"), Optional(std::string("it")));
  before.reset();
  reopen();
  EXPECT_THAT(rows_of(*database_->snapshot(), Family::records),
              ElementsAre(Pair("a", "new"), Pair("b", "newer")));
}

// ---- Threads.

TEST_F(RocksTest, ReadersSeeWholeBatchesWhileTheWriterWrites) {
  std::thread writer([this] {
    for (int i = 0; i < 300; ++i) {
      const std::vector both = {put(Family::records, "a", std::to_string(i)),
                                put(Family::links, "a", std::to_string(i))};
      ASSERT_TRUE(database_->write(both, Durability::memory));
    }
  });
  std::string last;
  while (last != "299") {
    const auto snapshot = database_->snapshot();
    const auto record = snapshot->get(Family::records, "a");
    const auto link = snapshot->get(Family::links, "a");
    ASSERT_TRUE(record && link);
    ASSERT_EQ(*record, *link);
    last = record->value_or("");
  }
  writer.join();
}

}  // namespace
}  // namespace emstore::store
