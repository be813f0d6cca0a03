// What goes on, and what waits, while a group is written: the disk is held where a test wants it.
#include <gtest/gtest.h>
#include <rocksdb/file_system.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "wire.h"

namespace emstore::testing {
namespace {

// Syncs of the write-ahead log wait while it is held.
class HeldDisk final : public rocksdb::FileSystemWrapper {
 public:
  HeldDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "HeldDisk"; }

  void hold() {
    const std::lock_guard lock(mutex_);
    is_held_ = true;
  }
  void let_go() {
    {
      const std::lock_guard lock(mutex_);
      is_held_ = false;
    }
    changed_.notify_all();
  }
  void wait_until_somebody_waits() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok() && name.ends_with(".log")) {
      *file = std::make_unique<File>(std::move(*file), *this);
    }
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile> file, HeldDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      disk_.pass();
      return target()->Sync(options, debug);
    }

   private:
    HeldDisk& disk_;
  };

  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_held_; });
    --waiting_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_held_ = false;
  int waiting_ = 0;
};

class SlowDisk : public ::testing::Test {
 protected:
  SlowDisk()
      : running_([this](daemon::Config& config) {
          config.database.file_system = std::shared_ptr<rocksdb::FileSystem>(disk_);
        }),
        wire_(connect_to_shop(running_)) {}
  ~SlowDisk() override { disk_->let_go(); }

  daemon::Writer& writer() { return running_.app().writer(); }
  std::uint32_t insert(std::string name) {
    return wire_.send("insertOne", {"products", Map{{"name", std::move(name)}}});
  }
  // Two at once, which are on their way to the disk then, and one that is decided behind them.
  std::vector<std::uint32_t> begin() {
    writer().pause();
    std::vector<std::uint32_t> sent{insert("first"), insert("second")};
    writer().wait_until_waiting(sent.size());
    disk_->hold();
    writer().resume();
    disk_->wait_until_somebody_waits();
    sent.push_back(insert("third"));
    return sent;
  }
  void expect_granted(const std::vector<std::uint32_t>& sent) {
    std::int64_t sequence = 0;
    for (const std::uint32_t request : sent) {
      const protocol::Reply reply = wire_.reply_to(request);
      ASSERT_FALSE(reply.error) << to_string(*reply.error);
      EXPECT_GT(integer_at(*reply.result.if_map(), "sequence"), sequence);
      sequence = integer_at(*reply.result.if_map(), "sequence");
    }
  }

  std::shared_ptr<HeldDisk> disk_ = std::make_shared<HeldDisk>();
  RunningDaemon running_;
  Wire wire_;
};

TEST_F(SlowDisk, KeepsNobodyFromReadingWhatIsThere) {
  const auto sent = begin();
  Wire reader = running_.connect();
  EXPECT_EQ(integer_at(reader.result("count", {"products"}), "count"), 0);
  disk_->let_go();
  expect_granted(sent);
  EXPECT_EQ(integer_at(reader.result("count", {"products"}), "count"), 3);
  expect_verified(reader);
}

TEST_F(SlowDisk, MakesFewGroupsOfAllThatComesMeanwhile) {
  auto sent = begin();
  const std::uint64_t before = writer().figures().groups;
  for (int index = 0; index < 40; ++index) sent.push_back(insert(std::to_string(index)));
  wire_.result("ping", {});
  disk_->let_go();
  expect_granted(sent);
  // Those two, and one or a few of what the writer had not seen yet when the disk was free: it may
  // see them one by one where it competes for a processor.
  EXPECT_LE(writer().figures().groups, before + 10);
  expect_verified(wire_);
}

TEST_F(SlowDisk, LetsAPauseWaitForAllThatIsOnItsWay) {
  const auto sent = begin();
  auto paused = std::async(std::launch::async, [this] { writer().pause(); });
  EXPECT_EQ(paused.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  disk_->let_go();
  paused.get();
  const std::uint32_t later = insert("later");
  writer().wait_until_waiting(1);
  writer().resume();
  expect_granted({sent[0], sent[1], sent[2], later});
}

TEST_F(SlowDisk, LetsAChangeOfTheSchemaWaitForAllThatIsOnItsWay) {
  auto sent = begin();
  Map wider = shop();
  wider.find("entities")
      ->if_map()
      ->set("shelves", Map{{"fields", Map{{"label", Map{{"type", "text"}}}}}});
  const std::uint32_t changed = wire_.send("schema.apply", {wider});
  sent.push_back(wire_.send("insertOne", {"shelves", Map{{"label", "in time"}}}));
  disk_->let_go();
  EXPECT_FALSE(wire_.reply_to(changed).error);
  expect_granted(sent);
  expect_verified(wire_);
}

TEST_F(SlowDisk, LetsWorkBetweenGroupsWaitForAllThatIsOnItsWay) {
  const auto sent = begin();
  Sequence seen = 0;
  auto visited = std::async(std::launch::async, [&] {
    return writer().between_groups([&]() -> Status {
      seen = running_.app().sequence();
      return {};
    });
  });
  EXPECT_EQ(visited.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  const Sequence before = running_.app().sequence();
  disk_->let_go();
  EXPECT_TRUE(visited.get());
  EXPECT_GE(seen, before + 2);
  expect_granted(sent);
}

TEST_F(SlowDisk, LetsAStopWaitForAllThatIsOnItsWay) {
  const auto sent = begin();
  wire_.result("ping", {});
  running_.stop();
  disk_->let_go();
  expect_granted(sent);
  EXPECT_TRUE(running_.wait());
}

}  // namespace
}  // namespace emstore::testing
