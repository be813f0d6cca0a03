// Every method once over a real socket, as a client would use it.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "store/event_bytes.h"
#include "store/verify.h"
#include "wire.h"

namespace emstore::testing {
namespace {

std::string bytes_of_size(std::size_t size) {
  std::string bytes;
  bytes.reserve(size);
  for (std::size_t index = 0; index < size; ++index) {
    bytes.push_back(static_cast<char>((index * 2654435761u) >> 13));
  }
  return bytes;
}

// Uploads in pieces; what blob.commit answers.
Map upload(Wire& wire, const std::string& content, std::size_t piece) {
  const Map begun = wire.result("blob.begin", {Map{{"size", content.size()}}});
  const std::string token = text_at(begun, "token");
  for (std::size_t offset = 0; offset < content.size(); offset += piece) {
    wire.send("blob.write", {token, offset, Binary{content.substr(offset, piece)}});
  }
  return wire.result("blob.commit", {token});
}

std::string read_whole(Wire& wire, const std::string& address) {
  std::string content;
  while (true) {
    const Map part = wire.result("blob.read", {address, content.size(), 1 << 20});
    content.append(part.find("bytes")->if_binary()->data);
    if (content.size() >= static_cast<std::size_t>(integer_at(part, "size"))) return content;
  }
}

TEST(Methods, HelloSaysWhoIsThereAndWhoAsks) {
  RunningDaemon running;
  Wire wire = running.connect();
  const Map hello = wire.result("hello", {Map{{"protocol", 1}, {"client", "test"}}});
  EXPECT_EQ(integer_at(hello, "protocol"), 1);
  EXPECT_EQ(integer_at(map_at(hello, "peer"), "pid"), ::getpid());
  EXPECT_EQ(integer_at(map_at(hello, "peer"), "uid"), ::getuid());
  EXPECT_EQ(integer_at(map_at(hello, "limits"), "request"), 8 << 20);
  EXPECT_EQ(text_at(hello, "store_id").size(), 32u);
  EXPECT_EQ(wire.refusal("hello", {Map{{"protocol", 2}}}), ErrorCode::unsupported);
  wire.result("hello", {Map{{"want", List{"descriptors", "pushes"}}}});
  EXPECT_EQ(wire.refusal("hello", {Map{{"want", List{"pushes", "fd"}}}}), ErrorCode::unsupported);
  EXPECT_EQ(wire.refusal("hello", {Map{{"want", List{1}}}}), ErrorCode::wrong_type);
}

TEST(Methods, ARefusalDoesNotRepeatAllThatWasWrong) {
  RunningDaemon running;
  Wire wire = running.connect();
  const List large(10'000);
  for (const auto& [method, params] :
       {std::pair{"hello", List{Map{{"want", List{large}}}}},
        std::pair{"log.read", List{Map{{"operators", List{large}}}}},
        std::pair{"subscribe", List{Map{{"operators", List{large}}}}}}) {
    const auto reply = wire.call(method, params);
    ASSERT_TRUE(reply.error) << method;
    EXPECT_EQ(reply.error->code, ErrorCode::wrong_type) << method;
    EXPECT_LT(reply.error->message.size(), 100u) << method;
  }
}

TEST(Methods, AreAllDescribed) {
  RunningDaemon running;
  Wire wire = running.connect();
  const Map described = wire.result("describe");
  std::set<std::string> names;
  for (const Value& method : list_at(described, "methods")) {
    names.insert(text_at(*method.if_map(), "name"));
  }
  EXPECT_EQ(names.size(), protocol::methods().size());
  EXPECT_TRUE(names.contains("blob.write"));
  EXPECT_EQ(list_at(wire.result("describe", {"ping"}), "methods").size(), 1u);
  EXPECT_EQ(wire.refusal("describe", {"pin"}), ErrorCode::unknown_method);
}

TEST(Methods, StatusShowsWhatIsThere) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map status = wire.result("status");
  EXPECT_EQ(integer_at(status, "pid"), ::getpid());
  EXPECT_EQ(integer_at(status, "connections"), 1);
  EXPECT_EQ(integer_at(status, "sequence"), 1);
  EXPECT_EQ(text_at(status, "data"), running.config().data.string());
  EXPECT_EQ(list_at(status, "indexes").size(), 1u);
  EXPECT_EQ(integer_at(map_at(status, "limits"), "mutations"), 10'000);
  EXPECT_TRUE(map_at(status, "families").contains("backlinks"));
}

TEST(Methods, SchemaIsAppliedOnceAndShown) {
  RunningDaemon running;
  Wire wire = running.connect();
  const Map applied = wire.result("schema.apply", {shop()});
  EXPECT_TRUE(truth_at(applied, "changed"));
  EXPECT_EQ(integer_at(applied, "version"), 1);
  EXPECT_FALSE(truth_at(wire.result("schema.apply", {shop()}), "changed"));
  const Map shown = wire.result("schema.get");
  EXPECT_TRUE(map_at(map_at(shown, "schema"), "entities").contains("products"));
  EXPECT_EQ(text_at(*list_at(shown, "indexes").front().if_map(), "state"), "ready");
}

TEST(Methods, RecordsAreWrittenAndRead) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map inserted =
      wire.result("insertOne", {"products", Map{{"name", "chair"}, {"sku", "c1"}}});
  EXPECT_EQ(integer_at(inserted, "id"), 1);
  EXPECT_EQ(integer_at(inserted, "sequence"), 2);
  EXPECT_EQ(text_at(map_at(inserted, "data"), "name"), "chair");
  const Map updated =
      wire.result("updateOne", {"products", 1, Map{{"color", "red"}}, Map{{"expected", 2}}});
  EXPECT_EQ(integer_at(updated, "version"), 3);
  EXPECT_EQ(
      wire.refusal("updateOne", {"products", 1, Map{{"color", "blue"}}, Map{{"expected", 2}}}),
      ErrorCode::version_mismatch);

  const Map by_id = wire.result("findId", {"products", 1});
  EXPECT_EQ(text_at(map_at(by_id, "data"), "color"), "red");
  EXPECT_EQ(integer_at(map_at(by_id, "meta"), "version"), 3);
  const Map by_sku = wire.result("findOne", {"products", Map{{"where", Map{{"sku", "c1"}}}}});
  EXPECT_EQ(integer_at(map_at(by_sku, "data"), "id"), 1);
  EXPECT_TRUE(wire.result("findId", {"products", 2}).find("data")->is_null());
  // No index has the color: this one is a scan, on another thread.
  const Map many =
      wire.result("findMany", {"products", Map{{"where", Map{{"color", "red"}}}, {"count", true}}});
  EXPECT_EQ(list_at(many, "data").size(), 1u);
  EXPECT_EQ(integer_at(map_at(many, "meta"), "count"), 1);
  EXPECT_FALSE(truth_at(map_at(many, "meta"), "hasMore"));
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), 1);

  EXPECT_EQ(integer_at(wire.result("deleteOne", {"products", 1}), "sequence"), 4);
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), 0);
}

TEST(Methods, AReadThatNeedsManyRowsIsFinishedElsewhere) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  constexpr int kRecords = 2'500;  // More than the reactor looks at by itself.
  for (int index = 0; index < kRecords; ++index) {
    wire.send("insertOne", {"products", Map{{"name", "chair"}}});
  }
  wire.order_of_replies(kRecords);
  const Map all = wire.result("findMany", {"products", Map{{"select", List{"name"}}}});
  EXPECT_EQ(list_at(all, "data").size(), static_cast<std::size_t>(kRecords));
  EXPECT_EQ(integer_at(wire.result("count", {"products"}), "count"), kRecords);
}

TEST(Methods, FindIdTakesNoConditions) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  EXPECT_EQ(wire.refusal("findId", {"products", 1, Map{{"where", Map{{"sku", "x"}}}}}),
            ErrorCode::unknown_option);
}

TEST(Methods, AReadTellsAllThatIsWrongWithIt) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  constexpr const char* kUuid = "01935a2e-7b10-7d3c-8a41-0f6d1f2b9c55";
  const protocol::Reply reply =
      wire.call("findId", {"products", kUuid, Map{{"select", List{"nme"}}, {"with", "galery"}}});
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->code, ErrorCode::wrong_type);
  EXPECT_EQ(reply.error->path, "id");
  std::vector<std::string> paths;
  for (const Error& violation : reply.error->violations) paths.push_back(violation.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"id", "select[0]", "with"}));
}

TEST(Methods, SmallFilesComeWithTheRequest) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map file{{"file", Binary{"%PDF-1.4\n"}}, {"name", "a.pdf"}};
  const Map inserted = wire.result(
      "insertOne",
      {"products", Map{{"name", "chair"}, {"gallery", Map{{"$create", List{file, file}}}}}});
  const Map& changes = map_at(map_at(inserted, "changes"), "gallery");
  EXPECT_EQ(list_at(changes, "added").size(), 2u);
  const Map uploaded = wire.result("media.upload", {Binary{"hello\n"}, Map{{"name", "h.txt"}}});
  const Map& data = map_at(uploaded, "data");
  EXPECT_EQ(text_at(data, "mime_type"), "text/plain");
  EXPECT_EQ(read_whole(wire, text_at(data, "blob")), "hello\n");
  EXPECT_EQ(wire.refusal("media.upload", {"text", Map{}}), ErrorCode::wrong_type);
}

TEST(Methods, LargeFilesComeInPieces) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string content = bytes_of_size(300'000);
  const Map committed = upload(wire, content, 100'000);
  EXPECT_EQ(integer_at(committed, "size"), 300'000);
  EXPECT_FALSE(truth_at(committed, "existed"));
  const std::string address = text_at(committed, "blob");
  EXPECT_EQ(read_whole(wire, address), content);
  EXPECT_TRUE(truth_at(upload(wire, content, 65'536), "existed"));
  const Map uploaded = wire.result("media.upload", {Map{{"blob", address}}, Map{{"name", "big"}}});
  EXPECT_EQ(text_at(map_at(uploaded, "data"), "blob"), address);
}

TEST(Methods, SmallUploadsAreReadBackBeforeAnyRecordNamesThem) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const Map committed = upload(wire, "tiny", 2);
  EXPECT_EQ(read_whole(wire, text_at(committed, "blob")), "tiny");
  const Map part = wire.result("blob.read", {text_at(committed, "blob"), 1, 2});
  EXPECT_EQ(part.find("bytes")->if_binary()->data, "in");
  EXPECT_EQ(
      wire.result("blob.read", {text_at(committed, "blob"), 9, 2}).find("bytes")->if_binary()->data,
      "");
}

TEST(Methods, ReadsOfBytesAreCheckedFirst) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string nowhere = "xxh3-128:00112233445566778899aabbccddeeff";
  EXPECT_EQ(wire.refusal("blob.read", {nowhere, 0, 10}), ErrorCode::blob_not_found);
  EXPECT_EQ(wire.refusal("blob.read", {nowhere + ".128", 0, 10}), ErrorCode::blob_not_found);
  EXPECT_EQ(wire.refusal("blob.read", {"../../etc/passwd", 0, 10}), ErrorCode::invalid_request);
  EXPECT_EQ(wire.refusal("blob.read", {nowhere, 0, (1 << 20) + 1}), ErrorCode::out_of_range);
  EXPECT_EQ(wire.refusal("blob.write", {"00", 0, Binary{"x"}}), ErrorCode::upload_not_found);
  EXPECT_EQ(wire.refusal("blob.write", {"00", 0, Binary{std::string((1 << 20) + 1, 'x')}}),
            ErrorCode::message_too_large);
}

TEST(Methods, TheLogIsReadBackAsItIsStored) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "chair"}}, Map{{"reason", "test"}}});
  const Map first = wire.result("log.read", {Map{{"from", 1}, {"limit", 1}}});
  ASSERT_EQ(list_at(first, "commits").size(), 1u);
  EXPECT_EQ(integer_at(first, "next"), 2);
  const Map second = wire.result("log.read", {Map{{"from", 2}}});
  ASSERT_EQ(list_at(second, "commits").size(), 1u);
  const Map& commit = *list_at(second, "commits").front().if_map();
  EXPECT_EQ(integer_at(commit, "sequence"), 2);
  EXPECT_EQ(integer_at(map_at(commit, "peer"), "pid"), ::getpid());
  EXPECT_EQ(list_at(commit, "events").size(), 2u);  // The request with its reason, and the record.
  const auto row = running.app().store().view()->reader->get(store::Family::log, store::log_key(2));
  ASSERT_TRUE(row && *row);
  EXPECT_EQ(commit.find("bytes")->if_binary()->data, **row);
  EXPECT_EQ(integer_at(wire.result("log.read", {Map{{"from", 3}}}), "next"), 3);
  EXPECT_EQ(wire.refusal("log.read", {Map{{"limit", 0}}}), ErrorCode::out_of_range);
}

TEST(Methods, VerifyIsAJobThatCanBeWatched) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "chair"}, {"sku", "c1"}}});
  const std::string id = text_at(wire.result("verify"), "job");
  Map job;
  do {
    job = wire.result("job.get", {id});
  } while (text_at(job, "state") == "waiting" || text_at(job, "state") == "running");
  EXPECT_EQ(text_at(job, "state"), "done");
  EXPECT_TRUE(truth_at(map_at(job, "result"), "equal"));
  EXPECT_EQ(text_at(wire.result("job.cancel", {id}), "state"), "done");
  EXPECT_EQ(wire.refusal("job.get", {"verify-0"}), ErrorCode::job_not_found);
}

TEST(Methods, AReadWaitsForTheCommitItNames) {
  RunningDaemon running;
  Wire writer = connect_to_shop(running);
  Wire reader = running.connect();
  const std::uint32_t read = reader.send("findId", {"products", 1, Map{{"after", 2}}});
  reader.result("ping");  // The read has been taken by now, and waits.
  writer.result("insertOne", {"products", Map{{"name", "chair"}}});
  const protocol::Reply reply = reader.reply_to(read);
  ASSERT_FALSE(reply.error);
  EXPECT_EQ(text_at(map_at(*reply.result.if_map(), "data"), "name"), "chair");
}

TEST(Methods, AReadDoesNotWaitForever) {
  RunningDaemon running(
      [](daemon::Config& config) { config.after_deadline = std::chrono::milliseconds(20); });
  Wire wire = connect_to_shop(running);
  EXPECT_EQ(wire.refusal("findMany", {"products", Map{{"after", 99}}}), ErrorCode::timed_out);
}

// A connection may have as many places as it leaves free.
TEST(Methods, ReadsThatWaitLeavePlacesForOtherConnections) {
  RunningDaemon running([](daemon::Config& config) { config.pool_waiting_max = 8; });
  Wire greedy = connect_to_shop(running);
  const List wait{"products", 1, Map{{"after", 2}}};
  std::vector<std::uint32_t> waiting;
  for (int index = 0; index < 4; ++index) waiting.push_back(greedy.send("findId", wait));
  EXPECT_EQ(greedy.refusal("findId", wait), ErrorCode::busy);
  Wire modest = running.connect();
  modest.send("findId", wait);
  modest.send("findId", wait);
  EXPECT_EQ(modest.refusal("findId", wait), ErrorCode::busy);
  Wire late = running.connect();
  late.send("findId", wait);
  EXPECT_EQ(late.refusal("findId", wait), ErrorCode::busy);
  Wire last = running.connect();
  last.send("findId", wait);
  EXPECT_EQ(running.connect().refusal("findId", wait), ErrorCode::busy);
  // What has its answer leaves its place.
  modest.result("insertOne", {"products", Map{{"name", "chair"}}});
  for (const std::uint32_t id : waiting) EXPECT_FALSE(greedy.reply_to(id).error);
  const List more{"products", 1, Map{{"after", 99}}};
  for (int index = 0; index < 4; ++index) greedy.send("findId", more);
  EXPECT_EQ(greedy.refusal("findId", more), ErrorCode::busy);
}

TEST(Methods, AResultOverTheBoundIsRefusedWhole) {
  RunningDaemon running([](daemon::Config& config) { config.query.items_max = 3; });
  Wire wire = connect_to_shop(running);
  for (int index = 0; index < 4; ++index) {
    wire.result("insertOne", {"products", Map{{"name", "chair"}}});
  }
  EXPECT_EQ(wire.refusal("findMany", {"products", Map{}}), ErrorCode::result_too_large);
  EXPECT_EQ(wire.refusal("findMany", {"products", Map{{"limit", 4}}}), ErrorCode::result_too_large);
  EXPECT_EQ(list_at(wire.result("findMany", {"products", Map{{"limit", 3}}}), "data").size(), 3u);
}

TEST(Methods, ARefusedCommandLeavesNoTrace) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  wire.result("insertOne", {"products", Map{{"name", "chair"}, {"sku", "c1"}}});
  const auto before = store::state_digest(*running.app().store().view());
  ASSERT_TRUE(before);
  const Map creation{{"$create", Map{{"file", Binary{"x"}}}}};
  EXPECT_EQ(wire.refusal("insertOne", {"products", Map{{"name", "table"}, {"sku", "c1"}}}),
            ErrorCode::not_unique);
  EXPECT_EQ(wire.refusal("insertOne", {"products", Map{{"gallery", creation}}}),
            ErrorCode::required);
  EXPECT_EQ(wire.refusal("insertOne", {"products", Map{{"name", 7}}}), ErrorCode::wrong_type);
  EXPECT_EQ(
      wire.refusal("updateOne", {"products", 1, Map{{"gallery", Map{{"$attach", List{99}}}}}}),
      ErrorCode::media_not_found);
  EXPECT_EQ(
      wire.refusal("updateOne", {"products", 1, Map{{"thumbnail", Map{{"$attach", List{1}}}}}}),
      ErrorCode::wrong_operation);
  EXPECT_EQ(wire.refusal("deleteOne", {"products", 9}), ErrorCode::record_not_found);
  EXPECT_EQ(wire.refusal("insertOne", {"product", Map{}}), ErrorCode::unknown_entity);
  const auto after = store::state_digest(*running.app().store().view());
  ASSERT_TRUE(after);
  EXPECT_EQ(*before, *after);
  EXPECT_EQ(integer_at(wire.result("ping"), "sequence"), 2);
}

}  // namespace
}  // namespace emstore::testing
