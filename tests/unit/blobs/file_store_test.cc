#include "blobs/file_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <thread>

#include "tests/support/forged_pair.h"
#include "tests/unit/blobs/failing_system.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

using testing::forged_pair;
using testing::ForgedPair;

class FileStoreTest : public ::testing::Test {
 protected:
  FileStore open_store() {
    auto store = FileStore::open(root_);
    EXPECT_TRUE(store.has_value()) << to_string(store.error());
    return std::move(*store);
  }
  FileStore open_store(Calls& calls) {
    auto store = FileStore::open(root_, std::make_unique<FailingSystem>(calls));
    EXPECT_TRUE(store.has_value()) << to_string(store.error());
    calls.names.clear();
    calls.count = 0;
    return std::move(*store);
  }
  // A complete upload, as uploads.h leaves it.
  std::string upload(const std::string& bytes) {
    const std::string name = "upload-" + std::to_string(++uploads_);
    std::ofstream(root_ / "uploads" / name, std::ios::binary) << bytes;
    return name;
  }
  Result<Stored> adopt(FileStore& store, const std::string& bytes,
                       const std::vector<TakenOrdinal>& taken = {}) {
    return store.adopt(upload(bytes), digest_of(bytes), taken);
  }
  static std::vector<Address> all(const FileStore& store) {
    std::vector<Address> addresses;
    const Status walked = store.each([&](const Address& address) {
      addresses.push_back(address);
      return true;
    });
    EXPECT_TRUE(walked.has_value());
    std::sort(addresses.begin(), addresses.end());
    return addresses;
  }
  static std::string read_all(const FileStore& store, const Address& address) {
    const auto bytes = store.read(address, 0, 1 << 30);
    EXPECT_TRUE(bytes.has_value()) << to_string(bytes.error());
    return bytes ? *bytes : std::string();
  }

  static ino_t file_number(const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_ino;
  }
  // Where the n-th damaged copy lies.
  std::filesystem::path quarantined(const Address& address, std::size_t n) const {
    return root_ / "quarantine" /
           (media_file(address).filename().string() + "." + std::to_string(n));
  }

  ScratchFolder folder_;
  const std::filesystem::path root_ = folder_ / "media";
  int uploads_ = 0;
};

TEST_F(FileStoreTest, GivesBackWhatItTook) {
  FileStore store = open_store();
  const std::string bytes = content(300'000);
  const auto stored = adopt(store, bytes);
  ASSERT_TRUE(stored.has_value()) << to_string(stored.error());
  EXPECT_EQ(stored->address, (Address{xxh3_128(bytes), kFirstFileOrdinal}));
  EXPECT_FALSE(stored->existed);
  EXPECT_EQ(read_all(store, stored->address), bytes);
  EXPECT_EQ(store.size(stored->address), bytes.size());
  EXPECT_EQ(store.rehash(stored->address), digest_of(bytes));
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

TEST_F(FileStoreTest, NamesTheFileByDigestAndOrdinal) {
  FileStore store = open_store();
  const auto stored = adopt(store, content(100'000));
  ASSERT_TRUE(stored.has_value());
  const std::string hex = to_hex(as_bytes(stored->address.digest));
  EXPECT_EQ(store.path_of(stored->address), root_ / hex.substr(0, 2) / (hex + ".128"));
  EXPECT_TRUE(std::filesystem::exists(store.path_of(stored->address)));
}

TEST_F(FileStoreTest, ReadsRangesUpToTheEnd) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  EXPECT_EQ(store.read(address, 0, 0), "");
  EXPECT_EQ(store.read(address, 10, 20), bytes.substr(10, 20));
  EXPECT_EQ(store.read(address, 99'999, 5), bytes.substr(99'999));
  EXPECT_EQ(store.read(address, 100'000, 5), "");
  EXPECT_EQ(store.read(address, ~std::uint64_t{0}, ~std::uint64_t{0}), "");
  EXPECT_EQ(store.read(address, 1, ~std::uint64_t{0}), bytes.substr(1));
}

TEST_F(FileStoreTest, StoresEqualBytesOnce) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Address first = adopt(store, bytes)->address;
  const auto second = adopt(store, bytes);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->address, first);
  EXPECT_TRUE(second->existed);
  EXPECT_EQ(all(store), std::vector{first});
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

TEST_F(FileStoreTest, KeepsBothContentsOfAForgedPair) {
  FileStore store = open_store();
  const ForgedPair pair = forged_pair(100'000);
  const auto first = adopt(store, pair.first);
  const auto second = adopt(store, pair.second);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(first->address.digest, second->address.digest);
  EXPECT_EQ(first->address.ordinal, 128);
  EXPECT_EQ(second->address.ordinal, 129);
  EXPECT_FALSE(second->existed);

  FileStore moved = std::move(store);
  EXPECT_EQ(read_all(moved, first->address), pair.first);
  EXPECT_EQ(read_all(moved, second->address), pair.second);
  EXPECT_EQ(adopt(moved, pair.second)->address, second->address);
  EXPECT_EQ(adopt(moved, pair.first)->address, first->address);
  EXPECT_EQ(all(moved).size(), 2u);
}

// The negative control of the test above: the same pair, to a store that takes the digest for a
// proof.
TEST_F(FileStoreTest, WouldLoseOneOfAForgedPairIfItTrustedTheDigest) {
  const ForgedPair pair = forged_pair(100'000);
  std::map<Digest128, std::string> trusting;
  trusting.emplace(xxh3_128(pair.first), pair.first);
  trusting.emplace(xxh3_128(pair.second), pair.second);
  EXPECT_EQ(trusting.size(), 1u);
  EXPECT_NE(trusting.at(xxh3_128(pair.second)), pair.second);
}

TEST_F(FileStoreTest, NeverGivesATakenOrdinalToOtherContent) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Sha256 own = sha256(bytes);
  const Sha256 other = sha256("other");
  const auto stored = adopt(store, bytes, {{128, other}, {130, other}});
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->address.ordinal, 129);
  EXPECT_EQ(adopt(store, bytes, {{128, other}, {129, own}})->address.ordinal, 129);
}

TEST_F(FileStoreTest, GivesContentItsOwnOrdinalAgainAfterItsBytesWereRemoved) {
  FileStore store = open_store();
  const ForgedPair pair = forged_pair(100'000);
  adopt(store, pair.first).value();
  const Address second = adopt(store, pair.second)->address;
  const std::vector<TakenOrdinal> taken = {{128, sha256(pair.first)}, {129, sha256(pair.second)}};
  for (const Address& address : all(store))
    ASSERT_TRUE(store.remove(address, is_unused).has_value());

  const auto again = adopt(store, pair.second, taken);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->address, second);
  EXPECT_FALSE(again->existed);
}

TEST_F(FileStoreTest, ReplacesADamagedFileWhenItsContentComesAgain) {
  const std::string bytes = content(100'000);
  const std::vector<std::string> damages = {bytes.substr(0, 50'000), std::string(), bytes + "x",
                                            "x" + bytes.substr(1)};
  FileStore store = open_store();
  const Address address = adopt(store, bytes)->address;
  for (std::size_t n = 0; n < damages.size(); ++n) {
    overwrite(store.path_of(address), damages[n]);
    const File reading = std::move(*store.open_blob(address));
    // Whether a record knows of it or not.
    std::vector<TakenOrdinal> taken;
    if (n % 2 == 0) taken.push_back({address.ordinal, sha256(bytes)});
    const auto stored = adopt(store, bytes, taken);
    ASSERT_TRUE(stored.has_value()) << to_string(stored.error());
    EXPECT_EQ(stored->address, address);
    EXPECT_TRUE(stored->mended);
    EXPECT_FALSE(stored->existed);
    EXPECT_EQ(read_all(store, address), bytes);
    EXPECT_EQ(bytes_of(quarantined(address, n + 1)), damages[n]);
  }
  EXPECT_EQ(all(store), std::vector{address});
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
  EXPECT_FALSE(adopt(store, bytes)->mended);
}

// The record says which content lies there; then the digest alone is no excuse.
TEST_F(FileStoreTest, ReplacesAFileThatIsNotTheRecordedContentAlthoughItsDigestFits) {
  FileStore store = open_store();
  const ForgedPair pair = forged_pair(100'000);
  const Address first = adopt(store, pair.first)->address;
  const auto stored = adopt(store, pair.second, {{first.ordinal, sha256(pair.second)}});
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->address, first);
  EXPECT_TRUE(stored->mended);
  EXPECT_EQ(read_all(store, first), pair.second);
  EXPECT_EQ(bytes_of(quarantined(first, 1)), pair.first);
}

// A bad sector: neither comparing nor hashing comes to an end, but the record says what lies there.
TEST_F(FileStoreTest, ReplacesARecordedFileThatCannotBeRead) {
  Calls calls;
  FileStore store = open_store(calls);
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  const std::vector<TakenOrdinal> taken{{address.ordinal, sha256(bytes)}};
  calls.unreadable = file_number(store.path_of(address));
  ASSERT_FALSE(store.read(address, 0, 1));
  const std::string again = upload(bytes);
  const File source(::open((root_ / "uploads" / again).c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(store.find(source, again, address.digest, bytes.size(), taken).value());
  const auto stored = store.adopt(again, digest_of(bytes), taken);
  ASSERT_TRUE(stored.has_value()) << to_string(stored.error());
  EXPECT_EQ(stored->address, address);
  EXPECT_TRUE(stored->mended);
  EXPECT_EQ(read_all(store, address), bytes);
  EXPECT_EQ(file_number(quarantined(address, 1)), calls.unreadable);
}

// The controls: which content an unrecorded file has nobody knows, and an upload that cannot be
// read, or reads otherwise, mends nothing.
TEST_F(FileStoreTest, LeavesAFileThatCannotBeReadToItsOwnContent) {
  Calls calls;
  FileStore store = open_store(calls);
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  const std::vector<TakenOrdinal> taken{{address.ordinal, sha256(bytes)}};
  const ino_t number = file_number(store.path_of(address));
  calls.unreadable = number;
  EXPECT_EQ(adopt(store, bytes).error().code, ErrorCode::io_failed);
  const auto altered = store.adopt(upload("x" + bytes.substr(1)), digest_of(bytes), taken);
  EXPECT_EQ(altered.error().code, ErrorCode::corrupt_blob);
  const std::string unread = upload(bytes);
  calls.unreadable = file_number(root_ / "uploads" / unread);
  EXPECT_EQ(store.adopt(unread, digest_of(bytes), taken).error().code, ErrorCode::io_failed);
  EXPECT_EQ(file_number(store.path_of(address)), number);
  EXPECT_TRUE(files_in(root_ / "quarantine").empty());
}

TEST_F(FileStoreTest, KeepsTheNewestOfMoreDamagedCopiesThanItHasNamesFor) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  const auto damaged = [](std::size_t n) { return "damage " + std::to_string(n); };
  for (std::size_t n = 1; n <= 18; ++n) {
    overwrite(store.path_of(address), damaged(n));
    if (n == 18) {
      EXPECT_EQ(store.set_aside(address, digest_of(bytes)).value(), quarantined(address, 16));
    } else {
      ASSERT_TRUE(adopt(store, bytes)->mended);
    }
    EXPECT_EQ(bytes_of(quarantined(address, std::min<std::size_t>(n, 16))), damaged(n));
  }
  for (std::size_t n = 1; n <= 15; ++n) EXPECT_EQ(bytes_of(quarantined(address, n)), damaged(n));
  EXPECT_EQ(files_in(root_ / "quarantine").size(), 16u);
}

// The control: what only collides is no damage, recorded or not.
TEST_F(FileStoreTest, LeavesACollisionWhereItIs) {
  FileStore store = open_store();
  const ForgedPair pair = forged_pair(100'000);
  const Address first = adopt(store, pair.first)->address;
  for (const std::vector<TakenOrdinal>& taken :
       {std::vector<TakenOrdinal>{}, {{first.ordinal, sha256(pair.first)}}}) {
    const auto stored = adopt(store, pair.second, taken);
    ASSERT_TRUE(stored.has_value());
    EXPECT_EQ(stored->address.ordinal, 129);
    EXPECT_FALSE(stored->mended);
  }
  EXPECT_EQ(read_all(store, first), pair.first);
  EXPECT_TRUE(files_in(root_ / "quarantine").empty());
}

TEST_F(FileStoreTest, TakesADamagedUploadForNoMending) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  const std::string name = upload("x" + bytes.substr(1));
  const auto refused = store.adopt(name, digest_of(bytes), {{address.ordinal, sha256(bytes)}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::corrupt_blob);
  EXPECT_EQ(read_all(store, address), bytes);
  EXPECT_TRUE(files_in(root_ / "quarantine").empty());
}

TEST_F(FileStoreTest, SaysThatItMendsWhatIsMissing) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  EXPECT_TRUE(adopt(store, bytes, {{128, sha256(bytes)}})->mended);
  const Address other =
      adopt(store, content(100'000, 2), {{128, sha256(content(100'000, 2)), false}})
          ->address;  // They were collected.
  EXPECT_TRUE(store.remove(other, is_unused).has_value());
  EXPECT_FALSE(
      adopt(store, content(100'000, 2), {{128, sha256(content(100'000, 2)), false}})->mended);
}

TEST_F(FileStoreTest, HasTheOldBytesOrTheNewWhateverFailsWhileItMends) {
  const std::string bytes = content(100'000);
  const std::string damaged = "x" + bytes.substr(1);
  for (std::size_t k = 1;; ++k) {
    SCOPED_TRACE("call " + std::to_string(k));
    Calls calls;
    FileStore store = open_store(calls);
    const Address address = adopt(store, bytes)->address;
    overwrite(store.path_of(address), damaged);
    calls.count = 0;
    calls.fault = {.error_number = EIO, .first_call = k};
    const auto stored = adopt(store, bytes, {{address.ordinal, sha256(bytes)}});
    const std::string now = bytes_of(store.path_of(address));
    EXPECT_TRUE(now == bytes || now == damaged);
    EXPECT_TRUE(!stored || now == bytes);
    EXPECT_TRUE(now == damaged || bytes_of(quarantined(address, 1)) == damaged);
    std::filesystem::remove_all(root_);
    if (!calls.fault_fired) break;
    ASSERT_LT(k, 100u);
  }
}

TEST_F(FileStoreTest, SetsAsideOnlyWhatIsDamaged) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  const ContentDigest recorded = digest_of(bytes);
  EXPECT_EQ(store.set_aside(address, recorded), std::nullopt);
  overwrite(store.path_of(address), "x" + bytes.substr(1));
  const auto kept = store.set_aside(address, recorded);
  ASSERT_TRUE(kept.has_value() && kept->has_value());
  EXPECT_EQ(**kept, quarantined(address, 1));
  EXPECT_EQ(bytes_of(**kept), "x" + bytes.substr(1));
  EXPECT_TRUE(all(store).empty());
  EXPECT_EQ(store.open_blob(address).error().code, ErrorCode::blob_not_found);
  EXPECT_EQ(store.set_aside(address, recorded), std::nullopt);
}

TEST_F(FileStoreTest, LeavesAloneWhatWasMendedWhileItWasHashed) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const Address address = adopt(store, bytes)->address;
  overwrite(store.path_of(address), "x" + bytes.substr(1));
  bool is_mended = false;
  const auto kept = store.set_aside(address, digest_of(bytes), [&](std::size_t) {
    if (!is_mended) is_mended = adopt(store, bytes)->mended;
    return true;
  });
  EXPECT_TRUE(is_mended);
  EXPECT_EQ(kept, std::nullopt);
  EXPECT_EQ(read_all(store, address), bytes);
}

TEST_F(FileStoreTest, EndsHashingWhenItIsTold) {
  FileStore store = open_store();
  const Address address = adopt(store, content(1'000'000))->address;
  std::size_t read = 0;
  const auto cancelled = store.rehash(address, [&](std::size_t count) {
    read += count;
    return read < 500'000;
  });
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code, ErrorCode::cancelled);
  EXPECT_LT(read, 1'000'000u);
}

TEST_F(FileStoreTest, SyncsBytesThenNamesThenSyncsTheFolder) {
  Calls calls;
  FileStore store = open_store(calls);
  const std::string bytes = content(100'000);
  const auto of_durability = [&] {
    std::vector<std::string> names;
    for (const std::string& name : calls.names) {
      if (name.find("sync") != name.npos || name == "rename_to_new" || name == "unlink") {
        names.push_back(name);
      }
    }
    calls.names.clear();
    return names;
  };
  ASSERT_TRUE(adopt(store, bytes).has_value());
  EXPECT_EQ(of_durability(), (std::vector<std::string>{"sync_data", "rename_to_new", "sync"}));
  // A duplicate: the name may be another thread's, which has not come to its sync.
  ASSERT_TRUE(adopt(store, bytes).has_value());
  EXPECT_EQ(of_durability(), (std::vector<std::string>{"sync", "unlink"}));
}

TEST_F(FileStoreTest, NeverRepeatsASyncOfBytesThatFailed) {
  Calls calls{.fault = {.error_number = EIO, .first_call = 1, .only = "sync_data"}};
  FileStore store = open_store(calls);
  const auto refused = adopt(store, content(100'000));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::io_failed);
  EXPECT_EQ(calls.count, 1u);
  EXPECT_TRUE(all(store).empty());
}

TEST_F(FileStoreTest, TrustsNoFolderWhoseSyncFailedUntilItIsOpenedAgain) {
  const std::string bytes = content(100'000);
  {
    Calls calls{
        .fault = {.error_number = EIO, .first_call = 3, .only = "sync"}};  // After open's two.
    auto store = FileStore::open(root_, std::make_unique<FailingSystem>(calls)).value();
    EXPECT_EQ(adopt(store, bytes).error().code, ErrorCode::io_failed);
    EXPECT_TRUE(calls.fault_fired);
    EXPECT_TRUE(all(store).empty());
    EXPECT_EQ(adopt(store, bytes).error().code, ErrorCode::io_failed);
    EXPECT_EQ(calls.count, 3u);
    EXPECT_TRUE(all(store).empty());
  }
  FileStore store = open_store();
  EXPECT_TRUE(adopt(store, bytes).has_value());
}

TEST_F(FileStoreTest, SaysThatTheDiskIsFull) {
  for (const char* call : {"sync_data", "rename_to_new"}) {
    for (const int error_number : {ENOSPC, EDQUOT}) {
      Calls calls{.fault = {.error_number = error_number, .first_call = 1, .only = call}};
      FileStore store = open_store(calls);
      EXPECT_EQ(adopt(store, content(100'000)).error().code, ErrorCode::disk_full) << call;
      EXPECT_TRUE(all(store).empty());
    }
  }
}

TEST_F(FileStoreTest, EndsInOneFileWhenTheNameIsGivenInBetween) {
  const std::string bytes = content(100'000);
  Calls calls;
  FileStore store = open_store(calls);
  calls.before_rename = [&](const std::string& name) {
    std::ofstream(root_ / name.substr(0, 2) / name, std::ios::binary) << bytes;
  };
  const auto stored = adopt(store, bytes);
  ASSERT_TRUE(stored.has_value());
  EXPECT_TRUE(stored->existed);
  EXPECT_EQ(std::count(calls.names.begin(), calls.names.end(), "rename_to_new"), 1);
  EXPECT_EQ(all(store), std::vector{stored->address});
}

TEST_F(FileStoreTest, TakesTheNextOrdinalWhenACollisionGetsTheNameInBetween) {
  const ForgedPair pair = forged_pair(100'000);
  Calls calls;
  FileStore store = open_store(calls);
  calls.before_rename = [&](const std::string& name) {
    std::ofstream(root_ / name.substr(0, 2) / name, std::ios::binary) << pair.first;
  };
  const auto stored = adopt(store, pair.second);
  ASSERT_TRUE(stored.has_value());
  EXPECT_EQ(stored->address.ordinal, 129);
  EXPECT_EQ(read_all(store, stored->address), pair.second);
  EXPECT_EQ(read_all(store, {stored->address.digest, 128}), pair.first);
}

TEST_F(FileStoreTest, StoresOnceWhatManyThreadsBringAtTheSameTime) {
  FileStore store = open_store();
  constexpr int kThreads = 4;
  for (std::uint64_t round = 1; round <= 10; ++round) {
    const std::string bytes = content(80'000, round);
    const ContentDigest digest = digest_of(bytes);
    std::vector<Result<Stored>> results(kThreads, failure(ErrorCode::internal, "not run"));
    std::vector<std::thread> threads;
    for (Result<Stored>& result : results) {
      threads.emplace_back([&, name = upload(bytes)] { result = store.adopt(name, digest); });
    }
    for (std::thread& thread : threads) thread.join();

    int written = 0;
    for (const Result<Stored>& result : results) {
      ASSERT_TRUE(result.has_value()) << to_string(result.error());
      EXPECT_EQ(result->address, (Address{digest.xxh3, kFirstFileOrdinal}));
      if (!result->existed) ++written;
    }
    EXPECT_EQ(written, 1);
    EXPECT_EQ(all(store).size(), round);
    EXPECT_EQ(store.rehash(results[0]->address), digest);
  }
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

// Large contents are compared by halves.
TEST_F(FileStoreTest, FindsALargeContentOnlyWhereEveryByteIsEqual) {
  constexpr std::size_t kMiddle = 5 << 20;
  constexpr std::size_t kSize = 2 * kMiddle + 1;
  FileStore store = open_store();
  const std::string bytes = content(kSize);
  const ContentDigest digest = digest_of(bytes);
  ASSERT_TRUE(adopt(store, bytes).has_value());
  const std::vector<TakenOrdinal> taken{{kFirstFileOrdinal, digest.sha256}};
  const auto is_found = [&](const std::string& brought) {
    const auto path = root_ / "uploads" / upload(brought);
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto found = store.find(file, path, digest.xxh3, kSize, taken);
    EXPECT_TRUE(found.has_value()) << to_string(found.error());
    return found && found->has_value();
  };
  EXPECT_TRUE(is_found(bytes));
  for (const std::size_t place : {std::size_t{0}, kMiddle - 1, kMiddle, kSize - 1}) {
    std::string other = bytes;
    other[place] ^= 1;
    EXPECT_FALSE(is_found(other)) << place;
  }
  EXPECT_FALSE(is_found(bytes + "x"));
  EXPECT_FALSE(is_found(bytes.substr(0, kSize - 1)));
  EXPECT_FALSE(is_found(bytes.substr(0, kMiddle / 2)));
}

TEST_F(FileStoreTest, KeepsOthersOutByModes) {
  FileStore store = open_store();
  const Address address = adopt(store, content(100'000))->address;
  const auto mode_of = [](const std::filesystem::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  };
  EXPECT_EQ(mode_of(store.path_of(address)), 0400u);
  EXPECT_EQ(mode_of(store.path_of(address).parent_path()), 0700u);
  EXPECT_EQ(mode_of(root_), 0700u);
  EXPECT_EQ(mode_of(root_ / "uploads"), 0700u);
}

TEST_F(FileStoreTest, SaysWhichBlobIsNotThere) {
  FileStore store = open_store();
  const Address absent{xxh3_128("absent"), kFirstFileOrdinal};
  const auto opened = store.open_blob(absent);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::blob_not_found);
  EXPECT_NE(opened.error().message.find(to_string(absent)), std::string::npos);
  EXPECT_EQ(store.read(absent, 0, 1).error().code, ErrorCode::blob_not_found);
  EXPECT_EQ(store.size(absent).error().code, ErrorCode::blob_not_found);
  EXPECT_EQ(store.rehash(absent).error().code, ErrorCode::blob_not_found);
}

TEST_F(FileStoreTest, RemovesOnlyTheBlobThatIsNamed) {
  FileStore store = open_store();
  const ForgedPair pair = forged_pair(100'000);
  const Address first = adopt(store, pair.first)->address;
  const Address second = adopt(store, pair.second)->address;
  EXPECT_TRUE(store.remove(first, is_unused).has_value());
  EXPECT_TRUE(store.remove(first, is_unused).has_value());
  EXPECT_EQ(all(store), std::vector{second});
  EXPECT_EQ(read_all(store, second), pair.second);
}

TEST_F(FileStoreTest, FollowsNoLinkThatStandsForABlob) {
  FileStore store = open_store();
  const std::string secret = content(100'000);
  std::ofstream(folder_ / "secret") << secret;
  const Address address{xxh3_128(secret), kFirstFileOrdinal};
  std::filesystem::create_symlink(folder_ / "secret", store.path_of(address));
  EXPECT_EQ(store.open_blob(address).error().code, ErrorCode::corrupt_blob);
  EXPECT_EQ(adopt(store, secret).error().code, ErrorCode::corrupt_blob);

  std::filesystem::remove(store.path_of(address));
  ASSERT_EQ(::mkfifo(store.path_of(address).c_str(), 0600), 0);
  EXPECT_EQ(store.open_blob(address).error().code, ErrorCode::corrupt_blob);
}

TEST_F(FileStoreTest, FollowsNoLinkThatStandsForAShard) {
  FileStore store = open_store();
  const std::string bytes = content(100'000);
  const auto shard = store.path_of({xxh3_128(bytes), kFirstFileOrdinal}).parent_path();
  std::filesystem::remove(shard);
  std::filesystem::create_directory(folder_ / "elsewhere");
  std::filesystem::create_symlink(folder_ / "elsewhere", shard);
  EXPECT_EQ(adopt(store, bytes).error().code, ErrorCode::io_failed);
  EXPECT_TRUE(files_in(folder_ / "elsewhere").empty());
}

TEST_F(FileStoreTest, WalksOverFilesThatAreNotBlobs) {
  FileStore store = open_store();
  const Address address = adopt(store, content(100'000))->address;
  const std::string hex = to_hex(as_bytes(address.digest));
  const auto shard = store.path_of(address).parent_path();
  for (const std::string& name : {hex, hex + ".127", hex + ".0128", hex + ".256", hex + ".128~",
                                  std::string("notes.txt"), "ff" + hex.substr(2) + ".128"}) {
    if (shard / name != store.path_of(address)) std::ofstream(shard / name) << "x";
  }
  EXPECT_EQ(all(store), std::vector{address});
}

TEST_F(FileStoreTest, EndsAWalkWhenTold) {
  FileStore store = open_store();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) adopt(store, content(70'000, seed)).value();
  int visits = 0;
  EXPECT_TRUE(store.each([&](const Address&) { return ++visits < 2; }).has_value());
  EXPECT_EQ(visits, 2);
}

TEST_F(FileStoreTest, IsOpenOnlyOnce) {
  FileStore store = open_store();
  const auto second = FileStore::open(root_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::locked);
}

TEST_F(FileStoreTest, SaysWhyItCannotBeOpened) {
  std::ofstream(folder_ / "file") << "x";
  for (const auto& path : {folder_ / "file", folder_ / "absent" / "media"}) {
    const auto store = FileStore::open(path);
    ASSERT_FALSE(store.has_value()) << path;
    EXPECT_EQ(store.error().code, ErrorCode::io_failed);
    EXPECT_NE(store.error().message.find(path.string()), std::string::npos);
  }
}

TEST_F(FileStoreTest, IsCompleteAfterAnyFailureWhileItWasOpened) {
  for (std::size_t k = 1;; ++k) {
    Calls calls{.fault = {.error_number = EIO, .first_call = k}};
    const auto store = FileStore::open(root_, std::make_unique<FailingSystem>(calls));
    EXPECT_EQ(store.has_value(), !calls.fault_fired) << calls.names.back();
    if (!calls.fault_fired) break;
    ASSERT_LT(k, 1'000u);
  }
  FileStore store = open_store();
  EXPECT_TRUE(adopt(store, content(100'000)).has_value());
  EXPECT_EQ(files_in(root_).size(), 258u);
}

}  // namespace
}  // namespace emstore::blobs
