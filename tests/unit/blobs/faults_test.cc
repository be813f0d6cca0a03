// Every call to the system fails once, or from some point on, and nothing that was promised is
// lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>

#include "blobs/uploads.h"
#include "tests/support/forged_pair.h"
#include "tests/unit/blobs/failing_system.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

class FaultTest : public ::testing::Test {
 protected:
  using Promised = std::vector<std::pair<Address, std::string>>;

  // Whether it went well; otherwise the error is noted.
  bool is_done(const auto& answer) {
    if (!answer) told_.insert(answer.error().code);
    return answer.has_value();
  }

  // A sender that asks where it stands after each failure and gives up after the second.
  std::optional<Completed> send(Uploads& uploads, const std::string& bytes) {
    const auto token = uploads.begin(kAda, bytes.size());
    if (!is_done(token)) return std::nullopt;
    std::uint64_t reached = 0;
    for (int failures = 0; reached < bytes.size();) {
      const auto answer = uploads.write(kAda, *token, reached, bytes.substr(reached, 40'000));
      if (is_done(answer)) reached = *answer;
      if (!answer && ++failures == 2) return std::nullopt;
      if (!answer) reached = uploads.write(kAda, *token, 0, "").value_or(reached);
    }
    auto completed = uploads.complete(kAda, *token);
    if (!is_done(completed)) return std::nullopt;
    return std::move(*completed);
  }

  // One life of the daemon: two contents that collide, one of them twice.
  Promised run(Calls& calls) {
    Promised promised;
    const Fault planned = std::exchange(calls.fault, {.first_call = 0});
    auto store = FileStore::open(root_, std::make_unique<FailingSystem>(calls)).value();
    calls.count = 0;
    calls.names.clear();
    calls.fault = planned;
    auto uploads = Uploads::open(store, {});
    if (!uploads) return promised;
    for (const std::string* bytes : {&pair_.first, &pair_.second, &pair_.first}) {
      const auto completed = send(*uploads, *bytes);
      if (completed) promised.emplace_back(completed->file->address, *bytes);
    }
    return promised;
  }

  // What was promised is there, and nothing that is half done has a name. Returns all blobs.
  std::set<Address> expect_intact(const FileStore& store, const Promised& promised) {
    for (const auto& [address, bytes] : promised) {
      EXPECT_EQ(store.read(address, 0, 1 << 20), bytes) << to_string(address);
    }
    std::set<Address> files;
    const Status walked = store.each([&](const Address& address) {
      const auto bytes = store.read(address, 0, 1 << 20).value();
      EXPECT_TRUE(bytes == pair_.first || bytes == pair_.second) << to_string(address);
      files.insert(address);
      return true;
    });
    EXPECT_TRUE(walked.has_value());
    return files;
  }

  // All goes well without faults, and what these left behind is tidied away.
  void expect_usable_again() {
    Calls calls;
    const Promised promised = run(calls);
    ASSERT_EQ(promised.size(), 3u);
    EXPECT_EQ(promised[0].first, promised[2].first);
    auto store = FileStore::open(root_).value();
    const std::set<Address> files = expect_intact(store, promised);
    EXPECT_EQ(files, (std::set<Address>{promised[0].first, promised[1].first}));
    for (const Address& address : files) EXPECT_TRUE(store.remove(address, is_unused).has_value());
    EXPECT_TRUE(Uploads::open(store, {.idle_micros_max = -1}).has_value());
    EXPECT_TRUE(files_in(root_ / "uploads").empty());
  }

  void fail_every_call(const Fault& kind) {
    for (std::size_t k = 1;; ++k) {
      SCOPED_TRACE("call " + std::to_string(k));
      Calls calls{.fault = kind};
      calls.fault.first_call = k;
      const Promised promised = run(calls);
      expect_intact(FileStore::open(root_).value(), promised);
      expect_usable_again();
      if (!calls.fault_fired) {
        EXPECT_EQ(promised.size(), 3u);
        break;
      }
      ASSERT_LT(k, 500u);
      ASSERT_FALSE(HasFailure());
    }
  }

  ScratchFolder folder_;
  const std::filesystem::path root_ = folder_ / "media";
  const testing::ForgedPair pair_ = testing::forged_pair(100'000);
  std::set<ErrorCode> told_;
};

TEST_F(FaultTest, LosesNothingWhenAnyCallFailsOnce) { fail_every_call({.error_number = EIO}); }

TEST_F(FaultTest, LosesNothingWhenAllCallsFailFromSomePointOn) {
  fail_every_call({.error_number = EIO, .sticky = true});
}

TEST_F(FaultTest, LosesNothingWhenTheDiskIsFullOnce) {
  fail_every_call({.error_number = ENOSPC});
  EXPECT_EQ(told_, (std::set{ErrorCode::disk_full, ErrorCode::io_failed}));
}

TEST_F(FaultTest, LosesNothingWhenTheDiskIsFullFromSomePointOn) {
  fail_every_call({.error_number = ENOSPC, .sticky = true});
  EXPECT_EQ(told_, (std::set{ErrorCode::disk_full, ErrorCode::io_failed}));
}

TEST_F(FaultTest, LosesNothingWhenDescriptorsRunOutOnce) {
  fail_every_call({.error_number = EMFILE, .only = "open"});
}

TEST_F(FaultTest, LosesNothingWhenAnyWriteIsShort) { fail_every_call({.error_number = 0}); }

TEST_F(FaultTest, ReachesEveryKindOfCall) {
  Calls calls;
  run(calls);
  const std::set<std::string> reached(calls.names.begin(), calls.names.end());
  EXPECT_EQ(reached, (std::set<std::string>{"open", "read", "write", "change_mode", "sync_data",
                                            "sync", "rename_to_new", "unlink", "free_bytes"}));
}

}  // namespace
}  // namespace emstore::blobs
