// How uploads come to their end: complete, released, abandoned, expired.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/unit/blobs/test_uploads.h"

namespace emstore::blobs {
namespace {

TEST_F(UploadsTest, GiveTheSameAnswerUntilTheyAreReleased) {
  for (const std::string& bytes : {std::string("small"), std::string(200'000, 'l')}) {
    const std::string token = begin();
    EXPECT_EQ(write(token, 0, bytes), bytes.size());
    const Result<Completed> first = uploads_->complete(kAda, token);
    const Result<Completed> again = uploads_->complete(kAda, token);
    ASSERT_TRUE(first && again);
    EXPECT_EQ(again->digest, first->digest);
    EXPECT_EQ(again->small, first->small);
    EXPECT_EQ(again->file.has_value(), first->file.has_value());
    EXPECT_EQ(bytes_of_blob(*again), bytes);
    EXPECT_EQ(write(token, bytes.size(), "more").error().code, ErrorCode::upload_not_found);
    EXPECT_EQ(uploads_->complete(kBen, token).error().code, ErrorCode::upload_not_found);
    uploads_->release(kBen, token);
    EXPECT_TRUE(uploads_->complete(kAda, token));
    uploads_->release(kAda, token);
    EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::upload_not_found);
  }
}

// When they are compared with what is stored, or hashed once more.
TEST_F(UploadsTest, StayAsTheyWereWhenTheirPaceEndsTheirCompletion) {
  const std::string bytes = content(3 * kReadStepBytes);
  upload(bytes).value();
  for (const bool is_hashed_again : {false, true}) {
    const std::string token = begin(bytes.size());
    write(token, 0, bytes).value();
    if (is_hashed_again) restart();
    bool is_ended = true;
    for (int most = 0; is_ended; ++most) {
      int pieces = 0;
      const auto completed = uploads_->complete(kAda, token, nothing_taken,
                                                [&](std::size_t) { return ++pieces <= most; });
      is_ended = pieces > most;
      ASSERT_EQ(completed.has_value(), !is_ended);
      if (is_ended) {
        EXPECT_EQ(completed.error().code, ErrorCode::cancelled);
        EXPECT_EQ(write(token, 0, ""), bytes.size());
      } else {
        EXPECT_TRUE(completed->file->existed);
        EXPECT_EQ(completed->digest, digest_of(bytes));
      }
    }
  }
}

TEST_F(UploadsTest, HoldNobodyUpWhileTheyAreCompleted) {
  const std::string bytes = content(3 * kReadStepBytes);
  upload(bytes).value();
  restart(UploadLimits{.idle_micros_max = -1});
  const std::string token = begin();
  write(token, 0, bytes).value();
  int pieces = 0;
  const auto completed = uploads_->complete(kAda, token, nothing_taken, [&](std::size_t) {
    ++pieces;
    EXPECT_EQ(write(token, 0, ""), bytes.size());
    EXPECT_EQ(write(token, bytes.size(), "x").error().code, ErrorCode::busy);
    EXPECT_EQ(uploads_->abandon(kAda, token).error().code, ErrorCode::busy);
    EXPECT_EQ(uploads_->expire().uploads, 0u);
    EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::busy);
    return true;
  });
  EXPECT_GE(pieces, 3);
  EXPECT_TRUE(completed.value().file->existed);
}

// Or more would be stored than there was when it was asked, or nothing any more.
TEST_F(UploadsTest, AreNobodyElsesUntilWhoIsToCompleteThemGoesOn) {
  const std::string bytes = content(3 * kReadStepBytes);
  upload(bytes).value();
  restart(UploadLimits{.idle_micros_max = -1});
  const std::string token = begin();
  write(token, 0, bytes).value();
  const auto complete = [&](const Claim& claim, bool is_quick) {
    return uploads_->complete(
        kAda, token, nothing_taken, [=](std::size_t) { return !is_quick; }, claim);
  };
  for (const bool is_first : {true, false}) {
    Claim claim = std::make_shared<char>();
    EXPECT_EQ(complete(claim, /*is_quick=*/true).error().code, ErrorCode::cancelled);
    EXPECT_EQ(write(token, 0, ""), bytes.size());
    EXPECT_EQ(write(token, bytes.size(), "x").error().code, ErrorCode::busy);
    EXPECT_EQ(uploads_->abandon(kAda, token).error().code, ErrorCode::busy);
    EXPECT_EQ(complete(std::make_shared<char>(), /*is_quick=*/false).error().code, ErrorCode::busy);
    EXPECT_EQ(uploads_->expire().uploads, 0u);
    if (is_first) continue;  // Who forgets it leaves it to the next.
    EXPECT_EQ(complete(claim, /*is_quick=*/false)->digest, digest_of(bytes));
  }
}

TEST_F(UploadsTest, AreNotReleasedWhileTheyAreIncomplete) {
  const std::string token = begin();
  uploads_->release(kAda, token);
  EXPECT_EQ(write(token, 0, "x"), 1u);
}

// Whoever counts what is used must not miss what has no lease yet.
TEST_F(UploadsTest, AreHeldUntilTheyAreReleased) {
  for (const std::size_t size : {std::size_t{1'000}, std::size_t{100'000}}) {
    for (const bool is_known : {false, true}) {
      const std::string token = begin(is_known ? std::optional(size) : std::nullopt);
      EXPECT_EQ(uploads_->held()[kAda], is_known ? size : 0);
      EXPECT_EQ(write(token, 0, content(size)), size);
      EXPECT_EQ(uploads_->held()[kAda], size);
      EXPECT_TRUE(uploads_->complete(kAda, token));
      EXPECT_EQ(uploads_->held()[kAda], size);
      uploads_->release(kAda, token);
      EXPECT_EQ(uploads_->held()[kAda], 0u);
    }
  }
  begin(7, kBen);
  EXPECT_EQ(write(begin(), 0, "12345"), 5u);
  restart();
  EXPECT_EQ(uploads_->held(), (std::map<std::uint32_t, std::uint64_t>{{kAda, 5}, {kBen, 7}}));
}

TEST_F(UploadsTest, HoldWhatWasLetInWhenTheAdmissionEnds) {
  std::vector<std::uint64_t> held;
  limits_.admit = [&](std::uint32_t uid, std::uint64_t) -> Result<Admission> {
    return Admission(nullptr, [&, uid](void*) { held.push_back(uploads_->held()[uid]); });
  };
  restart();
  const std::string token = begin();
  write(token, 0, "1234");
  write(token, 4, "56");
  begin(100);
  EXPECT_EQ(held, (std::vector<std::uint64_t>{4, 6, 106}));
}

TEST_F(UploadsTest, AreGoneWhenAbandoned) {
  const std::string token = begin();
  ASSERT_TRUE(write(token, 0, "abc").has_value());
  EXPECT_TRUE(uploads_->abandon(kAda, token).has_value());
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
  EXPECT_EQ(write(token, 3, "d").error().code, ErrorCode::upload_not_found);
  EXPECT_EQ(uploads_->abandon(kAda, token).error().code, ErrorCode::upload_not_found);
}

TEST_F(UploadsTest, ExpireOnlyWhenIdleForTooLong) {
  restart(UploadLimits{.idle_micros_max = 3'600'000'000});
  const std::string token = begin();
  make_old(upload_file(), std::chrono::minutes(59));
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  make_old(upload_file(), std::chrono::minutes(61));
  EXPECT_EQ(write(token, 0, ""), 0u);  // Asking keeps it.
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  make_old(upload_file(), std::chrono::minutes(61));
  EXPECT_EQ(uploads_->expire().uploads, 1u);
  EXPECT_EQ(write(token, 0, "a").error().code, ErrorCode::upload_not_found);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

// Their lease may never have been written: then nobody but the sender knows of them.
TEST_F(UploadsTest, ExpireWhenCompleteAndHeldByNobody) {
  for (const std::size_t size : {100u, 100'000u}) {
    restart(UploadLimits{.idle_micros_max = -1});
    std::optional<Completed> completed = upload(content(size)).value();
    const std::optional<Stored> file = completed->file;
    EXPECT_EQ(uploads_->expire().uploads, 0u);
    completed->hold.reset();
    const Uploads::Expired expired = uploads_->expire();
    EXPECT_EQ(expired.uploads, 1u);
    EXPECT_EQ(expired.stored.size(), file ? 1u : 0u);
    if (file) {
      EXPECT_EQ(expired.stored.front(), file->address);
      EXPECT_TRUE(store_->remove(file->address, [] { return true; }).value()) << "still pinned";
    }
    EXPECT_TRUE(uploads_->held().empty());
    EXPECT_EQ(uploads_->expire().uploads, 0u);
  }
}

TEST_F(UploadsTest, ExpireAtOnceWhenGivenUpAndHeldByNobody) {
  const std::string token = begin();
  write(token, 0, content(100'000)).value();
  uploads_->give_up(kAda, "no token");
  std::optional<Completed> completed = uploads_->complete(kAda, token).value();
  uploads_->give_up(kAda, token);
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  const Address address = completed->file->address;
  completed.reset();
  completed = uploads_->complete(kAda, token).value();  // Somebody may still come to need it.
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  completed.reset();
  EXPECT_EQ(uploads_->expire().stored, std::vector<Address>{address});
  EXPECT_EQ(uploads_->complete(kAda, token).error().code, ErrorCode::upload_not_found);
}

TEST_F(UploadsTest, AreAllGivenUpThatAreComplete) {
  const std::string unfinished = begin();
  upload(content(100)).value();
  const Completed large = upload(content(100'000)).value();
  EXPECT_EQ(uploads_->give_up_all(), std::vector<Address>{large.file->address});
  EXPECT_TRUE(store_->remove(large.file->address, [] { return true; }).value()) << "still pinned";
  EXPECT_TRUE(uploads_->give_up_all().empty());
  EXPECT_EQ(write(unfinished, 0, "x"), 1u);
}

TEST_F(UploadsTest, CanBeCompletedAgainUntilTheyExpire) {
  restart(UploadLimits{.idle_micros_max = 3'600'000'000});
  const std::string token = begin();
  write(token, 0, content(100'000)).value();
  const Address address = uploads_->complete(kAda, token)->file->address;
  EXPECT_EQ(uploads_->expire().uploads, 0u);
  EXPECT_FALSE(store_->remove(address, [] { return true; }).value()) << "it is pinned";
  EXPECT_EQ(uploads_->complete(kAda, token)->file->address, address);
}

TEST_F(UploadsTest, ExpireAtARestartToo) {
  const std::string token = begin();
  make_old(upload_file(), std::chrono::hours(2));
  restart();
  EXPECT_EQ(write(token, 0, "a").error().code, ErrorCode::upload_not_found);
  EXPECT_TRUE(files_in(root_ / "uploads").empty());
}

}  // namespace
}  // namespace emstore::blobs
