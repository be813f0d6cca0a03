// Limits of the daemon's configuration, each where it still holds and one beyond.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "base/pack.h"
#include "tests/integration/stores.h"
#include "tests/integration/wire.h"

namespace emstore::testing {
namespace {

using daemon::Config;

// An insert into an entity that there is not, `size` bytes long: what is taken is answered.
std::string insert_of_size(std::size_t size) {
  const auto bytes = [](std::size_t fill) {
    return request_bytes(1, "insertOne", {"nothing", Map{{"x", std::string(fill, 'x')}}});
  };
  constexpr std::size_t kFill = 1'000;
  return bytes(kFill + size - bytes(kFill).size());
}

TEST(Limits, OfARequestAreInBytes) {
  constexpr std::size_t kBytes = 5'000;
  RunningDaemon running([](Config& config) {
    config.session.wire.request_bytes_max = kBytes;
    config.session.wire.chunk_bytes_max = 1'000;
  });
  Wire wire = running.connect();
  ASSERT_EQ(insert_of_size(kBytes).size(), kBytes);
  wire.send_bytes(insert_of_size(kBytes));
  EXPECT_EQ(wire.reply_to(1).error.value().code, ErrorCode::unknown_entity);
  wire.send_bytes(insert_of_size(kBytes + 1));
  EXPECT_EQ(wire.last_words().code, ErrorCode::message_too_large);
}

TEST(Limits, OfARequestAreInValues) {
  constexpr std::size_t kBytes = 64u << 10;  // A value for every eight of them, in each param.
  RunningDaemon running([](Config& config) {
    config.session.wire.request_bytes_max = kBytes;
    config.session.wire.chunk_bytes_max = 1'000;
  });
  Wire wire = running.connect();
  const auto insert = [&](std::size_t nulls) {
    return wire.refusal("insertOne", {"nothing", Map{{"x", List(nulls)}}});
  };
  constexpr std::size_t kOthers = 2;  // The name and the list.
  EXPECT_EQ(insert(kBytes / 8 - kOthers), ErrorCode::unknown_entity);
  EXPECT_EQ(insert(kBytes / 8 - kOthers + 1), ErrorCode::message_too_large);
}

TEST(Limits, OfARequestAreInDepth) {
  const auto nested = [](Value value) { return List{"nothing", Map{{"x", std::move(value)}}}; };
  RunningDaemon deep([](Config& config) { config.session.wire.depth_max = 4; });
  EXPECT_EQ(deep.connect().refusal("insertOne", nested(List{})), ErrorCode::unknown_entity);
  Wire deeper = deep.connect();
  deeper.send("insertOne", nested(List{Value(List{})}));
  EXPECT_EQ(deeper.last_words().code, ErrorCode::depth_exceeded);
}

TEST(Limits, OfAPieceAreTheChunk) {
  RunningDaemon running([](Config& config) { config.session.wire.chunk_bytes_max = 1'000; });
  Wire wire = running.connect();
  const std::string token = text_at(wire.result("blob.begin", {Map{}}), "token");
  EXPECT_EQ(wire.refusal("blob.write", {token, 0, Binary{std::string(1'001, 'x')}}),
            ErrorCode::message_too_large);
  wire.result("blob.write", {token, 0, Binary{std::string(1'000, 'x')}});
  const std::string address = text_at(wire.result("blob.commit", {token}), "blob");
  EXPECT_EQ(wire.refusal("blob.read", {address, 0, 1'001}), ErrorCode::out_of_range);
  wire.result("blob.read", {address, 0, 1'000});
}

struct LogReading {
  std::size_t replies = 0;  // None larger than the limit.
  bool has_bare_commits = false;
};

// Reads the log from its beginning.
LogReading read_log_in_replies_of(std::size_t reply_bytes) {
  RunningDaemon running([&](Config& config) { config.session.wire.reply_bytes_max = reply_bytes; });
  Wire wire = connect_to_shop(running);
  for (int i = 0; i < 8; ++i) {
    wire.result("insertOne", {"products", Map{{"name", std::string(2'000, 'c')}}});
  }
  LogReading reading;
  for (std::int64_t next = 1; next < 10; ++reading.replies) {
    const Map reply = wire.result("log.read", {Map{{"from", next}, {"limit", 100}}});
    EXPECT_LE(pack::to_bytes(Value(reply)).size(), reply_bytes);
    const List& commits = list_at(reply, "commits");
    for (const Value& commit : commits) {
      EXPECT_EQ(integer_at(*commit.if_map(), "sequence"), next++);
      reading.has_bare_commits = reading.has_bare_commits || !commit.if_map()->contains("events");
    }
    if (commits.empty()) break;
  }
  return reading;
}

TEST(Limits, OfAReplyCutTheLogIntoMoreOfThem) {
  EXPECT_EQ(read_log_in_replies_of(1u << 20).replies, 1U);
  const LogReading in_parts = read_log_in_replies_of(16'000);
  EXPECT_GT(in_parts.replies, 2U);
  EXPECT_FALSE(in_parts.has_bare_commits);
  // A commit of which only the bytes fit comes without its events.
  const LogReading one_by_one = read_log_in_replies_of(5'000);
  EXPECT_GT(one_by_one.replies, 7U);
  EXPECT_TRUE(one_by_one.has_bare_commits);
}

TEST(Limits, OfUploadsAreForEachUser) {
  RunningDaemon running([](Config& config) { config.uploads_per_uid_max = 2; });
  Wire wire = running.connect();
  const std::string token = text_at(wire.result("blob.begin", {Map{}}), "token");
  wire.result("blob.begin", {Map{}});
  EXPECT_EQ(wire.refusal("blob.begin", {Map{}}), ErrorCode::busy);
  wire.result("blob.write", {token, 0, Binary{"x"}});
  wire.result("blob.commit", {token});
  wire.result("blob.begin", {Map{}});
}

// Not those that are still being uploaded.
std::size_t large_blobs_below(const std::filesystem::path& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    std::error_code error;  // It may go meanwhile.
    if (entry.path().parent_path().filename() == "uploads") continue;
    if (entry.is_regular_file(error) && entry.file_size(error) == kLargeBytes) ++count;
  }
  return count;
}

// While the writer takes nothing, and their sender never asks again.
TEST(Limits, OfUploadsCountNoneThatWasCompletedForNobody) {
  RunningDaemon running([](Config& config) {
    config.uploads_per_uid_max = 1;
    config.upload_idle = std::chrono::seconds(1);
    config.writer_waiting_bytes_max = 1;
  });
  Wire wire = connect_to_shop(running);
  const auto large = [&] { return large_blobs_below(running.config().media_folder()); };
  running.app().writer().pause();
  const std::uint32_t first = wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  std::string token = text_at(wire.result("blob.begin", {Map{}}), "token");
  for (const std::size_t size : {std::size_t{100}, kLargeBytes}) {
    const std::size_t files = size == kLargeBytes ? 1 : 0;
    {
      Wire leaving = running.connect();
      leaving.result("blob.write", {token, 0, Binary{std::string(size, 'a')}});
      leaving.send("blob.commit", {token});
      leaving.send("ping");  // With an answer unread the daemon learns at once that it is gone.
      await_status(wire, [&](const Map& status) {
        const Map& queues = map_at(status, "queues");
        return integer_at(queues, "requests_in_flight") == 3 &&
               integer_at(queues, "media_waiting") == 0 && large() == files;
      });
      EXPECT_EQ(wire.refusal("blob.begin", {Map{}}), ErrorCode::busy);
    }
    await_status(wire, [&](const Map&) {
      const protocol::Reply begun = wire.call("blob.begin", {Map{}});
      if (!begun.error) token = text_at(*begun.result.if_map(), "token");
      return !begun.error;
    });
  }
  await_status(wire, [&](const Map&) { return large() == 0; });
  running.app().writer().resume();
  EXPECT_FALSE(wire.reply_to(first).error);
}

TEST(Limits, OfMutationsThatWaitAreInBytesToo) {
  RunningDaemon running([](Config& config) { config.writer_waiting_bytes_max = 10'000; });
  Wire wire = connect_to_shop(running);
  const Map chair{{"name", std::string(4'000, 'c')}};
  running.app().writer().pause();
  const std::uint32_t first = wire.send("insertOne", {"products", chair});
  const std::uint32_t second = wire.send("insertOne", {"products", chair});
  EXPECT_EQ(wire.refusal("insertOne", {"products", chair}), ErrorCode::busy);
  running.app().writer().resume();
  EXPECT_FALSE(wire.reply_to(first).error);
  EXPECT_FALSE(wire.reply_to(second).error);
  EXPECT_FALSE(wire.call("insertOne", {"products", chair}).error);
}

// How many submissions the largest group has, of four that wait together.
std::size_t largest_group(std::size_t group_bytes) {
  RunningDaemon running([&](Config& config) { config.store.group_bytes_max = group_bytes; });
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 4; ++index) {
    sent.push_back(wire.send("insertOne", {"products", Map{{"name", std::string(4'000, 'c')}}}));
  }
  running.app().writer().wait_until_waiting(4);
  running.app().writer().resume();
  for (const std::uint32_t id : sent) EXPECT_FALSE(wire.reply_to(id).error);
  return running.app().writer().figures().largest_group;
}

// A bound that nothing fits into would leave everybody waiting for ever.
TEST(Limits, OfWhatWaitsLetOneInWhateverItsSize) {
  RunningDaemon running([](Config& config) { config.writer_waiting_bytes_max = 1; });
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", std::string(4'000, 'c')}}});
  store_media(wire, std::string(200'000, 'a'));
  store_media(wire, "small");
}

TEST(Limits, OfAGroupAreInBytes) {
  EXPECT_EQ(largest_group(1), 1u) << "one alone is always taken";
  EXPECT_EQ(largest_group(10'000), 2u);
  EXPECT_EQ(largest_group(1u << 20), 4u);
}

}  // namespace
}  // namespace emstore::testing
