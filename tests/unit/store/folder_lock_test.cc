#include "store/folder_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tests/support/temporary_folder.h"

namespace emstore::store {
namespace {

using ::testing::HasSubstr;

TEST(FolderLock, NamesTheHolderToTheSecond) {
  const testing::TemporaryFolder folder;
  const auto first = FolderLock::acquire(folder.path());
  ASSERT_TRUE(first) << to_string(first.error());
  const auto second = FolderLock::acquire(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::locked);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().message, HasSubstr(folder.path().string()));
}

TEST(FolderLock, EndsWithItsObject) {
  const testing::TemporaryFolder folder;
  {
    auto first = FolderLock::acquire(folder.path());
    ASSERT_TRUE(first);
    const FolderLock moved = std::move(*first);
    EXPECT_FALSE(FolderLock::acquire(folder.path()));
  }
  EXPECT_TRUE(FolderLock::acquire(folder.path()));
}

TEST(FolderLock, EndsWithItsProcess) {
  const testing::TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(FolderLock::acquire(folder.path()) ? 0 : 1);
  int outcome = -1;
  ASSERT_EQ(::waitpid(child, &outcome, 0), child);
  ASSERT_EQ(outcome, 0);
  const auto lock = FolderLock::acquire(folder.path());
  ASSERT_TRUE(lock);
  std::string holder;
  std::getline(std::ifstream(folder.path() / "lock"), holder);
  EXPECT_EQ(holder, std::to_string(::getpid()));
}

TEST(FolderLock, DoesNotInventAHolder) {
  const testing::TemporaryFolder folder;
  const auto first = FolderLock::acquire(folder.path());
  ASSERT_TRUE(first);
  std::ofstream(folder.path() / "lock", std::ios::trunc) << "";
  const auto second = FolderLock::acquire(folder.path());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("another process"));
}

TEST(FolderLock, FollowsNoLink) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder.path() / "victim") << "precious";
  std::filesystem::create_symlink("victim", folder.path() / "lock");
  const auto lock = FolderLock::acquire(folder.path());
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, ErrorCode::io_failed);
  EXPECT_EQ(std::filesystem::file_size(folder.path() / "victim"), 8u);
}

TEST(FileSystemType, KnowsWhichKeepTheirPromises) {
  EXPECT_EQ(file_system_type(0xef53).kind, FileSystemKind::lasting);      // ext4
  EXPECT_EQ(file_system_type(0x9123683e).kind, FileSystemKind::lasting);  // btrfs
  EXPECT_EQ(file_system_type(0x794c7630).kind, FileSystemKind::lasting);  // overlayfs
  EXPECT_EQ(file_system_type(0x01021994).kind, FileSystemKind::memory);
  EXPECT_EQ(file_system_type(0x6969).kind, FileSystemKind::remote);
  EXPECT_EQ(file_system_type(0x65735546).kind, FileSystemKind::remote);
  EXPECT_EQ(file_system_type(0x65735546).name, "fuse");
}

TEST(CheckFileSystem, RefusesMemoryUnlessItIsAllowed) {
  const FileSystemType memory = file_system_type(0x01021994);
  const auto refused = check_file_system("/data", memory, UnsafeFileSystem::refuse);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("/data lies on tmpfs"));
  EXPECT_THAT(refused.error().hint, HasSubstr("set store.allow_memory"));
  EXPECT_TRUE(check_file_system("/data", memory, UnsafeFileSystem::allow));
}

TEST(CheckFileSystem, RefusesRemoteOnesAlways) {
  for (const UnsafeFileSystem unsafe : {UnsafeFileSystem::refuse, UnsafeFileSystem::allow}) {
    const auto refused = check_file_system("/data", file_system_type(0x6969), unsafe);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("/data lies on nfs"));
  }
}

TEST(CheckFileSystem, TakesOverlaysAsContainersHaveThem) {
  EXPECT_TRUE(check_file_system("/data", file_system_type(0x794c7630), UnsafeFileSystem::refuse));
}

TEST(CheckFileSystem, LooksAtTheFolder) {
  const testing::TemporaryFolder folder;
  EXPECT_TRUE(check_file_system(folder.path(), UnsafeFileSystem::allow));
}

TEST(CheckFileSystem, SaysWhichFolderIsMissing) {
  const testing::TemporaryFolder folder;
  const auto checked = check_file_system(folder.path() / "absent");
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::io_failed);
  EXPECT_THAT(checked.error().message, HasSubstr("absent"));
}

}  // namespace
}  // namespace emstore::store
