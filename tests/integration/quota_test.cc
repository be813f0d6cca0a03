// How much may be stored, and uploaded without a media that has it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "stores.h"

namespace emstore::testing {
namespace {

constexpr std::uint64_t kMost = 1'000'000;

std::string content(std::size_t size, char letter) { return std::string(size, letter); }

ErrorCode begin_refused(Wire& wire, std::uint64_t size) {
  return wire.refusal("blob.begin", {Map{{"size", size}}});
}

// What is collected or named is noticed within a second or so.
void await_room(Wire& wire, std::uint64_t size) {
  while (wire.call("blob.begin", {Map{{"size", size}}}).error) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

TEST(Quota, OfStoredBytesIsHeldToTheByte) {
  RunningDaemon running([](daemon::Config& config) { config.quota.stored_bytes_max = kMost; });
  Wire wire = connect_to_shop(running);
  EXPECT_EQ(begin_refused(wire, kMost + 1), ErrorCode::disk_full);
  store_media(wire, content(kMost - 100, 'a'));
  EXPECT_EQ(begin_refused(wire, 101), ErrorCode::disk_full);
  const auto put = [&](std::size_t size, char letter) {
    return wire.call("media.upload", {Binary{content(size, letter)}, Map{{"name", "small"}}});
  };
  EXPECT_FALSE(put(99, 'b').error);
  const protocol::Reply refused = put(2, 'c');
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::disk_full);
  EXPECT_NE(refused.error->message.find("limits.stored_bytes"), std::string::npos);
  EXPECT_FALSE(put(1, 'd').error);
  EXPECT_EQ(begin_refused(wire, 1), ErrorCode::disk_full);
  // Reads and deletions go on.
  wire.result("findMany", {"media"});
  wire.result("deleteOne", {"media", 1});
}

TEST(Quota, OfStoredBytesCountsWhatIsThereAtTheStart) {
  RunningDaemon running([](daemon::Config& config) { config.quota.stored_bytes_max = kMost; });
  Wire wire = connect_to_shop(running);
  store_media(wire, content(600'000, 'a'));
  upload(wire, content(200'000, 'b'));
  running.restart();
  Wire other = running.connect();
  EXPECT_EQ(begin_refused(other, 200'001), ErrorCode::disk_full);
  EXPECT_FALSE(other.call("blob.begin", {Map{{"size", 200'000}}}).error);
}

TEST(Quota, OfStoredBytesHasRoomAgainAfterACollection) {
  RunningDaemon running([](daemon::Config& config) {
    config.quota.stored_bytes_max = kMost;
    config.lease = std::chrono::milliseconds(1);
    config.key_expiry_interval = std::chrono::milliseconds(50);
  });
  Wire wire = connect_to_shop(running);
  // At once: a lease of a millisecond is hardly taken before it is over.
  const Map made = wire.result("media.upload", {Binary{content(60'000, 'a')}, Map{{"name", "a"}}});
  EXPECT_EQ(begin_refused(wire, kMost - 59'999), ErrorCode::disk_full);
  wire.result("deleteOne", {"media", integer_at(made, "id")});
  job(wire, "gc", {Map{{"grace", 0}}});
  await_room(wire, kMost - 59'999);
}

TEST(Quota, OfUnlinkedBytesCountsUploadsUntilAMediaHasThem) {
  RunningDaemon running([](daemon::Config& config) { config.quota.unlinked_bytes_max = kMost; });
  Wire wire = connect_to_shop(running);
  const std::string address = text_at(upload(wire, content(kMost - 100, 'a')), "blob");
  EXPECT_EQ(begin_refused(wire, 101), ErrorCode::disk_full);
  const Map begun = wire.result("blob.begin", {Map{{"size", 100}}});
  EXPECT_EQ(begin_refused(wire, 1), ErrorCode::disk_full);
  // What comes with the request that names it is never unlinked.
  wire.result("media.upload", {Binary{content(5'000, 'b')}, Map{{"name", "small"}}});
  wire.result("media.upload", {Map{{"blob", address}}, Map{{"name", "large"}}});
  await_room(wire, kMost - 100);
  EXPECT_EQ(begin_refused(wire, 1), ErrorCode::disk_full);
}

// The answer to a file that is passed.
protocol::Reply pass(Wire& wire, const std::string& bytes) {
  const int file = ::memfd_create("bytes", MFD_CLOEXEC);
  EXPECT_EQ(::write(file, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  const std::uint32_t request = wire.send_with(file, "blob.put_fd");
  ::close(file);
  return wire.reply_to(request);
}

// Small content becomes a row, large content a file: both are held to either bound.
TEST(Quota, OfEitherKindIsHeldToTheByteByFilesThatArePassed) {
  for (const bool is_stored : {true, false}) {
    for (const std::uint64_t size : {100, 65'536, 200'000}) {
      RunningDaemon running([&](daemon::Config& config) {
        auto& most = is_stored ? config.quota.stored_bytes_max : config.quota.unlinked_bytes_max;
        most = 2 * size + 1;
      });
      Wire wire = connect_to_shop(running);
      EXPECT_FALSE(pass(wire, content(size, 'a')).error);
      const protocol::Reply above = pass(wire, content(size + 2, 'b'));
      ASSERT_TRUE(above.error) << size;
      EXPECT_EQ(above.error->code, ErrorCode::disk_full);
      EXPECT_NE(above.error->message.find(is_stored ? "stored_bytes" : "unlinked_bytes"),
                std::string::npos);
      EXPECT_FALSE(pass(wire, content(size, 'c')).error);  // One below.
      EXPECT_FALSE(pass(wire, content(1, 'd')).error);     // At it.
      EXPECT_TRUE(pass(wire, content(1, 'e')).error);
    }
  }
}

// An upload that does not say its size is held to it piece by piece.
TEST(Quota, OfUnlinkedBytesEndsAnUploadOfUnknownSize) {
  RunningDaemon running([](daemon::Config& config) { config.quota.unlinked_bytes_max = kMost; });
  Wire wire = connect_to_shop(running);
  const std::string token = text_at(wire.result("blob.begin"), "token");
  wire.result("blob.write", {token, 0, Binary{content(600'000, 'a')}});
  EXPECT_EQ(wire.refusal("blob.write", {token, 600'000, Binary{content(400'001, 'a')}}),
            ErrorCode::disk_full);
  EXPECT_EQ(integer_at(wire.result("blob.write", {token, 600'000, Binary{content(400'000, 'a')}}),
                       "offset"),
            static_cast<std::int64_t>(kMost));
}

}  // namespace
}  // namespace emstore::testing
