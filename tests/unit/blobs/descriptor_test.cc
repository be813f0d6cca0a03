// Files that were passed: what is taken, what is refused, and what is stored of a file that
// somebody writes to meanwhile.
#include "blobs/descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <optional>
#include <thread>

#include "base/hash_pieces.h"
#include "blobs/hashing.h"
#include "blobs/uploads.h"
#include "tests/support/chance.h"
#include "tests/support/damage.h"
#include "tests/support/forged_pair.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/blobs/failing_system.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

constexpr std::size_t kLarge = 3'000'000;  // Several pieces, the last one not full.

class DescriptorTest : public ::testing::Test {
 protected:
  DescriptorTest() {
    store_.emplace(FileStore::open(root_, std::make_unique<FailingSystem>(calls_)).value());
    uploads_.emplace(Uploads::open(*store_, {}).value());
  }

  File file_with(const std::string& bytes, int flags = O_RDONLY) {
    const auto path = folder_ / ("source-" + std::to_string(++sources_));
    std::ofstream(path, std::ios::binary) << bytes;
    return File(::open(path.c_str(), flags | O_CLOEXEC));
  }
  Result<Uploads::Taken> take(const File& source, const std::vector<TakenOrdinal>& taken = {}) {
    return uploads_->take(kAda, source, [taken](const Digest128&) { return taken; });
  }
  static std::size_t open_descriptors() { return files_in("/proc/self/fd").size(); }
  std::string bytes_at(const Address& address) { return store_->read(address, 0, 1 << 30).value(); }
  // Why the descriptor is refused; nothing is left of it.
  std::string refusal(const File& source) {
    const auto taken = take(source);
    EXPECT_FALSE(taken);
    if (taken) return "taken";
    EXPECT_EQ(taken.error().code, ErrorCode::invalid_request) << to_string(taken.error());
    EXPECT_EQ(taken.error().path, "descriptor");
    EXPECT_TRUE(files_in(root_ / "uploads").empty());
    return taken.error().message;
  }

  ScratchFolder folder_;
  std::filesystem::path root_ = folder_ / "media";
  Calls calls_;
  std::optional<FileStore> store_;
  std::optional<Uploads> uploads_;
  int sources_ = 0;
};

TEST_F(DescriptorTest, OfAFileIsStoredWithBothDigests) {
  for (const int flags : {O_RDONLY, O_RDWR}) {
    const std::string bytes = content(kLarge + static_cast<std::size_t>(flags));
    const File source = file_with(bytes, flags);
    ASSERT_EQ(::lseek(source.descriptor(), 17, SEEK_SET), 17);
    const auto taken = take(source);
    ASSERT_TRUE(taken) << to_string(taken.error());
    const Completed& completed = taken->completed;
    EXPECT_EQ(completed.digest, digest_of(bytes));
    EXPECT_FALSE(completed.file->existed);
    EXPECT_EQ(bytes_at(completed.file->address), bytes);
    EXPECT_EQ(::lseek(source.descriptor(), 0, SEEK_CUR), 17) << "the offset is the peer's";
    uploads_->release(kAda, taken->token);
    EXPECT_TRUE(files_in(root_ / "uploads").empty());
  }
}

// Small content passes through no file, and is let in all the same.
TEST_F(DescriptorTest, IsTakenOnlyAsFarAsItIsLetIn) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{65'536}, kLarge}) {
    std::uint64_t room = size - 1;
    uploads_.emplace(Uploads::open(*store_, {.admit = [&](std::uint32_t uid, std::uint64_t bytes) {
                       EXPECT_EQ(uid, kAda);
                       if (bytes > room)
                         return Result<Admission>(failure(ErrorCode::disk_full, "no room"));
                       room -= bytes;
                       return Result<Admission>(Admission());
                     }}).value());
    const File source = file_with(content(size));
    const auto refused = take(source);
    ASSERT_FALSE(refused) << size;
    EXPECT_EQ(refused.error().code, ErrorCode::disk_full);
    EXPECT_EQ(room, size - 1);
    room = size;
    EXPECT_TRUE(take(source)) << size;
    EXPECT_EQ(room, 0u);
  }
}

TEST_F(DescriptorTest, KeepsTheAdmissionOfSmallContentUntilSomebodyHasIt) {
  bool is_over = false;
  const auto admit = [&](std::uint32_t, std::uint64_t) -> Result<Admission> {
    return Admission(nullptr, [&](void*) { is_over = true; });
  };
  uploads_.emplace(Uploads::open(*store_, {.admit = admit}).value());
  Uploads::Taken taken = take(file_with("small")).value();
  EXPECT_FALSE(is_over);
  taken = {};
  EXPECT_TRUE(is_over);
}

TEST_F(DescriptorTest, IsRefusedWhenItIsTooLarge) {
  for (const std::size_t most : {std::size_t{100}, kLarge}) {
    uploads_.emplace(Uploads::open(*store_, {.blob_bytes_max = most}).value());
    EXPECT_TRUE(take(file_with(content(most))));
    const auto refused = take(file_with(content(most + 1)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blob_too_large);
  }
}

// Nobody can ask for it again.
TEST_F(DescriptorTest, ExpiresAsSoonAsNobodyHoldsIt) {
  std::optional<Uploads::Taken> taken = take(file_with(content(kLarge))).value();
  const Address address = taken->completed.file->address;
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  taken.reset();
  const Uploads::Expired expired = uploads_->expire();
  EXPECT_EQ(expired.uploads, 1u);
  EXPECT_EQ(expired.stored, std::vector{address});
  EXPECT_TRUE(uploads_->held().empty());
}

// What is kept free on the disk is for the write-ahead log: without it the daemon stops.
TEST_F(DescriptorTest, GetsNoRoomThatAnotherIsPromised) {
  constexpr std::uint64_t kKeptFree = 1'000'000;
  uploads_.emplace(Uploads::open(*store_, {.free_bytes_min = kKeptFree}).value());
  const File first = file_with(content(kLarge, 1)), second = file_with(content(kLarge, 2));
  calls_.room = kKeptFree + kLarge + kLarge / 2;
  std::optional<Result<Uploads::Taken>> meanwhile;
  calls_.before_write = [&] { meanwhile = take(second); };
  const auto taken = take(first);
  ASSERT_TRUE(taken) << to_string(taken.error());
  ASSERT_TRUE(meanwhile.has_value() && !meanwhile->has_value());
  EXPECT_EQ(meanwhile->error().code, ErrorCode::disk_full);
  EXPECT_EQ(*calls_.room, kKeptFree + kLarge / 2);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
  // The promise has ended with what it was made for.
  calls_.room = kKeptFree + kLarge - 1;
  EXPECT_EQ(take(second).error().code, ErrorCode::disk_full);
  calls_.room = kKeptFree + kLarge;
  EXPECT_TRUE(take(second));
  EXPECT_EQ(*calls_.room, kKeptFree);
}

TEST_F(DescriptorTest, LeavesNothingWhenOthersFillTheDiskMeanwhile) {
  constexpr std::uint64_t kKeptFree = 1'000'000;
  uploads_.emplace(Uploads::open(*store_, {.free_bytes_min = kKeptFree}).value());
  const File source = file_with(content(kLarge));
  calls_.room = kKeptFree + kLarge;
  calls_.before_write = [&] { calls_.room = kKeptFree + kLarge / 2; };
  const auto taken = take(source);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::disk_full);
  EXPECT_GE(*calls_.room, kKeptFree);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
  EXPECT_TRUE(uploads_->held().empty());
  calls_.room = kKeptFree + kLarge;
  EXPECT_TRUE(take(source));
}

TEST_F(DescriptorTest, OfASmallFileGivesItsBytes) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65'536}}) {
    const std::string bytes = content(size);
    const auto taken = take(file_with(bytes));
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->completed.small, bytes);
    EXPECT_EQ(taken->completed.digest, digest_of(bytes));
    EXPECT_TRUE(taken->token.empty());
  }
  const auto larger = take(file_with(content(65'537)));
  ASSERT_TRUE(larger);
  EXPECT_FALSE(larger->completed.small);
}

TEST_F(DescriptorTest, OfKnownBytesWritesNothing) {
  const std::string bytes = content(kLarge);
  const auto first = take(file_with(bytes));
  ASSERT_TRUE(first);
  const Address address = first->completed.file->address;
  calls_.names.clear();
  const auto again = take(file_with(bytes), {{address.ordinal, sha256(bytes)}});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->completed.file->existed);
  EXPECT_EQ(again->completed.file->address, address);
  EXPECT_EQ(again->completed.digest, digest_of(bytes));
  EXPECT_EQ(std::count(calls_.names.begin(), calls_.names.end(), "write"), 0);
  EXPECT_EQ(std::count(calls_.names.begin(), calls_.names.end(), "sync"), 1)
      << "of the folder: whoever put the file there may not have come to it";
}

TEST_F(DescriptorTest, OfKnownBytesMendsADamagedCopy) {
  const std::string bytes = content(kLarge);
  const Address address = take(file_with(bytes))->completed.file->address;
  overwrite(store_->path_of(address), "x" + bytes.substr(1));
  const auto again = take(file_with(bytes), {{address.ordinal, sha256(bytes)}});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->completed.file->address, address);
  EXPECT_TRUE(again->completed.file->mended);
  EXPECT_EQ(bytes_at(address), bytes);
}

TEST_F(DescriptorTest, OfBytesThatCollideGivesThemAnAddressOfTheirOwn) {
  const testing::ForgedPair pair = testing::forged_pair(100'000);
  const auto first = take(file_with(pair.first));
  const auto second = take(file_with(pair.second), {{128, sha256(pair.first)}});
  ASSERT_TRUE(second) << to_string(second.error());
  EXPECT_EQ(second->completed.file->address.digest, first->completed.file->address.digest);
  EXPECT_EQ(second->completed.file->address.ordinal, 129);
  EXPECT_EQ(bytes_at(first->completed.file->address), pair.first);
  EXPECT_EQ(bytes_at(second->completed.file->address), pair.second);
}

TEST_F(DescriptorTest, OfASealedMemfdIsTaken) {
  const std::string bytes = content(kLarge);
  const File memory(::memfd_create("bytes", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::pwrite(memory.descriptor(), bytes.data(), bytes.size(), 0),
            static_cast<ssize_t>(bytes.size()));
  ASSERT_EQ(::fcntl(memory.descriptor(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
            0);
  const auto taken = take(memory);
  ASSERT_TRUE(taken) << to_string(taken.error());
  EXPECT_EQ(bytes_at(taken->completed.file->address), bytes);
}

TEST_F(DescriptorTest, OfAnythingButAReadableFileIsRefused) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const File reading(ends[0]), writing(ends[1]);
  EXPECT_EQ(refusal(reading), "the descriptor is a pipe");
  const auto fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(refusal(File(::open(fifo.c_str(), O_RDWR | O_CLOEXEC))), "the descriptor is a pipe");
  EXPECT_EQ(refusal(File(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))),
            "the descriptor is a socket");
  EXPECT_EQ(refusal(File(::open("/dev/zero", O_RDONLY | O_CLOEXEC))), "the descriptor is a device");
  EXPECT_EQ(refusal(File(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC))),
            "the descriptor is a directory");
  EXPECT_EQ(refusal(file_with("bytes", O_PATH)), "the descriptor is a mere path (O_PATH)");
  EXPECT_EQ(refusal(file_with("bytes", O_WRONLY)), "the descriptor is open for writing only");
  EXPECT_EQ(refusal(File(::open("/proc/self/environ", O_RDONLY | O_CLOEXEC))),
            "the descriptor is on a file system that is not read from (proc)");
  EXPECT_EQ(refusal(File()), "the descriptor is not open");
}

TEST_F(DescriptorTest, OfAHoleOfEightTebibytesIsRefusedUnread) {
  const auto path = folder_ / "hole";
  std::ofstream(path) << "";
  // Where a file system has no room for so large a file, less is over the limit too.
  std::error_code ignored;
  std::filesystem::resize_file(path, 8ull << 40, ignored);
  if (ignored) std::filesystem::resize_file(path, 6ull << 30);
  calls_.names.clear();
  const auto taken = take(File(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::blob_too_large);
  EXPECT_TRUE(calls_.names.empty());
}

// Whether its bytes are stored already or not, and in whichever of its readings it happens.
class ChangingFileTest : public DescriptorTest {
 protected:
  static constexpr off_t kLastPiece = 2 * kReadStepBytes;
  static constexpr std::size_t kThreePieces = kLastPiece + 10'000;

  enum class Change { grows, is_overwritten };
  // The file is changed in its n-th reading: it grows when that begins, or its first byte is
  // overwritten when the last piece is about to be read.
  void expect_refused(std::size_t size, bool is_known, int reading, Change change) {
    const std::string bytes = content(size, ++seed_);
    if (is_known) uploads_->release(kAda, take(file_with(bytes))->token);
    const File source = file_with(bytes, O_RDWR);
    // The clock of files may stand still for some milliseconds.
    const timespec long_ago[2]{{1'000'000'000, 0}, {1'000'000'000, 0}};
    ASSERT_EQ(::futimens(source.descriptor(), long_ago), 0);
    struct stat status {};
    ASSERT_EQ(::fstat(source.descriptor(), &status), 0);
    const std::uint64_t last_piece = size > kReadStepBytes ? kLastPiece : 0;
    int readings = 0;
    calls_.watched = status.st_ino;
    calls_.before_read = [&](std::uint64_t offset) {
      if (offset != (change == Change::grows ? 0 : last_piece) || ++readings != reading) return;
      const off_t place = change == Change::grows ? static_cast<off_t>(size) : 0;
      EXPECT_EQ(::pwrite(source.descriptor(), "x", 1, place), 1);
    };
    const auto taken = take(source, {{128, sha256(bytes), is_known}});
    calls_.before_read = {};
    EXPECT_GE(readings, reading) << "it is read less often than this test believes";
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::source_changed) << to_string(taken.error());
    EXPECT_TRUE(files_in(root_ / "uploads").empty());
    EXPECT_TRUE(uploads_->held().empty());
  }

 private:
  std::uint64_t seed_ = 0;
};

TEST_F(ChangingFileTest, IsRefused) {
  for (const std::size_t size : {std::size_t{1'000}, std::size_t{65'536}, kThreePieces}) {
    for (const bool is_known : {false, true}) {
      for (const Change change : {Change::grows, Change::is_overwritten}) {
        for (int reading = 1; reading <= (size == kThreePieces ? 2 : 1); ++reading) {
          SCOPED_TRACE(std::to_string(size) + (is_known ? ", known" : ", new") +
                       (change == Change::grows ? ", grows" : ", is overwritten") + " in reading " +
                       std::to_string(reading));
          expect_refused(size, is_known, reading, change);
        }
      }
    }
  }
}

// What became of a file that was passed again and again while it was written to.
struct Moved {
  std::size_t changed = 0, whole = 0, wrong = 0, leaked = 0;
};

class MovingFileTest : public DescriptorTest {
 protected:
  // Its content is now `one`, now `other`, and now and then something between. `known`: `one` is
  // stored already.
  Moved put(const std::string& one, const std::string& other, bool known, std::size_t puts) {
    std::vector<TakenOrdinal> taken;
    std::optional<Address> kept;
    if (known) {
      const auto stored = take(file_with(one));
      uploads_->release(kAda, stored->token);
      kept = stored->completed.file->address;
      taken = {{kept->ordinal, sha256(one)}};
    }
    const auto path = folder_ / "moving";
    std::ofstream(path, std::ios::binary) << one;
    const std::size_t held = open_descriptors();
    std::atomic<bool> is_over = false;
    std::thread writer([&] {
      const File own(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      for (int round = 0; !is_over; ++round) {
        const std::string& bytes = round % 2 == 0 ? other : one;
        EXPECT_EQ(::ftruncate(own.descriptor(), static_cast<off_t>(bytes.size())), 0);
        EXPECT_EQ(::pwrite(own.descriptor(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
      }
    });
    Moved moved;
    for (std::size_t round = 0; round < puts; ++round) {
      const std::optional<bool> is_whole = put_once(path, taken, kept);
      ++(!is_whole ? moved.changed : *is_whole ? moved.whole : moved.wrong);
    }
    is_over = true;
    writer.join();
    moved.leaked = open_descriptors() - held + files_in(root_ / "uploads").size();
    return moved;
  }

 private:
  // Whether what is stored is what was hashed; nothing when it was refused as changed.
  std::optional<bool> put_once(const std::filesystem::path& path,
                               const std::vector<TakenOrdinal>& taken,
                               const std::optional<Address>& kept) {
    const auto stored = take(File(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), taken);
    if (!stored) {
      EXPECT_EQ(stored.error().code, ErrorCode::source_changed) << to_string(stored.error());
      return std::nullopt;
    }
    const Completed& completed = stored->completed;
    const bool is_small = completed.small.has_value();
    const std::string bytes = is_small ? *completed.small : bytes_at(completed.file->address);
    if (!is_small) uploads_->release(kAda, stored->token);
    if (!is_small && completed.file->address != kept) {
      EXPECT_TRUE(store_->remove(completed.file->address, is_unused));  // So that many fit.
    }
    return digest_of(bytes) == completed.digest;
  }
};

TEST_F(MovingFileTest, IsStoredAsItWasHashedOrNotAtAll) {
  const std::size_t puts = testing::number_from_environment("EMSTORE_PUTS", 200);
  struct Case {
    const char* name;
    std::size_t size;
    bool is_known;
  };
  for (const Case& each :
       {Case{"new", kLarge, false}, {"known", kLarge + 1, true}, {"small", 60'000, false}}) {
    const Moved moved = put(content(each.size, 1), content(each.size / 2, 2), each.is_known, puts);
    std::cout << each.name << ": " << puts << " puts: source_changed " << moved.changed
              << ", whole " << moved.whole << ", wrong " << moved.wrong << ", leaked "
              << moved.leaked << '\n';
    EXPECT_GT(moved.changed, 0u) << "the writer never met a reader: the test says little";
    EXPECT_EQ(moved.changed + moved.whole, puts);
    EXPECT_EQ(moved.leaked, 0u);
  }
}

TEST_F(DescriptorTest, LeavesNothingWhenAnyCallFails) {
  const std::string bytes = content(kLarge);
  for (const int error_number : {EIO, ENOSPC}) {
    for (std::size_t k = 1;; ++k) {
      SCOPED_TRACE("call " + std::to_string(k));
      const File source = file_with(bytes);
      calls_.count = 0;
      calls_.fault_fired = false;
      calls_.fault = {.error_number = error_number, .first_call = k};
      const auto taken = take(source);
      calls_.fault = {};
      if (taken) {
        EXPECT_EQ(bytes_at(taken->completed.file->address), bytes);
        uploads_->release(kAda, taken->token);
        ASSERT_TRUE(store_->remove(taken->completed.file->address, is_unused).has_value());
      }
      if (!calls_.fault_fired) break;
      // A folder whose sync failed takes nothing until the store is opened again.
      uploads_.reset();
      store_.reset();
      store_.emplace(FileStore::open(root_, std::make_unique<FailingSystem>(calls_)).value());
      uploads_.emplace(Uploads::open(*store_, {.idle_micros_max = -1}).value());
      EXPECT_TRUE(files_in(root_ / "uploads").empty());
    }
  }
}

// Content that is new, known, or known and damaged: at each of its pieces.
TEST_F(DescriptorTest, LeavesNothingWhenItsPaceEndsIt) {
  const std::size_t size = 3 * kReadStepBytes;
  for (const std::string_view what : {"new", "known", "damaged"}) {
    const std::string bytes = content(size, what.front());
    const Address address{xxh3_128(bytes), kFirstFileOrdinal};
    std::vector<TakenOrdinal> taken;
    if (what != "new") {
      uploads_->release(kAda, take(file_with(bytes))->token);
      taken.push_back({address.ordinal, sha256(bytes)});
    }
    if (what == "damaged") testing::damage(store_->path_of(address), testing::Damage::flipped, 9);
    const File source = file_with(bytes);
    bool is_ended = true;
    for (int most = 0; is_ended; ++most) {
      std::atomic<int> pieces = 0;
      const auto stored = uploads_->take(
          kAda, source, [&](const Digest128&) { return taken; },
          [&](std::size_t) { return ++pieces <= most; });
      is_ended = pieces > most;
      EXPECT_EQ(stored.has_value(), !is_ended) << what << most;
      if (is_ended) {
        EXPECT_EQ(stored.error().code, ErrorCode::cancelled);
        EXPECT_EQ(std::filesystem::exists(store_->path_of(address)), what != "new");
      }
      EXPECT_TRUE(files_in(root_ / "uploads").empty());
      EXPECT_EQ(uploads_->held().size(), is_ended ? 0u : 1u);
      if (!is_ended) uploads_->release(kAda, stored->token);
    }
    EXPECT_EQ(bytes_at(address), bytes);
  }
}

// Otherwise the file that an upload found could go before its lease is written.
TEST_F(DescriptorTest, PinsWhatItFoundUntilItIsReleased) {
  const std::string bytes = content(kLarge);
  const auto taken = take(file_with(bytes));
  ASSERT_TRUE(taken);
  const Address address = taken->completed.file->address;
  EXPECT_FALSE(store_->remove(address, is_unused).value());
  EXPECT_EQ(bytes_at(address), bytes);
  uploads_->release(kAda, taken->token);
  EXPECT_FALSE(store_->remove(address, [] { return Result<bool>(false); }).value());
  EXPECT_TRUE(store_->remove(address, is_unused).value());
  EXPECT_EQ(store_->size(address).error().code, ErrorCode::blob_not_found);
}

// A file that is written in pieces while it is hashed.
class HashingTest : public ::testing::Test {
 protected:
  void write(const std::string& bytes, std::size_t from, std::size_t to) {
    const std::string_view piece = std::string_view(bytes).substr(from, to - from);
    ASSERT_EQ(system_.write(file_.descriptor(), piece, from), static_cast<ssize_t>(piece.size()));
  }

  testing::TemporaryFolder folder_;
  System system_;
  const std::filesystem::path path_ = folder_.path() / "file";
  File file_{::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
};

TEST_F(HashingTest, IsTheDigestOfAllThatWasWritten) {
  const std::string bytes = content(5'000'007);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, bytes.size()}) {
    Hashing hashing(system_, file_, path_);
    for (std::size_t reached = 0; reached < size;) {
      const std::size_t next = std::min(size, reached + 700'000);
      write(bytes, reached, next);
      hashing.written(next);
      reached = next;
    }
    EXPECT_EQ(hashing.finish().value(), digest_of(std::string_view(bytes).substr(0, size)));
  }
}

TEST_F(HashingTest, SaysWhenWhatWasWrittenIsGone) {
  write(content(1'000), 0, 1'000);
  Hashing hashing(system_, file_, path_);
  hashing.written(1'001);
  const auto digest = hashing.finish();
  ASSERT_FALSE(digest);
  EXPECT_EQ(digest.error().code, ErrorCode::io_failed);
  EXPECT_NE(digest.error().message.find(path_.string()), std::string::npos);
}

TEST_F(HashingTest, EndsWithWhatNobodyWaitsFor) {
  write(content(5'000'000), 0, 5'000'000);
  Hashing hashing(system_, file_, path_);
  hashing.written(5'000'000);
}

TEST(HashingAside, GivesTheDigestOfAllPieces) {
  const std::string bytes = content(3'000'000);
  HashingAside aside;
  ContentHasher hasher;
  for (std::size_t at = 0; at < bytes.size(); at += 700'000) {
    ASSERT_TRUE(aside.begin(hasher, std::string_view(bytes).substr(at, 700'000)));
    aside.wait();
  }
  EXPECT_EQ(hasher.digest(), digest_of(bytes));
}

TEST(HashingAside, ServesOneAtATime) {
  const std::string bytes = content(1'000);
  HashingAside aside;
  ContentHasher first, second;
  ASSERT_TRUE(aside.begin(first, bytes));
  EXPECT_FALSE(aside.begin(second, bytes)) << "until the first has waited, also once it is hashed";
  aside.wait();
  ASSERT_TRUE(aside.begin(second, bytes));
  aside.wait();
  EXPECT_EQ(first.digest(), second.digest());
}

TEST(HashingAside, EndsWithoutEverHavingServed) { const HashingAside aside; }

TEST(PiecesHasher, IsTheXxh3OfAllPieces) {
  const std::string bytes = content(1'000'003);
  PiecesHasher hasher;
  for (std::size_t offset = 0; offset < bytes.size(); offset += 77'777) {
    hasher.update(std::string_view(bytes).substr(offset, 77'777));
  }
  EXPECT_EQ(hasher.digest(), xxh3_128(bytes));
}

TEST(PiecesHasher, GoesOnByItselfOnceItIsCopied) {
  const std::string bytes = content(1'003);
  PiecesHasher hasher;
  hasher.update(bytes);
  PiecesHasher copy = hasher;
  hasher.update("one way");
  copy.update("another");
  EXPECT_EQ(hasher.digest(), xxh3_128(bytes + "one way"));
  EXPECT_EQ(copy.digest(), xxh3_128(bytes + "another"));
  copy = hasher;
  EXPECT_EQ(copy.digest(), hasher.digest());
}

}  // namespace
}  // namespace emstore::blobs
