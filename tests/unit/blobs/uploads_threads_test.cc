// Uploads and blobs used from several threads, over the system as it is.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "blobs/uploads.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

constexpr std::uint32_t kAda = 1001;

class UploadThreads : public ::testing::Test {
 protected:
  ScratchFolder folder_;
  FileStore store_ = FileStore::open(folder_ / "media").value();
  Uploads uploads_ = Uploads::open(store_, {}).value();
};

TEST_F(UploadThreads, MayShareOneToken) {
  const std::string bytes = content(1'000'000);
  const std::string token = uploads_.begin(kAda, bytes.size()).value();
  constexpr std::size_t kPiece = 50'000;
  std::atomic<int> wrong = 0;
  const auto send_all = [&] {
    std::uint64_t reached = 0;
    while (reached < bytes.size()) {
      const auto answer = uploads_.write(kAda, token, reached, bytes.substr(reached, kPiece));
      if (!answer || *answer < reached) {
        ++wrong;
        return;
      }
      reached = *answer;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(send_all);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(uploads_.complete(kAda, token)->digest, digest_of(bytes));
}

// A second completion would find the file of the first one.
TEST_F(UploadThreads, CompleteAnUploadOnceAndTellAllTheSame) {
  for (std::uint64_t round = 1; round <= 10; ++round) {
    const std::string bytes = content(70'000, round);
    const std::string token = uploads_.begin(kAda, std::nullopt).value();
    ASSERT_TRUE(uploads_.write(kAda, token, 0, bytes).has_value());
    std::atomic<int> completed = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        auto answer = uploads_.complete(kAda, token);
        while (!answer && answer.error().code == ErrorCode::busy) {
          answer = uploads_.complete(kAda, token);
        }
        if (answer && !answer->file->existed) ++completed;
        uploads_.expire();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(completed, 3);
    uploads_.release(kAda, token);
    EXPECT_EQ(uploads_.complete(kAda, token).error().code, ErrorCode::upload_not_found);
  }
}

TEST_F(UploadThreads, StoreEqualContentOnce) {
  const std::string bytes = content(200'000);
  std::vector<std::optional<Stored>> stored(4);
  std::vector<std::thread> threads;
  for (auto& mine : stored) {
    threads.emplace_back([&] {
      const std::string token = uploads_.begin(kAda, bytes.size()).value();
      uploads_.write(kAda, token, 0, bytes).value();
      mine = uploads_.complete(kAda, token).value().file;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(
      std::count_if(stored.begin(), stored.end(), [](const auto& one) { return !one->existed; }),
      1);
  for (const auto& one : stored) {
    EXPECT_EQ(one->address, stored[0]->address);
    EXPECT_EQ(store_.read(one->address, 0, bytes.size()), bytes);
  }
}

}  // namespace
}  // namespace emstore::blobs
