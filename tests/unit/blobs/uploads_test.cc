#include "blobs/uploads.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>

#include "tests/support/forged_pair.h"
#include "tests/unit/blobs/test_uploads.h"

namespace emstore::blobs {
namespace {

TEST_F(UploadsTest, GiveTheContentForEveryWayItIsCut) {
  const std::string bytes = content(150'000);
  for (const std::size_t piece : {7'001u, 65'536u, 65'537u, 150'000u}) {
    const std::string token = begin();
    for (std::size_t offset = 0; offset < bytes.size(); offset += piece) {
      const auto part = std::string_view(bytes).substr(offset, piece);
      ASSERT_EQ(write(token, offset, part), offset + part.size());
    }
    const auto completed = uploads_->complete(kAda, token);
    ASSERT_TRUE(completed.has_value()) << to_string(completed.error());
    EXPECT_EQ(completed->digest, digest_of(bytes));
    EXPECT_EQ(bytes_of_blob(*completed), bytes);
  }
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

TEST_F(UploadsTest, GiveSmallContentAsBytesAndLargeAsAFile) {
  for (const std::size_t size : {0u, 1u, 65'535u, 65'536u, 65'537u}) {
    const std::string bytes = content(size);
    const auto completed = upload(bytes);
    ASSERT_TRUE(completed.has_value()) << to_string(completed.error());
    EXPECT_EQ(completed->small.has_value(), size <= kSmallBlobBytesMax) << size;
    EXPECT_EQ(completed->file.has_value(), size > kSmallBlobBytesMax) << size;
    EXPECT_EQ(bytes_of_blob(*completed), bytes);
    EXPECT_EQ(completed->digest, digest_of(bytes));
  }
}

TEST_F(UploadsTest, TellTheTypeByTheContent) {
  EXPECT_EQ(upload("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")->mime_type, "application/pdf");
  EXPECT_EQ(upload("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + content(200'000))->mime_type,
            "application/pdf");
}

TEST_F(UploadsTest, TellTheSizeOfAPictureByItsHeader) {
  constexpr PictureSize kSevenByThree{7, 3};
  const std::string gif("GIF89a\7\0\3\0\x80\0\0", 13);
  EXPECT_EQ(upload(gif)->picture, kSevenByThree);
  // The frame of a JPEG may stand behind all that is sniffed.
  std::string jpeg("\xff\xd8", 2);
  for (int i = 0; i < 3; ++i) jpeg += std::string("\xff\xe1\xff\xff", 4) + std::string(65'533, 'x');
  jpeg += std::string("\xff\xc0\0\x0b\x08\0\3\0\7\1\1\x11\0", 13);
  EXPECT_EQ(upload(jpeg)->picture, kSevenByThree);
  EXPECT_EQ(upload(jpeg)->picture, kSevenByThree) << "known bytes";
  EXPECT_EQ(upload(jpeg.substr(0, 190'000))->picture, std::nullopt);
  EXPECT_EQ(upload("%PDF-1.7\n%" + gif)->picture, std::nullopt);
}

TEST_F(UploadsTest, KeepBothContentsOfAForgedPair) {
  const auto small = testing::forged_pair(40'000);
  EXPECT_EQ(upload(small.first)->small, small.first);
  EXPECT_EQ(upload(small.second)->small, small.second);

  const auto large = testing::forged_pair(100'000);
  const auto first = upload(large.first);
  const auto second = upload(large.second);
  EXPECT_NE(first->file->address, second->file->address);
  EXPECT_EQ(bytes_of_blob(*first), large.first);
  EXPECT_EQ(bytes_of_blob(*second), large.second);
}

TEST_F(UploadsTest, AskWhichOrdinalsAreTaken) {
  const std::string bytes = content(100'000);
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, bytes).has_value());
  Digest128 asked{};
  const auto completed = uploads_->complete(kAda, token, [&](const Digest128& digest) {
    asked = digest;
    return Result<std::vector<TakenOrdinal>>({TakenOrdinal{128, sha256("other")}});
  });
  EXPECT_EQ(asked, xxh3_128(bytes));
  EXPECT_EQ(completed->file->address.ordinal, 129);
}

TEST_F(UploadsTest, TakeAPieceAgain) {
  const std::string bytes = content(100'000);
  const std::string token = begin();
  EXPECT_EQ(write(token, 0, bytes.substr(0, 60'000)), 60'000u);
  EXPECT_EQ(write(token, 0, bytes.substr(0, 60'000)), 60'000u);            // Again.
  EXPECT_EQ(write(token, 10'000, bytes.substr(10'000, 5)), 60'000u);       // A part of it.
  EXPECT_EQ(write(token, 50'000, bytes.substr(50'000, 30'000)), 80'000u);  // Half old, half new.
  EXPECT_EQ(write(token, 80'000, bytes.substr(80'000)), 100'000u);
  EXPECT_EQ(bytes_of_blob(uploads_->complete(kAda, token).value()), bytes);
}

TEST_F(UploadsTest, RefuseAGapAndSayTheOffsetThatIsWanted) {
  const std::string token = begin();
  EXPECT_EQ(write(token, 0, "abc"), 3u);
  const auto refused = write(token, 4, "e");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid_request);
  EXPECT_EQ(refused.error().hint, "send from offset 3");
  EXPECT_EQ(write(token, ~std::uint64_t{0}, "e").error().code, ErrorCode::invalid_request);
  EXPECT_EQ(write(token, 3, "d"), 4u);
  EXPECT_EQ(uploads_->complete(kAda, token)->small, "abcd");
}

TEST_F(UploadsTest, TellTheOffsetReachedToAnEmptyPiece) {
  const std::string token = begin();
  EXPECT_EQ(write(token, 0, ""), 0u);
  EXPECT_EQ(write(token, 0, "abc"), 3u);
  EXPECT_EQ(write(token, 0, ""), 3u);
  EXPECT_EQ(write(token, 99, ""), 3u);
}

TEST_F(UploadsTest, GoOnAfterARestart) {
  const std::string bytes = content(400'000);
  for (const bool restarts_before_the_end : {false, true}) {
    const std::string token = begin(bytes.size());
    ASSERT_TRUE(write(token, 0, bytes.substr(0, 300'000)).has_value());
    restart();
    EXPECT_EQ(write(token, 0, ""), 300'000u);
    EXPECT_EQ(write(token, 290'000, bytes.substr(290'000, 50'000)), 340'000u);
    EXPECT_EQ(write(token, 340'000, bytes.substr(340'000)), 400'000u);
    if (restarts_before_the_end) restart();
    const auto completed = uploads_->complete(kAda, token);
    ASSERT_TRUE(completed.has_value()) << to_string(completed.error());
    EXPECT_EQ(completed->digest, digest_of(bytes));
    EXPECT_EQ(bytes_of_blob(*completed), bytes);
  }
}

// Others wait for the thread that takes a piece.
TEST_F(UploadsTest, AreHashedAfterARestartLittleByLittle) {
  constexpr std::size_t kMostAtATime = 4 << 20;
  std::string bytes = content(2 * kMostAtATime + kReadStepBytes);
  const auto reads_of_a_piece = [&](const std::string& token) {
    calls_.names.clear();
    EXPECT_EQ(write(token, bytes.size(), "x"), bytes.size() + 1);
    bytes += 'x';
    return static_cast<std::size_t>(std::count(calls_.names.begin(), calls_.names.end(), "read"));
  };
  for (const bool has_caught_up : {false, true}) {
    const std::string token = begin();
    EXPECT_EQ(write(token, 0, bytes), bytes.size());
    restart();
    for (int piece = 0; piece < (has_caught_up ? 4 : 2); ++piece) {
      const std::size_t reads = reads_of_a_piece(token);
      EXPECT_LE(reads, kMostAtATime / kReadStepBytes) << piece;
      EXPECT_EQ(reads > 0, piece < 3) << piece;
    }
    EXPECT_EQ(uploads_->complete(kAda, token)->digest, digest_of(bytes));
  }
}

TEST_F(UploadsTest, KeepOwnerAndSizeOverARestart) {
  const std::string token = begin(10);
  restart();
  EXPECT_EQ(uploads_->write(kBen, token, 0, "x").error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(write(token, 0, "eleven byte").error().code, ErrorCode::invalid_request);
  EXPECT_EQ(write(token, 0, "ten bytes!"), 10u);
  EXPECT_EQ(uploads_->complete(kAda, token)->small, "ten bytes!");
}

TEST_F(UploadsTest, GoOnAfterACompletionThatWasCutOff) {
  const std::string bytes = content(100'000);
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, bytes).has_value());
  std::filesystem::permissions(upload_file(), std::filesystem::perms::owner_read);
  restart();
  struct stat status {};
  ASSERT_EQ(::stat(upload_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(bytes_of_blob(uploads_->complete(kAda, token).value()), bytes);
}

TEST_F(UploadsTest, DropWhatWasBegunBeforeTheMachineWentDown) {
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, "abc").has_value());
  std::string other_boot = upload_file().string();
  other_boot.back() = other_boot.back() == '0' ? '1' : '0';
  std::filesystem::rename(upload_file(), other_boot);
  restart();
  EXPECT_EQ(write(token, 3, "d").error().code, ErrorCode::upload_not_found);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

TEST_F(UploadsTest, NeverWriteToBytesThatHaveAnotherNameToo) {
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, "abc").has_value());
  std::filesystem::create_hard_link(upload_file(), folder_ / "blob");
  restart();
  EXPECT_EQ(write(token, 3, "d").error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(bytes_of(folder_ / "blob"), "abc");
}

TEST_F(UploadsTest, LeaveFilesAloneThatAreNotTheirs) {
  const std::string hex(32, 'a');
  const std::set<std::string> names = {"notes.txt",
                                       hex,
                                       hex + ".1",
                                       hex + ".1.any",
                                       hex + ".01.any." + hex,
                                       hex + ".1.+5." + hex,
                                       hex + ".1.any." + hex + ".x"};
  for (const std::string& name : names) std::ofstream(root_ / "uploads" / name) << "x";
  restart(UploadLimits{.idle_micros_max = -1});
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  EXPECT_EQ(files_in(root_ / "uploads").size(), names.size());
}

TEST_F(UploadsTest, BelongToOneUid) {
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, "abc").has_value());
  EXPECT_EQ(uploads_->write(kBen, token, 0, "").error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(uploads_->complete(kBen, token).error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(uploads_->abandon(kBen, token).error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(uploads_->complete(kAda, token)->small, "abc");
}

TEST_F(UploadsTest, KnowNoTokenThatTheyDidNotGive) {
  begin();
  const std::string file_name = upload_file().filename();
  const std::size_t files = files_in(root_).size();
  for (const std::string& token :
       {std::string(), std::string(".."), std::string("../../../../../../etc/passwd"),
        std::string(32, '/'), std::string(32, '0'), std::string(4'096, 'a'), std::string(32, '\0'),
        "../uploads/" + file_name, file_name}) {
    EXPECT_EQ(write(token, 0, "x").error().code, ErrorCode::upload_not_found);
    EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::upload_not_found);
    EXPECT_EQ(uploads_->abandon(kAda, token).error().code, ErrorCode::upload_not_found);
  }
  EXPECT_EQ(files_in(root_).size(), files);
  EXPECT_EQ(upload_file().filename(), file_name);
}

TEST_F(UploadsTest, GiveTokensThatDiffer) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(begin());
  EXPECT_EQ(tokens.size(), 100u);
  for (const std::string& token : tokens) {
    EXPECT_EQ(token.size(), 32u);
    EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos) << token;
  }
}

TEST_F(UploadsTest, HoldTheSenderToTheSizeAnnounced) {
  const std::string token = begin(5);
  EXPECT_EQ(write(token, 0, "abc"), 3u);
  const auto early = uploads_->complete(kAda, token);
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().code, ErrorCode::invalid_request);
  EXPECT_EQ(early.error().hint, "send the rest from offset 3");
  EXPECT_EQ(write(token, 3, "def").error().code, ErrorCode::invalid_request);
  EXPECT_EQ(write(token, 3, "de"), 5u);
  EXPECT_EQ(uploads_->complete(kAda, token)->small, "abcde");
}

TEST_F(UploadsTest, RefuseMoreThanTheLimit) {
  restart(UploadLimits{.blob_bytes_max = 1'000});
  EXPECT_TRUE(uploads_->begin(kAda, 999).has_value());
  EXPECT_TRUE(uploads_->begin(kAda, 1'000).has_value());
  EXPECT_EQ(uploads_->begin(kAda, 1'001).error().code, ErrorCode::blob_too_large);

  const std::string token = begin();
  EXPECT_EQ(write(token, 0, content(999)), 999u);
  EXPECT_EQ(write(token, 999, "ab").error().code, ErrorCode::blob_too_large);
  EXPECT_EQ(write(token, 999, "a"), 1'000u);
  EXPECT_EQ(write(token, 1'000, "b").error().code, ErrorCode::blob_too_large);
  EXPECT_EQ(uploads_->complete(kAda, token)->digest.size, 1'000u);
}

TEST_F(UploadsTest, RefuseEarlyWhatTheDiskCannotHold) {
  restart(UploadLimits{.blob_bytes_max = ~std::uint64_t{0}});
  EXPECT_EQ(uploads_->begin(kAda, std::uint64_t{1} << 60).error().code, ErrorCode::disk_full);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

// A piece may have waited long since there was room for it; and what is announced holds no room.
TEST_F(UploadsTest, WaitAtWhatIsKeptFreeAndGoOnWhenThereIsRoom) {
  constexpr std::uint64_t kKeptFree = 50'000, kWhole = 100'000;
  restart(UploadLimits{.free_bytes_min = kKeptFree});
  calls_.room = kKeptFree + kWhole;
  const std::string token = begin(kWhole), any = begin(), other = begin(kWhole);
  const std::string bytes = content(kWhole);
  EXPECT_EQ(write(any, 0, bytes.substr(0, 60'000)), 60'000u);
  EXPECT_EQ(write(token, 0, bytes.substr(0, 40'000)), 40'000u);
  for (const std::string& full : {token, any, other}) {
    const std::uint64_t reached = write(full, 0, "").value();
    const auto refused = write(full, reached, "x");
    EXPECT_EQ(refused.error().code, ErrorCode::disk_full);
    EXPECT_EQ(refused.error().path, "") << "the request has no size";
    EXPECT_EQ(write(full, reached, ""), reached);
  }
  EXPECT_EQ(*calls_.room, kKeptFree);
  calls_.room = kKeptFree + 60'000;
  EXPECT_EQ(write(token, 40'000, bytes.substr(40'000)), kWhole);
  EXPECT_EQ(bytes_of_blob(uploads_->complete(kAda, token).value()), bytes);
}

// Who sends a piece again and again to a full disk would have all that is there read each time.
TEST_F(UploadsTest, AreNotReadForAPieceThatHasNoRoom) {
  constexpr std::uint64_t kKeptFree = 50'000;
  limits_.free_bytes_min = kKeptFree;
  const std::string bytes = content(100'000);
  const std::string token = begin();
  EXPECT_EQ(write(token, 0, bytes), bytes.size());
  const auto reads = [this] {
    return std::count(calls_.names.begin(), calls_.names.end(), "read");
  };
  for (const bool is_hashed : {false, true}) {
    if (!is_hashed) restart();
    calls_.names.clear();
    calls_.room = kKeptFree;
    for (int time = 0; time < 3; ++time) {
      EXPECT_EQ(write(token, write(token, 0, "").value(), "x").error().code, ErrorCode::disk_full);
    }
    EXPECT_EQ(reads(), 0) << is_hashed;
    calls_.room = kKeptFree + 1;
    EXPECT_TRUE(write(token, write(token, 0, "").value(), "x"));
    EXPECT_EQ(reads() > 0, !is_hashed);
  }
  EXPECT_EQ(bytes_of_blob(uploads_->complete(kAda, token).value()), bytes + "xx");
}

TEST_F(UploadsTest, AreLimitedInNumberForEachUid) {
  restart(UploadLimits{.open_per_uid_max = 2});
  const std::string first = begin();
  begin();
  EXPECT_EQ(uploads_->begin(kAda, 1).error().code, ErrorCode::busy);
  EXPECT_TRUE(uploads_->begin(kBen, 1).has_value());
  EXPECT_TRUE(uploads_->abandon(kAda, first).has_value());
  EXPECT_TRUE(uploads_->begin(kAda, 1).has_value());
  restart();
  EXPECT_EQ(uploads_->begin(kAda, 1).error().code, ErrorCode::busy);
}

TEST_F(UploadsTest, GoOnAfterAWriteThatFailed) {
  const std::pair<int, std::optional<ErrorCode>> faults[] = {
      {ENOSPC, ErrorCode::disk_full}, {EIO, ErrorCode::io_failed}, {0, {}}};  // Short: no error.
  struct Case {
    std::size_t size;
    int error_number;
    std::optional<ErrorCode> code;
  };
  std::vector<Case> cases;
  for (const auto& [error_number, code] : faults) {
    cases.push_back({100'000, error_number, code});
    cases.push_back({700'000, error_number, code});  // Hashed aside, also what was not written.
  }
  for (const auto& [size, error_number, code] : cases) {
    const std::string bytes = content(size, 1 + static_cast<std::uint64_t>(error_number));
    const std::string token = begin(bytes.size());
    calls_.count = 0;
    calls_.fault = {.error_number = error_number, .first_call = 2, .only = "write"};
    ASSERT_EQ(write(token, 0, bytes.substr(0, 40'000)), 40'000u);
    const auto second = write(token, 40'000, bytes.substr(40'000));
    EXPECT_EQ(second ? std::nullopt : std::optional(second.error().code), code);
    EXPECT_TRUE(calls_.fault_fired);
    const std::uint64_t reached = write(token, 0, "").value();
    ASSERT_EQ(write(token, reached, bytes.substr(reached)).value_or(reached), bytes.size());
    EXPECT_EQ(bytes_of_blob(uploads_->complete(kAda, token).value()), bytes);
  }
}

TEST_F(UploadsTest, AreDroppedWhenTheirBytesMayNotHaveReachedTheDisk) {
  const std::string bytes = content(100'000);
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, bytes).has_value());
  calls_.count = 0;
  calls_.fault = {.error_number = EIO, .first_call = 1, .only = "sync_data"};
  EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::io_failed);
  EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(calls_.count, 1u);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
  EXPECT_EQ(bytes_of_blob(upload(bytes).value()), bytes);
}

TEST_F(UploadsTest, StayWhenDescriptorsRunOut) {
  const std::string bytes = content(100'000);
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, bytes).has_value());
  calls_.count = 0;
  calls_.fault = {.error_number = EMFILE, .first_call = 1, .only = "open"};
  EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::busy);
  EXPECT_EQ(bytes_of_blob(uploads_->complete(kAda, token).value()), bytes);
}

}  // namespace
}  // namespace emstore::blobs
