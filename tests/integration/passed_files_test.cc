// Files that are passed as descriptors, and uploads that are stored already, and everybody else
// meanwhile.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <emstore/client.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "blobs/file.h"
#include "blobs/file_store.h"
#include "blobs/system.h"
#include "stores.h"

namespace emstore::testing {
namespace {

constexpr off_t kHuge = 6 << 20;  // Its content is nobody's business here.

// An answer that is not read: the daemon learns at once that a connection is gone.
constexpr std::string_view kUnread = "ping";

// Readings of files of that size, from that place on and but for the first ones, wait until they
// are let go.
class HeldReadings {
 public:
  explicit HeldReadings(std::size_t let_through = 0, std::uint64_t from = 0)
      : let_through_(let_through), from_(from) {}
  ~HeldReadings() { let_go(); }

  RunningDaemon::MakeSystem system() {
    return [this] { return std::make_unique<System>(*this); };
  }
  void wait_until_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [&] { return held_ == count; }));
  }
  std::size_t held() {
    const std::lock_guard lock(mutex_);
    return held_;
  }
  void let_go() {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
  }

 private:
  class System final : public blobs::System {
   public:
    explicit System(HeldReadings& readings) : readings_(readings) {}
    ssize_t read(int file, char* bytes, std::size_t size, std::uint64_t offset) override {
      struct stat status {};
      const bool is_huge = ::fstat(file, &status) == 0 && status.st_size == kHuge;
      if (is_huge && offset >= readings_.from_) readings_.pass();
      return blobs::System::read(file, bytes, size, offset);
    }

   private:
    HeldReadings& readings_;
  };

  void pass() {
    std::unique_lock lock(mutex_);
    if (let_through_ > 0) return static_cast<void>(--let_through_);
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return is_over_; });
    --held_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t let_through_;
  const std::uint64_t from_;
  std::size_t held_ = 0;
  bool is_over_ = false;
};

std::uint32_t pass(Wire& wire, off_t size) {
  const blobs::File file(::memfd_create("passed", MFD_CLOEXEC));
  EXPECT_EQ(::ftruncate(file.descriptor(), size), 0);
  return wire.send_with(file.descriptor(), "blob.put_fd");
}

// Small ones, while the writer takes nothing but the first: the others wait with their bytes.
class SmallFilesThatArePassed : public ::testing::Test {
 protected:
  static constexpr std::size_t kCount = 50, kBytes = 65'536;

  void run(const std::function<void(daemon::Config&)>& adjust) {
    running_.emplace([&](daemon::Config& config) {
      config.writer_waiting_bytes_max = 1;
      adjust(config);
    });
    watching_.emplace(connect_to_shop(*running_));
    running_->app().writer().pause();
  }
  // Waits until so many of them are in flight and no thread has anything to do for them.
  void await_in_flight(std::size_t count) {
    await_status(*watching_, [&](const Map& status) {
      const Map& queues = map_at(status, "queues");
      constexpr std::size_t kThis = 1;
      return integer_at(queues, "requests_in_flight") == static_cast<std::int64_t>(count + kThis) &&
             integer_at(queues, "media_waiting") == 0;
    });
  }
  std::size_t held() {
    const Map status = watching_->result("status");
    return static_cast<std::size_t>(integer_at(map_at(status, "queues"), "bytes_held"));
  }
  static std::vector<std::uint32_t> pass_all(Wire& wire) {
    std::vector<std::uint32_t> requests;
    for (std::size_t index = 0; index < kCount; ++index) requests.push_back(pass(wire, kBytes));
    return requests;
  }
  void expect_all_stored(Wire& wire, const std::vector<std::uint32_t>& requests) {
    running_->app().writer().resume();
    for (const std::uint32_t request : requests) EXPECT_FALSE(wire.reply_to(request).error);
  }

  std::optional<RunningDaemon> running_;
  std::optional<Wire> watching_;
};

TEST_F(SmallFilesThatArePassed, CountWithTheirBytesUntilTheyAreAnswered) {
  run([](daemon::Config&) {});
  Wire wire = running_->connect();
  const auto requests = pass_all(wire);
  await_in_flight(kCount);
  EXPECT_GE(held(), kCount * kBytes);
  expect_all_stored(wire, requests);
  await_status(*watching_, [](const Map& status) {
    return static_cast<std::size_t>(integer_at(map_at(status, "queues"), "bytes_held")) <
           10 * kBytes;
  });
}

TEST_F(SmallFilesThatArePassed, WaitInTheSocketWhenTheirConnectionHoldsEnough) {
  constexpr std::size_t kHeld = 10;
  run([](daemon::Config& config) { config.session.held_bytes_max = kHeld * kBytes; });
  Wire wire = running_->connect();
  const auto requests = pass_all(wire);
  await_in_flight(kHeld);
  expect_all_stored(wire, requests);
}

// What it brought is of use to nobody then, and counts for nobody.
TEST_F(SmallFilesThatArePassed, GoWithTheirConnection) {
  constexpr std::uint64_t kMost = 2 * kCount * kBytes;
  run([](daemon::Config& config) { config.quota.unlinked_bytes_max = kMost; });
  {
    Wire leaving = running_->connect();
    pass_all(leaving);
    leaving.send("ping");  // With an answer unread the daemon learns at once that it is gone.
    await_in_flight(kCount);
    EXPECT_EQ(watching_->refusal("blob.begin", {Map{{"size", kMost - 2 * kBytes}}}),
              ErrorCode::disk_full);
  }
  // But for the one that the writer has.
  await_status(*watching_, [&](const Map&) {
    return !watching_->call("blob.begin", {Map{{"size", kMost - 2 * kBytes}}}).error;
  });
}

// A daemon whose media threads can be held up; whatever a test comes to, it can stop.
struct HeldDaemon {
  explicit HeldDaemon(std::size_t media_threads, std::size_t descriptors = 256,
                      std::size_t let_through = 0, std::uint64_t from = 0)
      : readings(let_through, from),
        running(
            [=](daemon::Config& config) {
              config.media_threads = media_threads;
              config.session.descriptors_max = descriptors;
            },
            readings.system()) {}
  ~HeldDaemon() { readings.let_go(); }

  HeldReadings readings;
  RunningDaemon running;
};

TEST(HugeFilesThatArePassed, LeaveTheMediaThreadsToOthers) {
  constexpr std::size_t kThreads = 2;
  HeldDaemon held(kThreads);
  Wire healthy = connect_to_shop(held.running);
  std::vector<Wire> greedy;
  std::vector<std::uint32_t> requests;
  for (std::size_t index = 0; index < 3 * kThreads; ++index) {
    greedy.push_back(held.running.connect());
    requests.push_back(pass(greedy.back(), kHuge));
  }
  held.readings.wait_until_held(kThreads);
  // What comes with a mutation, in pieces, or as a file of a reasonable size.
  for (int round = 0; round < 10; ++round) {
    const std::string letter(1, static_cast<char>('a' + round));
    healthy.result("media.upload", {Binary{std::string(1'024, letter[0])}, Map{{"name", letter}}});
    const std::string address = store_media(healthy, std::string(kLargeBytes, letter[0]));
    EXPECT_EQ(integer_at(healthy.result("blob.read", {address, 0, 10}), "size"),
              static_cast<std::int64_t>(kLargeBytes));
    EXPECT_FALSE(healthy.reply_to(pass(healthy, 1'000 + round)).error);
    EXPECT_FALSE(healthy.reply_to(pass(healthy, 1'000'000 + round)).error);
  }
  EXPECT_EQ(held.readings.held(), kThreads) << "nothing was held up: the test says little";
  held.readings.let_go();
  for (std::size_t index = 0; index < greedy.size(); ++index) {
    EXPECT_FALSE(greedy[index].reply_to(requests[index]).error);
  }
}

TEST(HugeFilesThatArePassed, LeavePlacesToOtherConnections) {
  constexpr std::size_t kOfOne = 2, kOfAll = 4 * kOfOne;
  HeldDaemon held(1, kOfAll);
  Wire greedy = held.running.connect(), healthy = held.running.connect();
  std::vector<std::uint32_t> requests;
  for (std::size_t index = 0; index < kOfOne; ++index) requests.push_back(pass(greedy, kHuge));
  held.readings.wait_until_held(1);
  const protocol::Reply refused = greedy.reply_to(pass(greedy, 1'000));
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::busy);
  for (std::size_t index = 0; index < kOfAll; ++index) {
    EXPECT_FALSE(healthy.reply_to(pass(healthy, 1'000)).error);
  }
  held.readings.let_go();
  for (const std::uint32_t request : requests) EXPECT_FALSE(greedy.reply_to(request).error);
  await_status(healthy, [&](const Map&) { return !greedy.reply_to(pass(greedy, 1'000)).error; });
}

TEST(HugeFilesThatArePassed, WaitOnlyAsLongAsTheirConnectionIsThere) {
  HeldDaemon held(1);
  Wire first = held.running.connect();
  const std::uint32_t request = pass(first, kHuge);
  held.readings.wait_until_held(1);
  const auto await_waiting = [&](std::int64_t connections, std::int64_t waiting) {
    await_status(first, [=](const Map& status) {
      return integer_at(status, "connections") == connections &&
             integer_at(map_at(status, "queues"), "media_waiting") == waiting;
    });
  };
  {
    Wire leaving = held.running.connect();
    pass(leaving, kHuge);
    leaving.send(kUnread);
    await_waiting(2, 1);
  }
  await_waiting(1, 0);
  held.readings.let_go();
  EXPECT_FALSE(first.reply_to(request).error);
}

// While they are read, or copied, or wait for their turn.
TEST(HugeFilesThatArePassed, EndWithAStopBetweenTwoPieces) {
  constexpr std::size_t kPieces = kHuge / blobs::kReadStepBytes;
  for (const std::size_t let_through : {std::size_t{0}, kPieces + 3}) {
    HeldDaemon held(1, 256, let_through);
    Wire reading = connect_to_shop(held.running), waiting = held.running.connect();
    const std::uint32_t read = pass(reading, kHuge);
    held.readings.wait_until_held(1);
    const std::uint32_t unread = pass(waiting, kHuge);
    await_status(reading, [](const Map& status) {
      return integer_at(map_at(status, "queues"), "media_waiting") == 1;
    });
    // A read that will never have its commit is refused when the stop begins.
    const std::uint32_t later = reading.send("findId", {"products", 1, Map{{"after", 99}}});
    reading.result("ping");
    held.running.stop();
    EXPECT_EQ(reading.reply_to(later).error.value().code, ErrorCode::shutting_down);
    held.readings.let_go();
    EXPECT_EQ(reading.reply_to(read).error.value().code, ErrorCode::shutting_down);
    EXPECT_EQ(waiting.reply_to(unread).error.value().code, ErrorCode::shutting_down);
    EXPECT_TRUE(held.running.wait());
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(held.running.config().media_folder())) {
      EXPECT_TRUE(entry.is_directory() || entry.file_size() < 1'000) << entry.path();
    }
  }
}

// Uploads of one content, which is compared with what is stored of it.
class HugeUploadsOfWhatIsStored : public ::testing::Test {
 protected:
  // Where only who reads on beyond a reasonable size comes to.
  static constexpr std::uint64_t kHeldFrom = 5u << 20;

  explicit HugeUploadsOfWhatIsStored(std::size_t threads = 1)
      : held_(threads, 256, 0, kHeldFrom), wire_(connect_to_shop(held_.running)) {
    address_ = text_at(wire_.result("blob.commit", {send_pieces()}), "blob");
  }
  ~HugeUploadsOfWhatIsStored() override { held_.readings.let_go(); }

  std::string send_pieces() {
    constexpr std::size_t kPiece = 1u << 20;
    std::string token = text_at(wire_.result("blob.begin", {Map{{"size", kHuge}}}), "token");
    for (std::size_t offset = 0; offset < kHuge; offset += kPiece) {
      wire_.result("blob.write", {token, offset, Binary{std::string(kPiece, 'h')}});
    }
    return token;
  }
  void expect_stored(const protocol::Reply& reply) {
    ASSERT_FALSE(reply.error) << to_string(*reply.error);
    EXPECT_EQ(text_at(*reply.result.if_map(), "blob"), address_);
    EXPECT_TRUE(truth_at(*reply.result.if_map(), "existed"));
  }

  HeldDaemon held_;
  Wire wire_;
  std::string address_;
};

class HugeUploadsOnTwoThreads : public HugeUploadsOfWhatIsStored {
 protected:
  HugeUploadsOnTwoThreads() : HugeUploadsOfWhatIsStored(2) {}
};

TEST_F(HugeUploadsOfWhatIsStored, LeaveTheMediaThreadsToOthers) {
  const std::string token = send_pieces();
  Wire greedy = held_.running.connect(), again = held_.running.connect();
  const std::uint32_t request = greedy.send("blob.commit", {token});
  held_.readings.wait_until_held(1);
  const std::uint32_t second = again.send("blob.commit", {token});
  // Neither what else comes for that upload nor what others have waits for it.
  EXPECT_EQ(wire_.refusal("blob.write", {token, kHuge, Binary{"x"}}), ErrorCode::busy);
  EXPECT_EQ(integer_at(wire_.result("blob.write", {token, 0, Binary{}}), "offset"), kHuge);
  wire_.result("media.upload", {Binary{"small"}, Map{{"name", "small"}}});
  store_media(wire_, std::string(kLargeBytes, 'l'));
  EXPECT_FALSE(wire_.reply_to(pass(wire_, 1'000'000)).error);
  EXPECT_EQ(held_.readings.held(), 1u) << "nothing was held up: the test says little";
  held_.readings.let_go();
  expect_stored(greedy.reply_to(request));
  expect_stored(again.reply_to(second));
}

// Its thread is another's; and nobody may write to it meanwhile.
TEST_F(HugeUploadsOfWhatIsStored, AreCompletedForTheNextWhoAskedWhenTheFirstIsLostBeforeItsTurn) {
  const std::string token = send_pieces();
  const std::uint32_t others = wire_.send("blob.commit", {send_pieces()});
  held_.readings.wait_until_held(1);
  Wire second = held_.running.connect();
  std::uint32_t request = 0;
  {
    Wire first = held_.running.connect();
    first.send("blob.commit", {token});
    EXPECT_EQ(integer_at(first.result("blob.write", {token, 0, Binary{}}), "offset"), kHuge);
    EXPECT_EQ(first.refusal("blob.write", {token, kHuge, Binary{"x"}}), ErrorCode::busy);
    request = second.send("blob.commit", {token});
    second.result("ping");
    first.send(kUnread);
  }
  await_status(second, [](const Map& status) { return integer_at(status, "connections") == 2; });
  held_.readings.let_go();
  expect_stored(second.reply_to(request));
  expect_stored(wire_.reply_to(others));
}

TEST_F(HugeUploadsOfWhatIsStored, AreCompletedForTheNextWhoAskedWhenTheFirstIsLostMeanwhile) {
  const std::string token = send_pieces();
  std::uint32_t request = 0;
  {
    Wire first = held_.running.connect();
    first.send("blob.commit", {token});
    held_.readings.wait_until_held(1);
    request = wire_.send("blob.commit", {token});
    wire_.result("ping");
    first.send(kUnread);
  }
  await_status(wire_, [](const Map& status) { return integer_at(status, "connections") == 1; });
  held_.readings.let_go();
  expect_stored(wire_.reply_to(request));
}

// As when connections are lost while it is under way.
TEST_F(HugeUploadsOnTwoThreads, KeepNoneForACommitThatIsAskedAgain) {
  const std::string token = send_pieces(), other = send_pieces();
  Wire greedy = held_.running.connect();
  std::vector<Wire> again;
  const std::uint32_t request = greedy.send("blob.commit", {token});
  held_.readings.wait_until_held(1);
  for (int time = 0; time < 3; ++time) {
    Wire& wire = again.emplace_back(held_.running.connect());
    EXPECT_EQ(wire.send("blob.commit", {token}), 1u);
    EXPECT_EQ(integer_at(wire.result("blob.write", {token, 0, Binary{}}), "offset"), kHuge);
  }
  const std::uint32_t others = wire_.send("blob.commit", {other});
  held_.readings.wait_until_held(2);
  held_.readings.let_go();
  expect_stored(greedy.reply_to(request));
  expect_stored(wire_.reply_to(others));
  for (Wire& wire : again) expect_stored(wire.reply_to(1));
}

TEST_F(HugeUploadsOfWhatIsStored, CanBeCompletedAfterAStopThatEndedThem) {
  const std::string token = send_pieces();
  const std::uint32_t request = wire_.send("blob.commit", {token});
  held_.readings.wait_until_held(1);
  Wire other = held_.running.connect();
  const std::uint32_t later = other.send("findId", {"products", 1, Map{{"after", 99}}});
  other.result("ping");
  held_.running.stop();
  EXPECT_EQ(other.reply_to(later).error.value().code, ErrorCode::shutting_down);
  held_.readings.let_go();
  EXPECT_EQ(wire_.reply_to(request).error.value().code, ErrorCode::shutting_down);
  held_.running.restart();
  expect_stored(held_.running.connect().call("blob.commit", {token}));
}

// How often the daemon reads of a file.
class WatchedReadings {
 public:
  RunningDaemon::MakeSystem system() {
    return [this] { return std::make_unique<System>(*this); };
  }
  std::size_t of(const std::filesystem::path& file) {
    struct stat status {};
    EXPECT_EQ(::stat(file.c_str(), &status), 0) << file;
    const std::lock_guard lock(mutex_);
    return by_inode_[status.st_ino];
  }

 private:
  class System final : public blobs::System {
   public:
    explicit System(WatchedReadings& readings) : readings_(readings) {}
    ssize_t read(int file, char* bytes, std::size_t size, std::uint64_t offset) override {
      struct stat status {};
      EXPECT_EQ(::fstat(file, &status), 0);
      {
        const std::lock_guard lock(readings_.mutex_);
        ++readings_.by_inode_[status.st_ino];
      }
      return blobs::System::read(file, bytes, size, offset);
    }

   private:
    WatchedReadings& readings_;
  };

  std::mutex mutex_;
  std::map<ino_t, std::size_t> by_inode_;
};

// A client would serve its user as well in pieces: whether it passes files shows in who reads them.
TEST(ClientOfARunningDaemon, PassesLargeFilesAndIsPassedThem) {
  constexpr std::size_t kSize = 5'000'000;
  WatchedReadings readings;
  RunningDaemon running({}, readings.system());
  connect_to_shop(running);
  Client client = connect(running.config().socket.path);
  const auto source = running.folder() / "source", copy = running.folder() / "copy";
  std::string bytes(kSize, 'a');
  std::ofstream(source, std::ios::binary) << bytes;

  const Mutation passed = client.media().upload(File(source));
  EXPECT_GT(readings.of(source), 0u) << "the daemon did not read the file itself";
  const std::string address = passed.data().get<std::string>("blob");
  const auto stored = running.config().media_folder() / blobs::media_file(*address_of(address));
  const std::size_t before = readings.of(stored);
  EXPECT_EQ(client.media().download(address, copy), kSize);
  // The first piece tells the size, and is read by the daemon.
  EXPECT_LE(readings.of(stored), before + 1) << "the client did not read the file itself";
  EXPECT_EQ(std::filesystem::file_size(copy), kSize);
  EXPECT_EQ(client.media().open(address).read_all(), bytes);
  EXPECT_LE(readings.of(stored), before + 2);
  for (const std::size_t step : {1'000, 300'000, 1'048'576}) {  // However small its reads are.
    MediaReader reader = client.media().open(address);
    std::string piece(step, '\0'), all;
    while (const std::size_t got = reader.read(piece)) all.append(piece, 0, got);
    EXPECT_EQ(all, bytes) << step;
  }
  EXPECT_LE(readings.of(stored), before + 5);

  // Controls: bytes in memory go in pieces, and pieces are read by the daemon.
  bytes.back() = 'b';
  std::ofstream(source, std::ios::binary) << bytes;
  const std::size_t read = readings.of(source);
  client.media().upload(File::bytes(bytes, "memory"));
  EXPECT_EQ(readings.of(source), read);
  Wire wire = running.connect();
  for (std::size_t place = 0; place < kSize; place += 1'000'000) {
    wire.result("blob.read", {address, place, 1'000'000});
  }
  EXPECT_GE(readings.of(stored), before + 8);
}

}  // namespace
}  // namespace emstore::testing
