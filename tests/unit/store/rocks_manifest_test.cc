// What is noted of a manifest, and what is left of one that could not be written.
#include "store/rocks_manifest.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/dropping_file_system.h"
#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

class RocksManifestTest : public ::testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  std::unique_ptr<rocksdb::FSWritableFile> make(const std::string& name) const {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(noting_->NewWritableFile(path(name).string(), {}, &file, nullptr).ok());
    return file;
  }
  static bool write(rocksdb::FSWritableFile& file, const std::string& bytes) {
    return file.Append(bytes, {}, nullptr).ok() && file.Sync({}, nullptr).ok();
  }
  void name_current(const std::string& name) const {
    std::ofstream(path("CURRENT")) << name << "\n";
  }
  std::optional<std::uint64_t> noted(const std::string& name) const {
    return noted_bytes(path(name)).value();
  }

  testing::TemporaryFolder folder_;
  std::shared_ptr<testing::DroppingFileSystem> files_ =
      std::make_shared<testing::DroppingFileSystem>();
  std::shared_ptr<rocksdb::FileSystem> noting_ = noting_manifests(files_);
};

TEST_F(RocksManifestTest, NotesEachSync) {
  const auto file = make("MANIFEST-000001");
  EXPECT_EQ(noted("MANIFEST-000001"), std::nullopt);
  EXPECT_TRUE(file->Append("abc", {}, nullptr).ok());
  EXPECT_EQ(noted("MANIFEST-000001"), std::nullopt);
  EXPECT_TRUE(file->Sync({}, nullptr).ok());
  EXPECT_EQ(noted("MANIFEST-000001"), 3u);
  EXPECT_TRUE(write(*file, "de"));
  EXPECT_EQ(noted("MANIFEST-000001"), 5u);
  EXPECT_EQ(noted("MANIFEST-000002"), std::nullopt);
}

// Until CURRENT names the next one, a start goes by this.
TEST_F(RocksManifestTest, KeepsTheNoteOfTheManifestThatCurrentNames) {
  std::string current = "MANIFEST-000001";
  EXPECT_TRUE(write(*make(current), "abc"));
  name_current(current);
  for (int number = 2; number < 9; ++number) {
    const std::string next = "MANIFEST-00000" + std::to_string(number);
    EXPECT_TRUE(write(*make(next), "abcde"));
    EXPECT_TRUE(noted(current)) << next;
    EXPECT_EQ(noted(next), 5u);
    if (number % 3 == 0) continue;  // It was not named, as when the disk was full.
    name_current(next);
    current = next;
  }
}

TEST_F(RocksManifestTest, TakesBackAWriteThatFails) {
  for (const std::uint64_t sync : {1, 2}) {  // Of the manifest, of its note.
    const std::string name = "MANIFEST-00000" + std::to_string(sync);
    const auto file = make(name);
    EXPECT_TRUE(write(*file, "abc"));
    files_->fail_sync(sync);
    EXPECT_FALSE(write(*file, "defg"));
    EXPECT_EQ(noted(name), 3u);
    EXPECT_EQ(std::filesystem::file_size(path(name)), 3u);
    EXPECT_FALSE(file->Append("h", {}, nullptr).ok()) << "it takes nothing more";
    EXPECT_FALSE(file->Sync({}, nullptr).ok());
    EXPECT_EQ(std::filesystem::file_size(path(name)), 3u);
    EXPECT_EQ(noted(name), 3u);
  }
}

TEST_F(RocksManifestTest, PutsBackTheNoteThatANewManifestFailsToReplace) {
  EXPECT_TRUE(write(*make("MANIFEST-000001"), "abc"));
  name_current("MANIFEST-000001");
  const auto next = make("MANIFEST-000002");
  files_->fail_sync(2);
  EXPECT_FALSE(write(*next, "abcde"));
  EXPECT_EQ(noted("MANIFEST-000001"), 3u);
  EXPECT_EQ(noted("MANIFEST-000002"), std::nullopt);
}

TEST_F(RocksManifestTest, NeedsNoRoomForANote) {
  const auto file = make("MANIFEST-000001");
  EXPECT_TRUE(file->Append("abc", {}, nullptr).ok());
  files_->fill_disk_at_append(1);
  EXPECT_TRUE(file->Sync({}, nullptr).ok());
  EXPECT_EQ(noted("MANIFEST-000001"), 3u);
}

TEST_F(RocksManifestTest, BelievesNoNoteWithAFlippedBit) {
  EXPECT_TRUE(write(*make("MANIFEST-000001"), "abc"));
  std::fstream notes(path("manifest.synced"), std::ios::binary | std::ios::in | std::ios::out);
  for (int at = 0; at < 512; ++at) {
    notes.seekg(at);
    const int byte = notes.get();
    notes.seekp(at).put(static_cast<char>(byte ^ 1)).flush();
    EXPECT_EQ(noted("MANIFEST-000001"), std::nullopt) << "byte " << at;
    notes.seekp(at).put(static_cast<char>(byte)).flush();
  }
  EXPECT_EQ(noted("MANIFEST-000001"), 3u);
}

TEST_F(RocksManifestTest, SaysWhenTheNotesCannotBeRead) {
  std::filesystem::create_directories(path("manifest.synced"));
  const auto refused = noted_bytes(path("MANIFEST-000001"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::io_failed);
}

}  // namespace
}  // namespace emstore::store
