// Bytes of media that rot: found, kept from everybody, and mended by the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <emstore/client.hpp>
#include <fstream>
#include <thread>

#include "base/address.h"
#include "store/damage.h"
#include "stores.h"
#include "tests/support/forged_pair.h"

namespace emstore::testing {
namespace {

namespace fs = std::filesystem;

std::string large_content(char letter) { return std::string(kLargeBytes, letter); }

fs::path file_of(const RunningDaemon& running, const std::string& address) {
  return running.config().media_folder() / blobs::media_file(address_of(address).value());
}

// Changes a row of small bytes behind the daemon's back, as a disk does. What it commits next still
// reads from before, so one commit lets it see the change.
void rot_row(RunningDaemon& running, Wire& wire, const std::string& address) {
  const std::string key = to_bytes(address_of(address).value());
  running.app().writer().pause();
  auto& database = const_cast<store::Database&>(running.app().store().database());
  std::string bytes = database.snapshot()->get(store::Family::bytes, key).value().value();
  bytes[0] = static_cast<char>(bytes[0] ^ 0x10);
  const std::vector<store::RowChange> change{{store::Family::bytes, key, bytes}};
  ASSERT_TRUE(database.write(change, store::Durability::synced));
  running.app().writer().resume();
  wire.result("insertOne", {"products", Map{{"name", "next"}}});
}

std::string read_back(Wire& wire, const std::string& address) {
  return wire.result("blob.read", {address, 0, 1 << 20}).find("bytes")->if_binary()->data;
}

Map damage(Wire& wire) { return map_at(wire.result("status"), "damage"); }

std::size_t quarantined(const RunningDaemon& running) {
  const auto files = fs::directory_iterator(running.config().media_folder() / "quarantine");
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// Whether a client that reads the content whole, into memory and into a file, gets these bytes;
// else it has to get corrupt_blob, and nothing.
bool is_given(const RunningDaemon& running, const std::string& address,
              const std::string& content) {
  Client client = connect(running.config().socket.path);
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "out";
  std::optional<Error> unread, unsaved;
  const std::string read = client.media().open(address).read_all(unread);
  client.media().download(address, file, unsaved);
  if (!unread && !unsaved) {
    std::ifstream stream(file, std::ios::binary);
    return read == content && std::string(std::istreambuf_iterator<char>(stream), {}) == content;
  }
  EXPECT_TRUE(unread && unread->code == ErrorCode::corrupt_blob);
  EXPECT_TRUE(unsaved && unsaved->code == ErrorCode::corrupt_blob);
  EXPECT_EQ(read, "");
  EXPECT_TRUE(fs::is_empty(folder.path()));
  return false;
}

// As a row, in pieces, and by the daemon's own descriptor. The control: one that is whole is given,
// and so is the damaged one once it was mended.
TEST(Damage, IsNeverGivenToAClientThatReadsTheWhole) {
  RunningDaemon running(
      [](daemon::Config& config) { config.session.wire.chunk_bytes_max = 4u << 20; });
  Wire wire = connect_to_shop(running);
  for (const std::size_t size : {std::size_t{1'000}, kLargeBytes, std::size_t{3u << 20}}) {
    const std::string content(size, 'd'), other(size, 'w');
    const std::string damaged = store_media(wire, content), whole = store_media(wire, other);
    EXPECT_TRUE(is_given(running, damaged, content)) << size;
    if (size > kSmallBlobBytesMax) {
      flip(file_of(running, damaged), size / 2);
    } else {
      rot_row(running, wire, damaged);
    }
    EXPECT_FALSE(is_given(running, damaged, content)) << size;
    EXPECT_TRUE(is_given(running, whole, other)) << size;
    upload(wire, content);
    EXPECT_TRUE(is_given(running, damaged, content)) << size;
  }
}

TEST(Damage, OfALargeContentIsMendedWhenItComesAgain) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string content = large_content('a');
  const std::string address = store_media(wire, content);
  const std::string root = proof_of(wire).root;
  flip(file_of(running, address), 1'000);
  EXPECT_NE(read_back(wire, address), content);  // Pieces are not checked: clients hash the whole.
  const Map again = upload(wire, content);
  EXPECT_EQ(text_at(again, "blob"), address);
  EXPECT_TRUE(truth_at(again, "existed"));
  EXPECT_EQ(read_back(wire, address), content);
  EXPECT_EQ(quarantined(running), 1u);
  EXPECT_EQ(integer_at(damage(wire), "mended"), 1);
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 0);
  EXPECT_EQ(proof_of(wire).root, root);  // No fact has changed.
  EXPECT_TRUE(truth_at(job(wire, "audit"), "whole"));
  // It is remembered.
  running.restart();
  Wire other = running.connect();
  EXPECT_EQ(integer_at(damage(other), "mended"), 1);
}

TEST(Damage, OfASmallContentIsMendedWhenItComesAgain) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string address = store_media(wire, "small content");
  rot_row(running, wire, address);
  EXPECT_NE(read_back(wire, address), "small content");
  EXPECT_FALSE(truth_at(job(wire, "audit"), "whole"));
  // In a request this time.
  const Map made = wire.result("media.upload", {Binary{"small content"}, Map{{"name", "again"}}});
  EXPECT_EQ(text_at(map_at(made, "data"), "blob"), address);
  EXPECT_EQ(read_back(wire, address), "small content");
  EXPECT_EQ(integer_at(damage(wire), "mended"), 1);
  EXPECT_TRUE(truth_at(job(wire, "audit"), "whole"));
  const auto kept = running.app().store().view()->reader->get(
      store::Family::meta, store::quarantine_key(address_of(address).value()));
  ASSERT_TRUE(kept && *kept);
  EXPECT_NE(**kept, "small content");
  EXPECT_EQ((*kept)->size(), std::string("small content").size());
}

// The control: another content with the same XXH3 is no damage.
TEST(Damage, IsNoneWhereContentsCollide) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  for (const std::size_t size : {std::size_t{20'000}, std::size_t{100'000}}) {
    const ForgedPair pair = forged_pair(size);
    const std::string first = store_media(wire, pair.first);
    const std::string second = store_media(wire, pair.second);
    EXPECT_NE(first, second);
    EXPECT_EQ(text_at(upload(wire, pair.first), "blob"), first);
    EXPECT_EQ(read_back(wire, first), pair.first);
    EXPECT_EQ(read_back(wire, second), pair.second);
  }
  EXPECT_EQ(integer_at(damage(wire), "mended"), 0);
  EXPECT_EQ(quarantined(running), 0u);
}

TEST(Scrub, FindsNothingInAStoreThatIsWhole) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 20);
  const Map report = job(wire, "scrub");
  EXPECT_EQ(integer_at(report, "contents"), 22);
  EXPECT_EQ(integer_at(report, "damaged"), 0);
  EXPECT_TRUE(list_at(report, "waiting").empty());
}

TEST(Scrub, KeepsWhatIsDamagedFromEverybodyUntilItComesAgain) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string whole = store_media(wire, large_content('w'));
  const std::string large = store_media(wire, large_content('a'));
  const std::string missing = store_media(wire, large_content('m'));
  const std::string small = store_media(wire, "small content");
  flip(file_of(running, large), 1'000);
  fs::remove(file_of(running, missing));
  rot_row(running, wire, small);

  Map report = job(wire, "scrub");
  EXPECT_EQ(integer_at(report, "damaged"), 3);
  EXPECT_EQ(list_at(report, "waiting").size(), 3u);
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 3);
  EXPECT_EQ(quarantined(running), 1u);
  for (const std::string& address : {large, missing, small}) {
    EXPECT_EQ(wire.refusal("blob.read", {address, 0, 10}), ErrorCode::corrupt_blob) << address;
    EXPECT_EQ(wire.refusal("blob.get_fd", {address}), ErrorCode::corrupt_blob) << address;
  }
  EXPECT_EQ(read_back(wire, whole), large_content('w'));
  EXPECT_FALSE(truth_at(job(wire, "audit"), "whole"));

  upload(wire, large_content('a'));
  upload(wire, large_content('m'));
  upload(wire, "small content");
  EXPECT_EQ(read_back(wire, large), large_content('a'));
  EXPECT_EQ(read_back(wire, missing), large_content('m'));
  EXPECT_EQ(read_back(wire, small), "small content");
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 0);
  EXPECT_EQ(integer_at(damage(wire), "mended"), 3);
  report = job(wire, "scrub");
  EXPECT_EQ(integer_at(report, "damaged"), 0);
  EXPECT_TRUE(list_at(report, "waiting").empty());
  EXPECT_TRUE(truth_at(job(wire, "audit"), "whole"));
}

// As an upload leaves it that was cut off before its lease, and whoever restores it by hand.
void restore(const fs::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
  fs::permissions(file, fs::perms::owner_read);
}

TEST(Scrub, FindsThatBytesAreThereAgain) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string address = store_media(wire, large_content('a'));
  flip(file_of(running, address), 1'000);
  job(wire, "scrub");
  ASSERT_EQ(integer_at(damage(wire), "waiting"), 1);
  // The control: it is not mended by looking at it again.
  EXPECT_EQ(list_at(job(wire, "scrub"), "waiting").size(), 1u);
  restore(file_of(running, address), large_content('a'));
  const Map report = job(wire, "scrub");
  EXPECT_EQ(integer_at(report, "damaged"), 0);
  EXPECT_TRUE(list_at(report, "waiting").empty());
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 0);
  EXPECT_EQ(integer_at(damage(wire), "mended"), 1);
}

// An upload compares; who only asks whether the store has the bytes does not.
TEST(Damage, IsMendedByAnUploadThatFindsThemThereAgain) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string address = store_media(wire, large_content('a'));
  flip(file_of(running, address), 1'000);
  job(wire, "scrub");
  restore(file_of(running, address), large_content('a'));
  wire.result("blob.have", List{Value(List{address})});
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 1);
  EXPECT_EQ(text_at(upload(wire, large_content('a')), "blob"), address);
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 0);
  EXPECT_EQ(integer_at(damage(wire), "mended"), 1);
  upload(wire, large_content('a'));
  EXPECT_EQ(integer_at(damage(wire), "mended"), 1);
}

TEST(Scrub, ForgetsDamageWithTheBytes) {
  RunningDaemon running([](daemon::Config& config) { config.lease = std::chrono::seconds(1); });
  Wire wire = connect_to_shop(running);
  const std::string small = store_media(wire, "small content");
  rot_row(running, wire, small);
  job(wire, "scrub");
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 1);
  // Until the lease is over, it holds the bytes.
  while (integer_at(job(wire, "gc", {Map{{"grace", 0}}}), "blobs") == 0) {
  }
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 0);
  EXPECT_EQ(wire.refusal("blob.read", {small, 0, 10}), ErrorCode::gone);
}

TEST(Scrub, GoesOnAfterARestartWhereItWas) {
  RunningDaemon running([](daemon::Config& config) { config.scrub_rate = 1u << 20; });
  Wire wire = connect_to_shop(running);
  constexpr std::int64_t kContents = 20;  // Four seconds.
  for (char letter = 'a'; letter < 'a' + kContents; ++letter) {
    store_media(wire, large_content(letter));
  }
  const auto begun = std::chrono::steady_clock::now();
  wire.result("scrub");
  const auto contents = [](const Map& status) {
    const Map* scrub = status.find("scrub")->if_map();
    return scrub == nullptr ? 0 : integer_at(*scrub, "contents");
  };
  await_status(wire, [&](const Map& status) { return contents(status) >= 5; });
  // It keeps to its rate.
  EXPECT_GT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(500));
  running.restart();
  Wire other = running.connect();
  const std::int64_t before = contents(other.result("status"));
  EXPECT_GE(before, 5);
  EXPECT_LT(before, kContents);
  const Map report = job(other, "scrub");
  EXPECT_TRUE(truth_at(report, "resumed"));
  EXPECT_EQ(integer_at(report, "contents"), kContents);  // Each once.
  EXPECT_EQ(integer_at(report, "bytes"), kContents * static_cast<std::int64_t>(kLargeBytes));
  EXPECT_FALSE(other.result("status").find("scrub")->if_map()->find("finished")->is_null());
}

TEST(Scrub, IsOneAtATimeAndEndsWhenItIsTold) {
  RunningDaemon running([](daemon::Config& config) { config.scrub_rate = 64u << 10; });
  Wire wire = connect_to_shop(running);
  store_media(wire, large_content('a'));
  store_media(wire, large_content('b'));
  const std::string id = text_at(wire.result("scrub"), "job");
  EXPECT_EQ(text_at(wire.result("scrub"), "job"), id);
  // Other jobs do not wait for it.
  EXPECT_TRUE(truth_at(job(wire, "verify"), "equal"));
  wire.result("job.cancel", {id});
  const auto state = [&] { return text_at(wire.result("job.get", {id}), "state"); };
  while (state() == "running" || state() == "waiting") {
  }
  EXPECT_EQ(state(), "cancelled");
}

std::string state_of(Wire& wire, const std::string& id) {
  return text_at(wire.result("job.get", {id}), "state");
}

TEST(Scrub, WaitsWhileTheWriterIsFull) {
  RunningDaemon running([](daemon::Config& config) {
    config.writer_waiting_max = 2;
    config.scrub_rate = 100'000;  // Two seconds a content, and as long again to set it aside.
    config.log_level = daemon::LogLevel::warning;
  });
  Wire wire = connect_to_shop(running);
  const std::string address = store_media(wire, large_content('a'));
  flip(file_of(running, address), 1'000);
  ::testing::internal::CaptureStderr();
  Wire scrubbing = running.connect();
  const std::string id = text_at(scrubbing.result("scrub"), "job");
  await_status(scrubbing, [](const Map& status) { return !status.find("scrub")->is_null(); });
  running.app().writer().pause();
  const std::uint32_t first = wire.send("insertOne", {"products", Map{{"name", "one"}}});
  const std::uint32_t second = wire.send("insertOne", {"products", Map{{"name", "two"}}});
  running.app().writer().wait_until_waiting(2);
  while (quarantined(running) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(state_of(scrubbing, id), "running");
  // Where the copy is kept has been told by now.
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("damaged"), std::string::npos) << logged;
  EXPECT_NE(logged.find("quarantine/"), std::string::npos) << logged;
  running.app().writer().resume();
  EXPECT_FALSE(wire.reply_to(first).error || wire.reply_to(second).error);
  while (state_of(scrubbing, id) == "running") {
  }
  EXPECT_EQ(state_of(scrubbing, id), "done");
  EXPECT_EQ(integer_at(damage(wire), "waiting"), 1);
}

// The control: one that was cancelled is left alone.
TEST(Scrub, IsGoneOnWithAfterItHasFailed) {
  RunningDaemon running([](daemon::Config& config) {
    config.scrub_every = std::chrono::hours(24 * 30);
    config.scrub_look = std::chrono::milliseconds(100);
    config.scrub_rate = 400'000;
  });
  Wire wire = connect_to_shop(running);
  store_media(wire, large_content('a'));
  store_media(wire, large_content('b'));
  const auto is_finished = [](const Map& status) {
    const Map* scrub = status.find("scrub")->if_map();
    return scrub != nullptr && !scrub->find("finished")->is_null();
  };
  await_status(wire, is_finished);

  // While the first one, whose end is noted, has yet to be put away, it is the one that is named.
  std::string id;
  await_status(wire, [&](const Map& status) {
    if (is_finished(status)) id = text_at(wire.result("scrub"), "job");
    return !is_finished(status);
  });
  wire.result("job.cancel", {id});
  while (state_of(wire, id) == "running") {
  }
  ASSERT_EQ(state_of(wire, id), "cancelled");
  std::this_thread::sleep_for(std::chrono::milliseconds(1'500));
  EXPECT_FALSE(is_finished(wire.result("status")));

  auto& database = const_cast<store::Database&>(running.app().store().database());
  const std::string key(kAddressBytes, '\xff');
  const auto put = [&](std::optional<std::string> row) {
    running.app().writer().pause();
    const std::vector<store::RowChange> change{{store::Family::blobs, key, std::move(row)}};
    ASSERT_TRUE(database.write(change, store::Durability::synced));
    running.app().writer().resume();
    wire.result("insertOne", {"products", Map{{"name", "next"}}});
  };
  put("no row");
  ASSERT_NE(job(wire, "scrub").find("error"), nullptr);
  EXPECT_FALSE(is_finished(wire.result("status")));
  put(std::nullopt);
  await_status(wire, is_finished);
}

TEST(Scrub, StartsByItselfWhenItIsDue) {
  RunningDaemon running(
      [](daemon::Config& config) { config.scrub_every = std::chrono::milliseconds(50); });
  Wire wire = connect_to_shop(running);
  store_media(wire, large_content('a'));
  await_status(wire, [](const Map& status) {
    const Map* scrub = status.find("scrub")->if_map();
    return scrub != nullptr && !scrub->find("finished")->is_null() &&
           integer_at(*scrub, "contents") == 1;
  });
}

// It is as of one commit: gc takes the name of a file, and whoever reads it goes on.
TEST(Export, HoldsAFileThatIsCollectedMeanwhile) {
  constexpr std::size_t kBytes = 5u << 20;
  RunningDaemon running([](daemon::Config& config) {
    config.lease = std::chrono::seconds(1);
    config.session.wire.chunk_bytes_max = 6u << 20;
  });
  Wire wire = connect_to_shop(running);
  store_media(wire, std::string(kBytes, 'a'));
  const std::int64_t number = integer_at(wire.result("export.open"), "export");
  std::size_t bytes = 0;
  const auto read = [&] {
    Map piece = wire.result("export.read", {number});
    bytes += piece.find("bytes")->if_binary()->data.size();
    return piece;
  };
  while (bytes < kBytes / 2) read();
  while (integer_at(job(wire, "gc", {Map{{"grace", 0}}}), "blobs") == 0) {
  }
  Map last = read();
  while (!truth_at(last, "done")) last = read();
  EXPECT_GT(bytes, kBytes);
  EXPECT_FALSE(last.contains("damaged"));
}

}  // namespace
}  // namespace emstore::testing
