// How a daemon begins and ends, and what outlives it.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "daemon/dump.h"
#include "tests/support/dropping_file_system.h"
#include "wire.h"

namespace emstore::testing {
namespace {

using daemon::App;
using daemon::Config;

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 0777;
}

// Leaves a socket's file behind, as a daemon that was killed does.
void leave_stale_socket(const std::filesystem::path& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(descriptor);
}

TEST(Socket, IsForItsOwnerOnly) {
  RunningDaemon running(
      [](Config& config) { config.socket.path = config.data.parent_path() / "run/emstore/sock"; });
  EXPECT_EQ(mode_of(running.config().socket.path), 0600u);
  EXPECT_EQ(mode_of(running.config().socket.path.parent_path()), 0700u);
  EXPECT_EQ(mode_of(running.config().data), 0700u);
}

TEST(Socket, HasTheModeAndGroupAskedFor) {
  RunningDaemon running([](Config& config) {
    config.socket.mode = 0660;
    config.socket.group = "root";
  });
  EXPECT_EQ(mode_of(running.config().socket.path), 0660u);
  const TemporaryFolder folder;
  Config config = small_config(folder.path());
  config.socket.group = "no-such-group";
  EXPECT_EQ(App::open(config).error().code, ErrorCode::invalid_request);
}

TEST(Socket, OfADeadDaemonIsReplaced) {
  RunningDaemon running([](Config& config) { leave_stale_socket(config.socket.path); });
  Wire wire = running.connect();
  EXPECT_EQ(integer_at(wire.result("ping"), "sequence"), 0);
}

TEST(Socket, OfALivingDaemonIsLeftAlone) {
  RunningDaemon running;
  Config other = running.config();
  other.data = running.folder() / "other";
  const auto opened = App::open(other);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::locked);
  EXPECT_NE(opened.error().message.find(std::to_string(::getpid())), std::string::npos);
  Wire wire = running.connect();
  EXPECT_EQ(integer_at(wire.result("ping"), "sequence"), 0);
}

TEST(Socket, NeverReplacesAnOrdinaryFile) {
  const TemporaryFolder folder;
  const Config config = small_config(folder.path());
  std::ofstream(config.socket.path) << "precious";
  const auto opened = App::open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_request);
  EXPECT_EQ(std::filesystem::file_size(config.socket.path), 8u);
}

TEST(Socket, WithAPathTooLongForTheSystemIsRefused) {
  const TemporaryFolder folder;
  Config config = small_config(folder.path());
  config.socket.path = folder.path() / std::string(120, 's');
  const auto opened = App::open(config);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_request);
  EXPECT_NE(opened.error().message.find("107"), std::string::npos) << opened.error().message;
}

TEST(DataDirectory, BelongsToOneDaemon) {
  RunningDaemon running;
  Config second = running.config();
  second.socket.path = running.folder() / "second";
  const auto opened = App::open(second);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::locked);
  EXPECT_NE(opened.error().message.find(std::to_string(::getpid())), std::string::npos);
}

TEST(DataDirectory, MustBeNamed) {
  const auto opened = App::open(Config());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_request);
}

TEST(MediaDirectory, BelongsToOneDaemonToo) {
  RunningDaemon running([](Config& config) { config.media = config.data.parent_path() / "media"; });
  Config second = small_config(running.folder() / "second");
  std::filesystem::create_directory(running.folder() / "second");
  second.media = running.config().media;
  const auto opened = App::open(second);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::locked);
}

TEST(Stop, EndsTheWorkOfADaemonThatNeverServed) {
  const TemporaryFolder folder;
  const Config config = small_config(folder.path());
  ASSERT_TRUE(App::open(config));  // Not stopped in order: the next one looks for strays.
  const std::filesystem::path strays = config.media_folder() / "ab";
  std::filesystem::create_directories(strays);
  for (int number = 1000; number < 2000; ++number) {
    std::ofstream(strays / ("ab" + std::string(26, '0') + std::to_string(number) + ".128")) << "x";
  }
  ASSERT_TRUE(App::open(config));
  ASSERT_TRUE(App::open(config)) << "locked by what is left of the one before";
}

TEST(Stop, AnswersWhatIsInFlight) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 3; ++index) {
    sent.push_back(wire.send("insertOne", {"products", Map{{"name", "chair"}}}));
  }
  const std::uint32_t waiting = wire.send("findId", {"products", 1, Map{{"after", 99}}});
  running.app().writer().wait_until_waiting(3);
  wire.result("ping");
  running.stop();
  // The read will never have its commit; the refusal shows that the stop has begun.
  const protocol::Reply refused = wire.reply_to(waiting);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, ErrorCode::shutting_down);
  running.app().writer().resume();
  for (const std::uint32_t id : sent) EXPECT_FALSE(wire.reply_to(id).error);
  EXPECT_FALSE(wire.receive());
  EXPECT_TRUE(running.wait());
  EXPECT_FALSE(std::filesystem::exists(running.config().socket.path));
}

TEST(Stop, DoesNotWaitForeverForWhatIsInFlight) {
  RunningDaemon running(
      [](Config& config) { config.drain_deadline = std::chrono::milliseconds(50); });
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  running.app().writer().wait_until_waiting(1);
  running.stop();
  EXPECT_TRUE(running.wait());
}

TEST(Stop, FollowsASignal) {
  RunningDaemon running;
  running.app().stop_on_signals();
  Wire wire = connect_to_shop(running);
  ::raise(SIGTERM);
  EXPECT_TRUE(running.wait());
  EXPECT_FALSE(wire.receive());
}

TEST(FailedWrite, StopsTheDaemonRatherThanLetItGuess) {
  const auto files = std::make_shared<DroppingFileSystem>();
  RunningDaemon running([&](Config& config) {
    config.database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
    config.store.group_commits_max = 2;
  });
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 4; ++index) {
    sent.push_back(wire.send("insertOne", {"products", Map{{"name", "chair"}}}));
  }
  running.app().writer().wait_until_waiting(4);
  files->fail_log_sync();
  running.app().writer().resume();
  // The two of the group may or may not have been written; the two behind it were not begun.
  EXPECT_EQ(wire.reply_to(sent[0]).error.value().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(wire.reply_to(sent[1]).error.value().code, ErrorCode::outcome_unknown);
  EXPECT_EQ(wire.reply_to(sent[2]).error.value().code, ErrorCode::shutting_down);
  EXPECT_EQ(wire.reply_to(sent[3]).error.value().code, ErrorCode::shutting_down);
  EXPECT_FALSE(wire.receive());
  const Status served = running.wait();
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code, ErrorCode::outcome_unknown);
}

// All are taken at once, and each is a group of its own: decided when the one before it was lost.
TEST(FailedWrite, RefusesAllThatWasTakenWithIt) {
  const auto files = std::make_shared<DroppingFileSystem>();
  RunningDaemon running([&](Config& config) {
    config.database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
    config.store.group_bytes_max = 8'000;  // Less than the rows of one, more than all requests.
  });
  Wire wire = connect_to_shop(running);
  wire.result("insertMany", {"products", List(100, Map{{"name", "chair"}})});
  running.app().writer().pause();
  std::vector<std::uint32_t> sent;
  for (int index = 0; index < 12; ++index) {
    const Map document{{"name", "chair " + std::to_string(index)}};
    sent.push_back(wire.send("updateWhere", {"products", Map{{"id", Map{{"$gt", 0}}}}, document}));
  }
  running.app().writer().wait_until_waiting(sent.size());
  files->fail_log_sync();
  running.app().writer().resume();
  EXPECT_EQ(wire.reply_to(sent[0]).error.value().code, ErrorCode::outcome_unknown);
  for (std::size_t index = 1; index < sent.size(); ++index) {
    EXPECT_EQ(wire.reply_to(sent[index]).error.value().code, ErrorCode::shutting_down);
  }
  EXPECT_FALSE(running.wait());
}

// Groups were decided on top of the one that failed, and on top of those.
TEST(FailedWrite, UnderLoadGrantsNothingBehindWhatWasLost) {
  constexpr std::size_t kAsked = 250;  // In flight at a time.
  const auto files = std::make_shared<DroppingFileSystem>();
  RunningDaemon running([&](Config& config) {
    config.database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
    config.store.group_commits_max = 10;
  });
  Wire wire = connect_to_shop(running);
  std::string requests;
  for (std::size_t index = 0; index < kAsked; ++index) {
    requests += request_bytes(static_cast<std::uint32_t>(index + 1), "insertOne",
                              {"products", Map{{"name", "chair"}}});
  }
  files->fail_sync(3);
  wire.send_bytes(requests);
  std::vector<ErrorCode> refused;
  while (const auto message = wire.receive()) {
    const auto& reply = std::get<protocol::Reply>(*message);
    ASSERT_TRUE(reply.error || refused.empty()) << "granted on top of what was lost";
    if (reply.error) refused.push_back(reply.error->code);
  }
  const auto behind = std::ranges::find(refused, ErrorCode::shutting_down);
  EXPECT_GT(behind - refused.begin(), 0);
  const auto all_are = [](auto begin, auto end, ErrorCode code) {
    return std::all_of(begin, end, [code](ErrorCode found) { return found == code; });
  };
  EXPECT_TRUE(all_are(refused.begin(), behind, ErrorCode::outcome_unknown));
  EXPECT_TRUE(all_are(behind, refused.end(), ErrorCode::shutting_down));
  EXPECT_FALSE(running.wait());
}

// Whoever waits is told all the same, and the exit code says what happened.
TEST(FailedWrite, DuringAStopIsToldLikeAnyOther) {
  const auto files = std::make_shared<DroppingFileSystem>();
  RunningDaemon running([&](Config& config) {
    config.database.file_system = std::shared_ptr<rocksdb::FileSystem>(files);
  });
  Wire wire = connect_to_shop(running);
  running.app().writer().pause();
  const std::uint32_t sent = wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  const std::uint32_t read = wire.send("findId", {"products", 1, Map{{"after", 99}}});
  running.app().writer().wait_until_waiting(1);
  wire.result("ping", {});  // Answered in order: the read before it waits by now.
  running.stop();
  EXPECT_EQ(wire.reply_to(read).error.value().code, ErrorCode::shutting_down);
  files->fail_log_sync();
  running.app().writer().resume();
  EXPECT_EQ(wire.reply_to(sent).error.value().code, ErrorCode::outcome_unknown);
  EXPECT_FALSE(wire.receive());
  const Status served = running.wait();
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code, ErrorCode::outcome_unknown);
}

TEST(Restart, KeepsEverythingAcknowledged) {
  RunningDaemon running;
  Map inserted;
  {
    Wire wire = connect_to_shop(running);
    const Map creation{{"$create", Map{{"file", Binary{"picture"}}, {"name", "p"}}}};
    inserted = wire.result(
        "insertOne", {"products", Map{{"name", "chair"}, {"sku", "c1"}, {"gallery", creation}}});
  }
  running.restart();
  Wire wire = running.connect();
  const Map found = wire.result(
      "findOne", {"products", Map{{"where", Map{{"sku", "c1"}}}, {"with", List{"gallery"}}}});
  const Map& data = map_at(found, "data");
  EXPECT_EQ(text_at(data, "name"), "chair");
  EXPECT_EQ(list_at(data, "gallery").size(), 1u);
  EXPECT_EQ(integer_at(map_at(found, "meta"), "sequence"), integer_at(inserted, "sequence"));
}

TEST(Uploads, GoOnAfterARestartAndOverAnotherConnection) {
  RunningDaemon running;
  const std::string content(200'000, 'u');
  std::string token;
  {
    Wire wire = connect_to_shop(running);
    token = text_at(wire.result("blob.begin", {Map{{"size", content.size()}}}), "token");
    wire.result("blob.write", {token, 0, Binary{content.substr(0, 70'000)}});
  }
  running.restart();
  Wire second = running.connect();
  const std::int64_t reached =
      integer_at(second.result("blob.write", {token, 0, Binary{}}), "offset");
  EXPECT_EQ(reached, 70'000);
  second.result("blob.write", {token, reached, Binary{content.substr(70'000)}});
  Wire third = running.connect();
  const Map committed = third.result("blob.commit", {token});
  EXPECT_EQ(integer_at(committed, "size"), 200'000);
  EXPECT_EQ(third.result("blob.commit", {token}), committed);
  const Map uploaded =
      third.result("media.upload", {Map{{"blob", text_at(committed, "blob")}}, Map{{"name", "u"}}});
  EXPECT_EQ(integer_at(uploaded, "id"), 1);
}

// The reply to blob.commit may be lost: with the connection, or with the daemon.
TEST(Uploads, AnswerARetriedCommitTheSameOverConnectionsAndRestarts) {
  RunningDaemon running;
  for (const std::size_t size : {std::size_t{9}, std::size_t{200'000}}) {
    std::string token;
    Map first;
    {
      Wire wire = connect_to_shop(running);
      token = text_at(wire.result("blob.begin", {Map{}}), "token");
      wire.result("blob.write", {token, 0, Binary{std::string(size, 'r')}});
      first = wire.result("blob.commit", {token});
    }
    EXPECT_FALSE(truth_at(first, "existed"));
    EXPECT_EQ(running.connect().result("blob.commit", {token}), first);
    running.restart();
    EXPECT_EQ(running.connect().result("blob.commit", {token}), first);
    EXPECT_EQ(running.connect().refusal("blob.write", {token, size, Binary{"more"}}),
              ErrorCode::upload_not_found);
  }
}

// The first commit waits in the writer, its connection is lost, and the retry comes meanwhile.
TEST(Uploads, AnswerACommitThatIsRetriedBeforeItIsDone) {
  RunningDaemon running;
  Wire second = connect_to_shop(running);
  std::string token;
  {
    Wire first = running.connect();
    token = text_at(first.result("blob.begin", {Map{}}), "token");
    first.result("blob.write", {token, 0, Binary{"bytes"}});
    running.app().writer().pause();
    first.send("blob.commit", {token});
    running.app().writer().wait_until_waiting(1);
  }
  const std::uint32_t retry = second.send("blob.commit", {token});
  running.app().writer().wait_until_waiting(2);
  running.app().writer().resume();
  const protocol::Reply reply = second.reply_to(retry);
  ASSERT_FALSE(reply.error);
  EXPECT_FALSE(truth_at(*reply.result.if_map(), "existed"));
  EXPECT_EQ(second.result("blob.commit", {token}), *reply.result.if_map());
}

TEST(Leases, AreRemovedOnceTheyAreOver) {
  RunningDaemon running([](Config& config) {
    config.lease = std::chrono::microseconds(1);
    config.key_expiry_interval = std::chrono::milliseconds(5);
  });
  Wire wire = connect_to_shop(running);
  const std::string token = text_at(wire.result("blob.begin", {Map{}}), "token");
  wire.result("blob.write", {token, 0, Binary{"bytes"}});
  const Map committed = wire.result("blob.commit", {token});
  const auto leases = [&] {
    std::size_t rows = 0;
    EXPECT_TRUE(running.app().store().view()->reader->scan(
        store::Family::leases, {}, [&](std::string_view, std::string_view) { return ++rows; }));
    return rows;
  };
  await_status(wire, [&](const Map&) { return leases() == 0; });
  EXPECT_EQ(wire.refusal("blob.commit", {token}), ErrorCode::upload_not_found);
  EXPECT_EQ(wire.refusal("media.upload", {Map{{"blob", text_at(committed, "blob")}}, Map{}}),
            ErrorCode::blob_not_found);
}

TEST(Indexes, AreFilledWhileWritesGoOn) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  constexpr int kBefore = 2'000;
  for (int index = 0; index < kBefore; ++index) {
    wire.send("insertOne", {"products", Map{{"name", "n" + std::to_string(index % 50)}}});
  }
  wire.order_of_replies(kBefore);
  Map wider = shop();
  wider.find("indices")->if_map()->set("idx_products_name",
                                       Map{{"entity", "products"}, {"fields", List{"name"}}});
  wire.result("schema.apply", {wider});
  constexpr int kMeanwhile = 300;
  for (int index = 0; index < kMeanwhile; ++index) {
    wire.send("insertOne", {"products", Map{{"name", "n" + std::to_string(index % 50)}}});
  }
  wire.order_of_replies(kMeanwhile);
  await_status(wire, [](const Map& status) {
    const List& indexes = list_at(status, "indexes");
    return indexes.size() == 2 && text_at(*indexes.back().if_map(), "state") == "ready";
  });
  EXPECT_EQ(
      integer_at(wire.result("count", {"products", Map{{"where", Map{{"name", "n7"}}}}}), "count"),
      (kBefore + kMeanwhile) / 50);
  expect_verified(wire);
}

TEST(Indexes, AreUsedOnceTheRecordsThatStoodAgainstThemAreMended) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  for (int i = 0; i < 2; ++i) wire.result("insertOne", {"products", Map{{"name", "chair"}}});
  Map wider = shop();
  wider.find("indices")->if_map()->set(
      "names", Map{{"entity", "products"}, {"fields", List{"name"}}, {"unique", true}});
  wire.result("schema.apply", {wider});
  const auto await_state = [&](const std::string& state) {
    await_status(wire, [&](const Map& status) {
      const List& indexes = list_at(status, "indexes");
      return indexes.size() == 2 && text_at(*indexes.back().if_map(), "state") == state;
    });
  };
  await_state("not_unique");
  EXPECT_EQ(wire.refusal("insertOne", {"products", Map{{"name", "chair"}}}), ErrorCode::not_unique);
  wire.result("updateOne", {"products", 2, Map{{"name", "table"}}});
  await_state("ready");
  expect_verified(wire);
}

TEST(RequestKeys, AreForgottenAfterTheirWindow) {
  RunningDaemon running([](Config& config) {
    config.key_window = std::chrono::microseconds(0);
    config.key_expiry_interval = std::chrono::milliseconds(5);
  });
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "chair"}}, Map{{"key", "k"}}});
  // Expiry is a commit of its own; a read can wait for it.
  wire.result("count", {"products", Map{{"after", 3}}});
  EXPECT_FALSE(
      truth_at(wire.result("insertOne", {"products", Map{{"name", "chair"}}, Map{{"key", "k"}}}),
               "replayed"));
  const Map log = wire.result("log.read", {Map{{"from", 3}, {"limit", 1}}});
  const Map& commit = *list_at(log, "commits").front().if_map();
  EXPECT_EQ(text_at(*list_at(commit, "events").front().if_map(), "kind"), "keys_expired");
}

TEST(Dump, PrintsEveryRowOfAStoppedDaemon) {
  RunningDaemon running;
  {
    Wire wire = connect_to_shop(running);
    wire.result("media.upload", {Binary{"bytes"}, Map{{"name", "m"}}});
  }
  running.stop();
  ASSERT_TRUE(running.wait());
  Config config = running.config();
  daemon::Log log(daemon::LogLevel::off);
  std::FILE* out = std::tmpfile();
  // The daemon object still holds the lock.
  const Status refused = daemon::dump(config, "all", out, log);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::locked);
  std::fclose(out);
  const Status unknown = daemon::dump(config, "recods", stdout, log);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().hint, "did you mean \"records\"?");
  config.data = running.folder() / "nothing";
  EXPECT_EQ(daemon::dump(config, "all", stdout, log).error().code, ErrorCode::invalid_request);
  EXPECT_FALSE(std::filesystem::exists(config.data));
}

TEST(Dump, GivesTheLogAndTheBytesToo) {
  const TemporaryFolder folder;
  const Config config = small_config(folder.path());
  {
    auto app = App::open(config);
    ASSERT_TRUE(app);
    auto served = std::async(std::launch::async, [&] { return (*app)->run(); });
    {
      Wire wire(config.socket.path);
      wire.result("media.upload", {Binary{"bytes"}, Map{{"name", "m"}}});
    }
    (*app)->stop();
    ASSERT_TRUE(served.get());
  }
  daemon::Log log(daemon::LogLevel::off);
  const std::filesystem::path file = folder.path() / "dump";
  std::FILE* out = std::fopen(file.c_str(), "w");
  const Status dumped = daemon::dump(config, "all", out, log);
  std::fclose(out);
  ASSERT_TRUE(dumped) << to_string(dumped.error());
  std::ifstream rows(file);
  const std::string text{std::istreambuf_iterator<char>(rows), {}};
  EXPECT_NE(text.find("log\t0000000000000001\t"), std::string::npos);
  EXPECT_NE(text.find("\t" + to_hex("bytes") + "\n"), std::string::npos);
  EXPECT_NE(text.find("records\t"), std::string::npos);
}

}  // namespace
}  // namespace emstore::testing
