// Large contents whose upload comes to nothing, or takes long.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "base/address.h"
#include "blobs/file_store.h"
#include "store/contents.h"
#include "store/rocks.h"
#include "stores.h"

namespace emstore::testing {
namespace {

bool is_stored(const RunningDaemon& running, const std::string& bytes) {
  const Address address{digest_of(bytes).xxh3, kFirstFileOrdinal};
  return std::filesystem::exists(running.config().media_folder() / blobs::media_file(address));
}

// Sends all of it; the token is for blob.commit.
std::string send(Wire& wire, const std::string& bytes) {
  std::string token = text_at(wire.result("blob.begin", {Map{{"size", bytes.size()}}}), "token");
  wire.result("blob.write", {token, 0, Binary{bytes}});
  return token;
}

// Uploads it, and the writer finds what makes it refuse the lease.
void upload_refused(RunningDaemon& running, Wire& wire, const std::string& bytes) {
  const std::string token = send(wire, bytes);
  auto& database = const_cast<store::Database&>(running.app().store().database());
  const std::vector<store::RowChange> change{
      {store::Family::leases, store::upload_key(token, ::getuid()), "no row"}};
  ASSERT_TRUE(database.write(change, store::Durability::synced));
  wire.result("insertOne", {"products", Map{{"name", "next"}}});  // Lets the writer see it.
  wire.refusal("blob.commit", {token});
}

// Lets the next write of the head fail, as it does on a full disk, where the database still had
// room.
void fill_disk_of_head(const RunningDaemon& running) {
  const std::filesystem::path head = running.config().data / "head";
  int found = 0;
  for (const auto& descriptor : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code closed;
    if (std::filesystem::read_symlink(descriptor, closed) != head) continue;
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    ASSERT_GE(::dup3(full, std::stoi(descriptor.path().filename()), O_CLOEXEC), 0);
    ::close(full);
    ++found;
  }
  ASSERT_EQ(found, 1);
}

class LargeUpload : public ::testing::Test {
 protected:
  const std::string bytes_ = std::string(kLargeBytes, 'a');
};

TEST_F(LargeUpload, IsRemovedWhenItsLeaseIsRefused) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  upload_refused(running, wire, bytes_);
  await_status(wire, [&](const Map&) { return !is_stored(running, bytes_); });
  // And can be stored by the next one.
  EXPECT_FALSE(truth_at(upload(wire, bytes_), "existed"));
}

TEST_F(LargeUpload, StaysForOthersWhenItsLeaseIsRefused) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string other(kLargeBytes, 'b');
  upload(wire, bytes_);
  store_media(wire, other);
  for (const std::string& bytes : {bytes_, other}) {
    upload_refused(running, wire, bytes);
    await_status(wire, [](const Map& status) {
      return integer_at(map_at(status, "queues"), "media_waiting") == 0;
    });
    EXPECT_TRUE(truth_at(upload(wire, bytes), "existed"));
    EXPECT_TRUE(is_stored(running, bytes));
  }
}

// The writer is full, and stays so until a stop does not wait any longer.
TEST_F(LargeUpload, IsRemovedByAStopWhenItGotNoLease) {
  RunningDaemon running([](daemon::Config& config) {
    config.writer_waiting_bytes_max = 1;
    config.drain_deadline = std::chrono::milliseconds(50);
  });
  Wire wire = connect_to_shop(running);
  const std::string leased(kLargeBytes, 'b');
  const std::string address = text_at(upload(wire, leased), "blob");
  const std::string token = send(wire, bytes_);
  running.app().writer().pause();
  wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  running.app().writer().wait_until_waiting(1);
  wire.send("blob.commit", {token});
  Wire watching = running.connect();
  await_status(watching, [&](const Map& status) {
    return integer_at(map_at(status, "queues"), "media_waiting") == 0 && is_stored(running, bytes_);
  });
  running.restart();
  EXPECT_FALSE(is_stored(running, bytes_));
  Wire after = running.connect();
  EXPECT_EQ(integer_at(after.result("blob.read", {address, 0, 10}), "size"),
            static_cast<std::int64_t>(kLargeBytes));
}

// The writer has no room for the second lease, and the first is in the log when it fails.
TEST_F(LargeUpload, StaysWhenALeaseThatNobodyWasToldOfNamesIt) {
  RunningDaemon running([](daemon::Config& config) {
    config.writer_waiting_max = 2;
    config.drain_deadline = std::chrono::milliseconds(50);
  });
  Wire wire = connect_to_shop(running), other = running.connect();
  const std::string token = send(wire, bytes_), second = send(other, bytes_);
  running.app().writer().pause();
  wire.send("insertOne", {"products", Map{{"name", "chair"}}});  // A commit, for the head.
  const std::uint32_t request = wire.send("blob.commit", {token});
  running.app().writer().wait_until_waiting(2);
  other.send("blob.commit", {second});
  EXPECT_EQ(other.refusal("blob.write", {second, 0, Binary{}}), ErrorCode::upload_not_found);
  fill_disk_of_head(running);
  running.app().writer().resume();
  EXPECT_EQ(wire.reply_to(request).error.value().code, ErrorCode::outcome_unknown);
  EXPECT_FALSE(running.wait());
  EXPECT_TRUE(is_stored(running, bytes_));
  running.restart();
  Wire after = running.connect();
  const std::string address = text_at(after.result("blob.commit", {token}), "blob");
  EXPECT_EQ(integer_at(after.result("blob.read", {address, 0, 10}), "size"),
            static_cast<std::int64_t>(kLargeBytes));
}

}  // namespace
}  // namespace emstore::testing
