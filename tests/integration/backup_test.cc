// Backups: made beside everybody who writes, added to, and restored.
#include "daemon/backup.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "daemon/opening.h"
#include "elsewhere.h"
#include "store/log.h"
#include "store/rocks.h"
#include "stores.h"

namespace emstore::testing {
namespace {

namespace fs = std::filesystem;

TEST(Backup, OfABusyStoreIsTheSameStoreElsewhere) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 10);
  TemporaryFolder folder;
  const std::string directory = (folder.path() / "backup").string();
  ShopUsers users(running, 4);
  Map made;
  const auto sequence = [&wire] { return integer_at(wire.result("ping"), "sequence"); };
  for (int round = 0; round < 4; ++round) {
    for (const std::int64_t before = sequence(); sequence() < before + 4;) continue;
    made = job(wire, "backup", {directory});
    ASSERT_FALSE(made.contains("error")) << to_string(Value(made));
    EXPECT_EQ(integer_at(made, "media"), round == 0 ? 2 : 0);
  }
  EXPECT_GT(users.stop(), 10);
  EXPECT_LT(integer_at(made, "commits"), integer_at(made, "sequence"));
  Elsewhere elsewhere;
  const auto report = elsewhere.restore(directory);
  ASSERT_TRUE(report) << to_string(report.error());
  const Proof expected{integer_at(made, "sequence"), text_at(made, "root"),
                       text_at(made, "state_digest")};
  EXPECT_EQ(elsewhere.proof(), expected);
  EXPECT_EQ(elsewhere.media().size(), 2u);
  // It is what the live store was at that commit.
  Elsewhere replayed;
  ASSERT_TRUE(replayed.take(exported(running, static_cast<std::uint64_t>(expected.sequence))));
  EXPECT_EQ(replayed.proof(), expected);
}

// Refused by an import it would be too late.
TEST(Backup, OfALogThatWasAlteredNamesTheCommit) {
  TemporaryFolder folder;
  {
    RunningDaemon running;
    Wire wire = connect_to_shop(running);
    fill_shop(wire, 5);
    running.stop();
    ASSERT_TRUE(running.wait());
    fs::copy(running.config().data, folder.path() / "data", fs::copy_options::recursive);
  }
  const daemon::Config config = small_config(folder.path());
  const fs::path directory = folder.path() / "backup";
  const std::string altered_at = store::log_key(4);
  const auto back_up = [&](bool is_altered) {
    daemon::Log log(daemon::LogLevel::off);
    const auto opened = daemon::open_store(config, log).value();
    const auto files = blobs::FileStore::open(config.media_folder()).value();
    const auto made = daemon::backup(*opened.store, files, directory, {});
    ASSERT_NE(made.has_value(), is_altered);
    if (made) return;
    EXPECT_EQ(made.error().code, ErrorCode::corrupt_log);
    EXPECT_NE(made.error().message.find("event 4."), std::string::npos) << to_string(made.error());
    Elsewhere elsewhere;
    EXPECT_EQ(elsewhere.restore(directory).error().code, ErrorCode::invalid_request);
  };
  const auto alter = [&] {
    const auto database = store::Database::open(config.data / "db", {}).value();
    std::string bytes = *database->snapshot()->get(store::Family::log, altered_at).value();
    bytes.back() ^= 1;
    const store::RowChange change{store::Family::log, altered_at, bytes};
    ASSERT_TRUE(database->write(std::span(&change, 1), store::Durability::synced));
  };
  alter();
  back_up(true);
  alter();  // The control: as it was.
  back_up(false);
}

// What an earlier part holds of small contents that a later one says were collected; but for those
// that were stored again.
TEST(Backup, IsRestoredWithoutWhatWasCollectedMeanwhile) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const auto store = [&wire](const char* bytes) {  // Without a lease, which would keep them.
    return text_at(map_at(wire.result("media.upload", {Binary{bytes}}), "data"), "blob");
  };
  const std::string gone = store("gone"), again = store("again");
  TemporaryFolder folder;
  const std::string directory = (folder.path() / "backup").string();
  ASSERT_FALSE(job(wire, "backup", {directory}).contains("error"));
  const Map collected = job(wire, "gc", {Map{{"grace", 0}}});
  ASSERT_EQ(integer_at(collected, "media"), 2) << to_string(Value(collected));
  ASSERT_EQ(store("again"), again);
  ASSERT_FALSE(job(wire, "backup", {directory}).contains("error"));

  Elsewhere elsewhere;
  ASSERT_TRUE(elsewhere.restore(directory));
  daemon::Log log(daemon::LogLevel::off);
  const auto opened = daemon::open_store(elsewhere.config(), log).value();
  const auto has_bytes = [&](const std::string& address) {
    const auto reader = opened.store->view()->reader;
    return reader->get(store::Family::bytes, to_bytes(*address_of(address))).value().has_value();
  };
  EXPECT_FALSE(has_bytes(gone));
  EXPECT_TRUE(has_bytes(again));
}

TEST(Backup, GoesOnlyWhereItBelongs) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  TemporaryFolder folder;
  const fs::path directory = folder.path() / "backup";
  const auto code = [&](Wire& of, const fs::path& where) {
    const Map answer = job(of, "backup", {where.string()});
    return answer.contains("error") ? *list_at(answer, "error").at(0).if_text() : "";
  };
  EXPECT_EQ(code(wire, "relative"), "invalid_request");
  EXPECT_EQ(code(wire, directory), "");
  EXPECT_EQ(code(wire, directory), "");  // Nothing is new.
  RunningDaemon another;
  Wire stranger = connect_to_shop(another);
  EXPECT_EQ(code(stranger, directory), "invalid_request");
  fs::create_directories(folder.path() / "full");
  std::ofstream(folder.path() / "full" / "letter") << "mine";
  EXPECT_EQ(code(wire, folder.path() / "full"), "invalid_request");
  Elsewhere elsewhere;
  EXPECT_EQ(elsewhere.restore(folder.path() / "full").error().code, ErrorCode::invalid_request);
}

TEST(Backup, OfAnEmptyStoreIsOne) {
  RunningDaemon running;
  Wire wire = running.connect();
  TemporaryFolder folder;
  const std::string directory = (folder.path() / "backup").string();
  for (int round = 0; round < 2; ++round) {
    const Map made = job(wire, "backup", {directory});
    ASSERT_FALSE(made.contains("error")) << to_string(Value(made));
    EXPECT_EQ(text_at(made, "state_digest"), proof_of(wire).state_digest);
    Elsewhere elsewhere;
    const auto report = elsewhere.restore(directory);
    ASSERT_TRUE(report) << to_string(report.error());
    EXPECT_EQ(elsewhere.proof(), proof_of(wire));
  }
  wire.result("schema.apply", {shop()});
  ASSERT_FALSE(job(wire, "backup", {directory}).contains("error"));
  Elsewhere elsewhere;
  ASSERT_TRUE(elsewhere.restore(directory));
  EXPECT_EQ(elsewhere.proof(), proof_of(wire));
}

TEST(Backup, OfAnEmptyStoreOutlastsTheNextOneThatFails) {
  TemporaryFolder folder;
  const daemon::Config config = small_config(folder.path());
  const fs::path directory = folder.path() / "backup";
  {
    RunningDaemon running([&](daemon::Config& its) { its = config; });
    Wire wire = running.connect();
    ASSERT_FALSE(job(wire, "backup", {directory.string()}).contains("error"));
    wire.result("schema.apply", {shop()});
  }
  daemon::Log log(daemon::LogLevel::off);
  const auto opened = daemon::open_store(config, log);
  const auto files = blobs::FileStore::open(config.media_folder());
  const auto never = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_FALSE(daemon::backup(*opened->store, *files, directory, never));
  Elsewhere elsewhere;
  const auto report = elsewhere.restore(directory);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->sequence, 0u);
}

TEST(Backup, ReplacesWhatAnInterruptedOneHasLeft) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 5);
  TemporaryFolder folder;
  const fs::path directory = folder.path() / "backup";
  const std::int64_t first = integer_at(job(wire, "backup", {directory.string()}), "sequence");
  // As if the next one had ended before its last step.
  std::string name(41, '0');
  const std::string from = std::to_string(first + 1);
  name.replace(20 - from.size(), from.size(), from);
  name[20] = '-';
  std::ofstream(directory / (name + ".emstore")) << "half";
  for (const char* left : {"stream.new", "media.new"}) std::ofstream(directory / left) << "half";
  fill_shop(wire, 5);
  const Map second = job(wire, "backup", {directory.string()});
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    EXPECT_NE(entry.path().extension(), ".new") << entry.path();
  }
  Elsewhere elsewhere;
  const auto report = elsewhere.restore(directory);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(elsewhere.proof().root, text_at(second, "root"));
}

TEST(Backup, GoesOnWhereTheFirstOneFailed) {
  TemporaryFolder folder;
  const daemon::Config config = small_config(folder.path());
  const auto serve_it = [&](daemon::Config& its) { its = config; };
  {
    RunningDaemon running(serve_it);
    Wire wire = connect_to_shop(running);
    fill_shop(wire, 5);
  }
  const fs::path directory = folder.path() / "backup";
  fs::create_directories(directory);
  std::ofstream(directory / "latest.new") << "half";  // As a crash leaves it before anything else.
  {
    daemon::Log log(daemon::LogLevel::off);
    const auto opened = daemon::open_store(config, log);
    const auto files = blobs::FileStore::open(config.media_folder());
    const auto never = [](std::uint64_t, std::uint64_t) { return false; };
    EXPECT_FALSE(daemon::backup(*opened->store, *files, directory, never));
    ASSERT_TRUE(opened->store->close());
  }
  {
    Elsewhere elsewhere;
    const auto report = elsewhere.restore(directory);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::invalid_request);
    EXPECT_NE(report.error().message.find("was completed"), std::string::npos)
        << to_string(report.error());
  }
  RunningDaemon another;
  Wire stranger = connect_to_shop(another);
  EXPECT_TRUE(job(stranger, "backup", {directory.string()}).contains("error"));
  // A whole segment without the last word, too.
  std::ofstream(directory / (std::string(19, '0') + "1-" + std::string(19, '0') + "9.emstore"))
      << "whole";
  RunningDaemon running(serve_it);
  Wire wire = running.connect();
  const Map made = job(wire, "backup", {directory.string()});
  ASSERT_FALSE(made.contains("error")) << to_string(Value(made));
  Elsewhere elsewhere;
  const auto report = elsewhere.restore(directory);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(elsewhere.proof().root, text_at(made, "root"));
}

// Bytes of a large and of a small content that are not what was recorded, in a store that goes on.
class DamagedContents : public ::testing::Test {
 protected:
  DamagedContents() : config_(small_config(folder_.path())) {
    std::string large;
    std::string small;
    {
      RunningDaemon running([&](daemon::Config& its) { its = config_; });
      Wire wire = connect_to_shop(running);
      fill_shop(wire, 3);
      large = store_media(wire, large_);
      small = store_media(wire, small_);
      store_media(wire, std::string(kLargeBytes, 'd'));
    }
    flip(config_.media_folder() / blobs::media_file(*address_of(large)), 1'000);
    const store::RowChange altered{store::Family::bytes, to_bytes(*address_of(small)), "other"};
    EXPECT_TRUE(store::Database::open(config_.data / "db", config_.database)
                    .value()
                    ->write(std::span(&altered, 1), store::Durability::synced));
    damaged_ = {large, small};
    running_.emplace([&](daemon::Config& its) { its = config_; });
  }

  const RunningDaemon& running() const { return *running_; }
  fs::path backup() const { return folder_.path() / "backup"; }
  void expect_told(const Map& answer) const {
    ASSERT_EQ(integer_at(answer, "damaged"), 2);
    for (const Value& address : list_at(answer, "damaged_contents")) {
      EXPECT_TRUE(damaged_.contains(*address.if_text())) << to_string(address);
    }
  }
  void mend(Wire& wire) const {
    upload(wire, large_);
    upload(wire, small_);
  }

 private:
  TemporaryFolder folder_;
  const daemon::Config config_;
  const std::string large_ = std::string(kLargeBytes, 'c');
  const std::string small_ = "some small bytes";
  std::set<std::string> damaged_;
  std::optional<RunningDaemon> running_;
};

TEST_F(DamagedContents, AreLeftOutOfAnExportAndNamed) {
  Wire wire = running().connect();
  Map told;
  const std::string stream = exported(running(), {}, &told);
  expect_told(told);
  Elsewhere elsewhere;
  const auto report = elsewhere.take(stream);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->damaged.size(), 2u);
  EXPECT_EQ(report->collected, 0u);
  EXPECT_TRUE(report->is_compared);
  EXPECT_EQ(elsewhere.proof(), proof_of(wire));
  EXPECT_EQ(elsewhere.media().size(), 3u);
  mend(wire);
  exported(running(), {}, &told);
  EXPECT_FALSE(told.contains("damaged"));
}

TEST_F(DamagedContents, AreInTheBackupThatComesAfterTheirMending) {
  Wire wire = running().connect();
  for (int round = 0; round < 2; ++round) {  // The second has nothing new, and has not forgotten.
    expect_told(job(wire, "backup", {backup().string()}));
    Elsewhere elsewhere;
    const auto report = elsewhere.restore(backup());
    ASSERT_TRUE(report) << to_string(report.error());
    EXPECT_EQ(report->damaged.size(), 2u);
    EXPECT_EQ(elsewhere.proof(), proof_of(wire));
    EXPECT_EQ(elsewhere.media().size(), 3u);
  }
  mend(wire);
  const Map made = job(wire, "backup", {backup().string()});
  EXPECT_FALSE(made.contains("damaged")) << to_string(Value(made));
  EXPECT_EQ(integer_at(made, "media"), 2);
  Elsewhere elsewhere;
  const auto report = elsewhere.restore(backup());
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_TRUE(report->damaged.empty());
  EXPECT_EQ(elsewhere.proof(), proof_of(wire));
  EXPECT_EQ(elsewhere.media().size(), 4u);
}

// As many streams as backups were made, and fewer descriptors.
TEST(Backup, IsRestoredAStreamAtATime) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  TemporaryFolder folder;
  constexpr int kStreams = 100;
  for (int stream = 0; stream < kStreams; ++stream) {
    wire.result("insertOne", {"products", Map{{"name", "one more"}}});
    ASSERT_FALSE(job(wire, "backup", {folder.path().string() + "/backup"}).contains("error"));
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const std::ptrdiff_t open = std::distance(fs::directory_iterator("/proc/self/fd"), {});
  const rlimit tight{static_cast<rlim_t>(open) + 4 * kStreams / 5, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  Elsewhere elsewhere;
  const auto report = elsewhere.restore(folder.path() / "backup");
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(elsewhere.proof(), proof_of(wire));
}

TEST(Backup, EndsWithinAFile) {
  TemporaryFolder folder;
  daemon::Config config = small_config(folder.path());
  config.session.wire.chunk_bytes_max = 6u << 20;
  {
    RunningDaemon running([&](daemon::Config& its) { its = config; });
    Wire wire = connect_to_shop(running);
    store_media(wire, std::string(5u << 20, 'a'));
  }
  daemon::Log log(daemon::LogLevel::off);
  const auto opened = daemon::open_store(config, log);
  ASSERT_TRUE(opened) << to_string(opened.error());
  const auto files = blobs::FileStore::open(config.media_folder());
  ASSERT_TRUE(files) << to_string(files.error());
  std::uint64_t seen = 0;
  const auto until = [&](std::uint64_t enough) {
    return [&seen, enough](std::uint64_t done, std::uint64_t) { return (seen = done) < enough; };
  };
  constexpr std::uint64_t kInTheMiddle = 2u << 20;
  const auto cancelled =
      daemon::backup(*opened->store, *files, folder.path() / "backup", until(kInTheMiddle));
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
  EXPECT_LT(seen, kInTheMiddle + (2u << 20));
  EXPECT_TRUE(daemon::backup(*opened->store, *files, folder.path() / "backup", until(~0ull)));
  EXPECT_GT(seen, 5u << 20);
}

TEST(Backup, ThatWasAlteredIsRefusedOrRestoredWithoutTheDamagedMedia) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 5);
  TemporaryFolder folder;
  const fs::path directory = folder.path() / "backup";
  job(wire, "backup", {directory.string()});
  std::size_t refused = 0, told = 0;
  std::size_t altered = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    ++altered;
    std::string bytes;
    {
      std::ifstream file(entry.path(), std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    std::string other = bytes;
    other[other.size() * 2 / 3] = static_cast<char>(other[other.size() * 2 / 3] ^ 1);
    std::ofstream(entry.path(), std::ios::binary) << other;
    Elsewhere elsewhere;
    const auto report = elsewhere.restore(directory);
    if (!report) ++refused;
    if (report && report->damaged.size() == 1) ++told;
    std::ofstream(entry.path(), std::ios::binary) << bytes;
  }
  EXPECT_EQ(altered, 4u);  // A stream, two media, and the last word.
  EXPECT_EQ(refused, 2u);
  EXPECT_EQ(told, 2u);
  Elsewhere elsewhere;
  EXPECT_TRUE(elsewhere.restore(directory));
}

}  // namespace
}  // namespace emstore::testing
