// Whose a media folder is: a store never takes another one's files for its strays.
#include <gtest/gtest.h>

#include <emstore/client.hpp>

#include <fstream>

#include "blobs/file_store.h"
#include "blobs/mark.h"
#include "daemon/backup.h"
#include "daemon/import.h"
#include "daemon/media_mark.h"
#include "store/opening.h"
#include "store/rocks.h"
#include "stores.h"

namespace emstore::testing {
namespace {

namespace fs = std::filesystem;

std::string mark_in(const fs::path& folder) {
  return blobs::read_mark(folder).value().value_or("none");
}

// What a daemon says when it is to serve `config`.
std::optional<Error> refusal_of(const daemon::Config& config) {
  auto opened = daemon::App::open(config);
  return opened ? std::nullopt : std::optional(opened.error());
}

void expect_refused(const daemon::Config& config, const std::string& word) {
  const auto error = refusal_of(config);
  ASSERT_TRUE(error) << "it serves " << config.data;
  EXPECT_EQ(error->code, ErrorCode::invalid_request) << to_string(*error);
  EXPECT_NE(to_string(*error).find(word), std::string::npos) << to_string(*error);
  EXPECT_NE(error->message.find(config.media_folder().string()), std::string::npos)
      << to_string(*error);
}

// A store with media, stopped, and a backup of it.
class MediaMark : public ::testing::Test {
 protected:
  MediaMark() : config_(elsewhere("first")) {
    RunningDaemon running([&](daemon::Config& config) { config = config_; });
    Wire wire = connect_to_shop(running);
    fill_shop(wire, 3);
    EXPECT_FALSE(job(wire, "backup", {backup().string()}).contains("error"));
  }

  const TemporaryFolder& folder() const { return folder_; }
  const daemon::Config& config() const { return config_; }
  fs::path backup() const { return folder_.path() / "backup"; }
  fs::path media() const { return config().media_folder(); }
  // A place for another store.
  daemon::Config elsewhere(const std::string& name) const {
    return small_config(folder_.path() / name);
  }
  Result<daemon::ImportReport> restore(const daemon::Config& into) const {
    daemon::Log log(daemon::LogLevel::off);
    return daemon::restore(into, backup(), log);
  }
  void expect_all_files() const {
    const auto files = blobs::FileStore::open(media());
    ASSERT_TRUE(files) << to_string(files.error());
    std::size_t count = 0;
    EXPECT_TRUE(files->each([&](const Address&) { return ++count > 0; }));
    EXPECT_EQ(count, 2u);
  }

 private:
  TemporaryFolder folder_;
  daemon::Config config_;
};

TEST_F(MediaMark, KeepsStoresThatAreMadeAwayFromFoldersInUse) {
  daemon::Config made = elsewhere("made");
  made.media = media();
  const auto restored = restore(made);
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code, ErrorCode::invalid_request);
  EXPECT_NE(restored.error().message.find(media().string()), std::string::npos);
  EXPECT_NE(restored.error().hint.find("--media"), std::string::npos);
  EXPECT_FALSE(fs::exists(made.data));
  expect_refused(made, "another store's");
  fs::remove(media() / blobs::kMarkName);  // As a store of before the mark has it.
  daemon::Config again = elsewhere("again");
  again.media = media();
  EXPECT_FALSE(restore(again));
  expect_refused(again, "of another store");
  expect_all_files();
}

TEST_F(MediaMark, IsTheRestoredStoresOwn) {
  daemon::Config copy = elsewhere("copy");
  ASSERT_TRUE(restore(copy));
  EXPECT_EQ(mark_in(copy.media_folder()).size(), 32u);
  EXPECT_NE(mark_in(copy.media_folder()), mark_in(media()));
  EXPECT_FALSE(refusal_of(copy));
  copy.media = media();
  expect_refused(copy, copy.data.string());
  expect_all_files();
  EXPECT_FALSE(refusal_of(config()));  // Production goes on.
}

TEST_F(MediaMark, GoesWithCopiesAndMoves) {
  const daemon::Config copy = elsewhere("copy");
  fs::create_directories(copy.data.parent_path());
  fs::copy(config().data, copy.data, fs::copy_options::recursive);
  EXPECT_FALSE(refusal_of(copy));
  daemon::Config moved = elsewhere("moved");
  fs::rename(copy.data.parent_path(), moved.data.parent_path());
  fs::rename(moved.data / "media", moved.data.parent_path() / "media");
  moved.media = moved.data.parent_path() / "media";
  EXPECT_FALSE(refusal_of(moved));
}

TEST_F(MediaMark, IsGivenToTheFolderOfAStoreOfBefore) {
  fs::remove(media() / blobs::kMarkName);
  expect_refused(config(), "not the store's mark");
  const store::RowChange forgotten{store::Family::meta, "media", std::nullopt};
  ASSERT_TRUE(store::Database::open(config().data / "db", config().database)
                  .value()
                  ->write(std::span(&forgotten, 1), store::Durability::synced));
  EXPECT_FALSE(refusal_of(config()));
  const std::string mark = mark_in(media());
  EXPECT_EQ(mark.size(), 32u);
  EXPECT_FALSE(refusal_of(config()));
  EXPECT_EQ(mark_in(media()), mark);
  expect_all_files();
}

TEST_F(MediaMark, IsPlacedAfterACrashBetweenTheWrites) {
  {
    daemon::Log log(daemon::LogLevel::off);
    const auto opened = daemon::open_store(config(), log);
    ASSERT_TRUE(opened) << to_string(opened.error());
    ASSERT_TRUE(opened->store->note({{7}, /*is_placed=*/false}));
    ASSERT_TRUE(opened->store->close());
  }
  expect_refused(config(), "another store's");  // The one that lies there was not made then.
  fs::remove(media() / blobs::kMarkName);
  EXPECT_FALSE(refusal_of(config()));
  const std::string seventh = "07" + std::string(30, '0');
  EXPECT_EQ(mark_in(media()), seventh);
  fs::remove(media() / blobs::kMarkName);
  expect_refused(config(), seventh + " into");
  ASSERT_TRUE(blobs::place_mark(media(), seventh));  // As it says.
  EXPECT_FALSE(refusal_of(config()));
}

// As one is whose disk is not mounted: what is stored there would be lost once it is.
TEST_F(MediaMark, IsNotPlacedAnewInAnEmptyFolder) {
  const fs::path disk = folder().path() / "disk";
  fs::rename(media(), disk);
  expect_refused(config(), "mount its disk");
  fs::create_directories(media());
  expect_refused(config(), "not the store's mark");
  EXPECT_EQ(mark_in(media()), "none");
  fs::remove_all(media());
  fs::rename(disk, media());
  EXPECT_FALSE(refusal_of(config()));
  expect_all_files();
}

TEST_F(MediaMark, LetsAStoreGoOnWhoseFilesAreLost) {
  const std::string mark = mark_in(media());
  fs::remove_all(media());
  const auto error = refusal_of(config());
  ASSERT_TRUE(error);
  EXPECT_NE(error->hint.find(mark + " into " + (media() / blobs::kMarkName).string()),
            std::string::npos)
      << error->hint;
  ASSERT_TRUE(blobs::place_mark(media(), mark));  // As it says.
  EXPECT_FALSE(refusal_of(config()));
}

TEST(MediaMarkRow, OutlivesARebuild) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 3);
  const auto known = [&] { return store::read_media_mark(*running.app().store().view()->reader); };
  running.restart();
  ASSERT_TRUE(known().value());
  const store::MediaMark before = **known();
  EXPECT_TRUE(before.is_placed);
  Wire again = running.connect();
  EXPECT_FALSE(job(again, "rebuild").contains("error"));
  EXPECT_EQ(**known(), before);
  running.restart();
  EXPECT_EQ(**known(), before);
}

}  // namespace
}  // namespace emstore::testing
