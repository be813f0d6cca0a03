// The store taken elsewhere: by an export, by a replay, by a backup. It is the same, or it is
// refused.
#include <gtest/gtest.h>

#include <emstore/client.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "base/pack.h"
#include "daemon/opening.h"
#include "elsewhere.h"
#include "store/event_bytes.h"
#include "stores.h"

namespace emstore::testing {
namespace {

namespace fs = std::filesystem;

// Where each record of a stream lies.
struct Record {
  std::string name;
  std::size_t begin = 0, end = 0;
};
std::vector<Record> records_of(std::string_view stream) {
  std::vector<Record> records;
  pack::Cursor cursor(stream);
  while (!cursor.at_end()) {
    Record record{"", cursor.offset(), 0};
    const std::string_view bytes = cursor.raw().value();
    pack::Cursor inside(bytes);
    static_cast<void>(inside.begin_list());
    record.name = inside.text().value();
    record.end = cursor.offset();
    records.push_back(record);
  }
  return records;
}

TEST(Export, IsTheSameStoreElsewhere) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 150);  // More commits than a mark is apart.
  const std::string stream = exported(running);
  Elsewhere elsewhere;
  const auto report = elsewhere.take(stream);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_TRUE(report->is_compared);
  EXPECT_EQ(elsewhere.proof(), proof_of(wire));
  EXPECT_EQ(elsewhere.media().size(), 2u);
  for (const auto& [name, digest] : elsewhere.media()) {
    EXPECT_TRUE(digest == sha256(std::string(kLargeBytes, 'a')) ||
                digest == sha256(std::string(kLargeBytes, 'b')));
  }
  // Served, it answers, goes on, and is exported as the same.
  RunningDaemon second([&](daemon::Config& config) {
    const fs::path socket = config.socket.path;
    config = elsewhere.config();
    config.socket.path = socket;
  });
  Wire other = second.connect();
  EXPECT_EQ(text_at(other.result("status"), "store_id"),
            text_at(wire.result("status"), "store_id"));
  EXPECT_EQ(exported(second), stream);
  const Map added = other.result("insertOne", {"products", Map{{"name", "new"}}});
  EXPECT_GT(integer_at(added, "sequence"), static_cast<std::int64_t>(report->sequence));
  EXPECT_TRUE(truth_at(job(other, "audit"), "whole"));
}

TEST(Export, UpToACommitIsTheStoreAsItWasThen) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 30);
  const Proof then = proof_of(wire);
  fill_shop(wire, 30);
  Elsewhere elsewhere;
  const auto until = static_cast<std::uint64_t>(then.sequence);
  const auto report = elsewhere.take(exported(running, until));
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_FALSE(report->is_compared);
  EXPECT_EQ(elsewhere.proof(), then);
  Options options;
  options.socket = running.config().socket.path;
  std::optional<Error> error;
  Client client(options);
  client.export_store([](std::string_view) {}, 1'000'000, error);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::out_of_range);
}

TEST(Export, UpToACommitSaysHowManyContentsWereCollectedSince) {
  RunningDaemon running([](daemon::Config& config) { config.lease = std::chrono::seconds(1); });
  Wire wire = connect_to_shop(running);
  store_media(wire, std::string(kLargeBytes, 'a'));
  const Proof then = proof_of(wire);
  // Once its lease is over.
  while (integer_at(job(wire, "gc", {Map{{"grace", 0}}}), "blobs") == 0) {
  }
  Elsewhere before;
  const auto until = static_cast<std::uint64_t>(then.sequence);
  const auto report = before.take(exported(running, until));
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_EQ(report->collected, 1u);
  EXPECT_TRUE(report->damaged.empty());
  Elsewhere now;
  const auto whole = now.take(exported(running));
  ASSERT_TRUE(whole) << to_string(whole.error());
  EXPECT_EQ(whole->collected, 0u);  // As that store knows.
}

TEST(Export, IsRefusedWhereItWasAltered) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 4);
  const std::string stream = exported(running);
  std::size_t commit = 0;
  std::size_t tried = 0;
  for (const Record& record : records_of(stream)) {
    if (record.name == "commit") ++commit;
    const bool is_chosen = record.name != "commit" || commit % 5 == 0;
    if (!is_chosen) continue;
    ++tried;
    std::string altered = stream;
    const std::size_t at = record.begin + (record.end - record.begin) * 2 / 3;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    Elsewhere elsewhere;
    const auto report = elsewhere.take(altered);
    ASSERT_FALSE(report) << record.name << " at " << at;
    if (record.name != "commit") continue;
    const std::string place = "commit " + std::to_string(commit) + ":";
    EXPECT_NE(report.error().message.find(place), std::string::npos) << to_string(report.error());
  }
  EXPECT_GT(tried, 12u);
  Elsewhere elsewhere;
  EXPECT_TRUE(elsewhere.take(stream));  // The control.
}

// Neither leaf nor root says so: they are of headers, and the state of an event is none of it.
TEST(Export, IsRefusedWhereACommitSaysThatItWasErased) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string stream = exported(running);
  std::size_t commit = 0;
  for (const Record& record : records_of(stream)) {
    if (record.name != "commit") continue;
    pack::Cursor inside(std::string_view(stream).substr(record.begin, record.end - record.begin));
    static_cast<void>(inside.begin_list());
    static_cast<void>(inside.text());
    const std::string_view bytes = inside.binary().value();
    const std::size_t header = store::decode_header(bytes)->bytes.size();
    std::string altered = stream;
    altered[static_cast<std::size_t>(bytes.data() - stream.data()) + header] = 1;
    Elsewhere elsewhere;
    const auto report = elsewhere.take(altered);
    ASSERT_FALSE(report);
    const std::string said = "event " + std::to_string(++commit) + ".0 says that it was erased";
    EXPECT_NE(report.error().message.find(said), std::string::npos) << to_string(report.error());
  }
  EXPECT_GT(commit, 0u);
}

TEST(Export, IsRefusedWhereItSaysAnotherSizeOfASmallContent) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  const std::string small = "some small bytes";
  store_media(wire, small);
  std::string stream = exported(running);
  for (const Record& record : records_of(stream)) {
    if (record.name != "blob") continue;
    char& size = stream[record.end - 2 - sizeof(Sha256) - 1];
    ASSERT_EQ(static_cast<std::size_t>(size), small.size());
    --size;
  }
  Elsewhere elsewhere;
  const auto report = elsewhere.take(stream);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::corrupt_blob);
}

TEST(Export, IsRefusedWhenCommitsWereDroppedOrChangedPlaces) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 5);
  const std::string stream = exported(running);
  const auto records = records_of(stream);
  const std::string third = stream.substr(records[3].begin, records[3].end - records[3].begin);
  const std::string fourth = stream.substr(records[4].begin, records[4].end - records[4].begin);
  const std::string head = stream.substr(0, records[3].begin);
  const std::string tail = stream.substr(records[4].end);
  for (const std::string& altered :
       {head + fourth + tail, head + fourth + third + tail, head + third + third + fourth + tail,
        head, stream.substr(0, records.back().begin), stream + third, std::string()}) {
    Elsewhere elsewhere;
    EXPECT_FALSE(elsewhere.take(altered));
  }
  Elsewhere elsewhere;
  EXPECT_TRUE(elsewhere.take(head + third + fourth + tail));
  EXPECT_EQ(elsewhere.take(stream).error().code, ErrorCode::invalid_request);  // Not empty.
}

// Wherever it is, up to the last byte of the first record: the stream is damaged, and no request is
// wrong.
TEST(Export, IsCorruptWithAnyBitOfItsFrameAltered) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  store_media(wire, std::string(70'000, 'a'));
  wire.result("insertOne", {"products", Map{{"name", "one"}}});
  const std::string stream = exported(running);
  constexpr std::size_t kOfEach = 49;  // Names, lengths, addresses and sizes.
  constexpr std::size_t kStep = 12;
  std::size_t tried = 0;
  std::set<std::string> kinds;
  for (const Record& record : records_of(stream)) {
    if (!kinds.insert(record.name).second) continue;
    const std::size_t last = std::min(record.end, record.begin + kOfEach) - 1;
    for (std::size_t at = record.begin; at <= last;
         at = at == last ? at + 1 : std::min(at + kStep, last)) {
      std::string altered = stream;
      altered[at] = static_cast<char>(altered[at] ^ 1 << tried++ % 8);
      Elsewhere elsewhere;
      const auto report = elsewhere.take(altered);
      ASSERT_FALSE(report) << record.name << " at " << at - record.begin;
      EXPECT_EQ(class_of(report.error().code), ErrorClass::corruption)
          << record.name << " at " << at - record.begin << ": " << to_string(report.error());
    }
  }
  EXPECT_GT(tried, 25u);
}

TEST(Export, IsToldFromOtherFiles) {
  for (const char* text :
       {"root:x:0:0:root:/root:/bin/bash\n", "{\"entities\": {}}", "\xc1", "\x93\x01\x02\x03"}) {
    Elsewhere elsewhere;
    const auto report = elsewhere.take(text);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::corrupt_log);
    EXPECT_EQ(report.error().message, "the export does not begin like one") << text;
  }
}

TEST(Export, LeavesNoStoreWhenItIsCutOff) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 5);
  const std::string stream = exported(running);
  Elsewhere elsewhere;
  ASSERT_FALSE(elsewhere.take(stream.substr(0, stream.size() / 2)));
  EXPECT_THROW(static_cast<void>(elsewhere.proof()), std::runtime_error);
  const auto opened = daemon::App::open(elsewhere.config());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_request);
  EXPECT_NE(opened.error().message.find("import that was not completed"), std::string::npos)
      << to_string(opened.error());
  EXPECT_NE(opened.error().hint.find("remove the directory"), std::string::npos);
}

TEST(Export, ThereIsABoundedNumberOfThem) {
  RunningDaemon running([](daemon::Config& config) { config.exports_max = 2; });
  Wire wire = connect_to_shop(running);
  const std::int64_t first = integer_at(wire.result("export.open"), "export");
  Wire other = running.connect();
  other.result("export.open");
  EXPECT_EQ(wire.refusal("export.open"), ErrorCode::busy);
  EXPECT_EQ(other.refusal("export.read", {first}), ErrorCode::job_not_found);
  while (!truth_at(wire.result("export.read", {first}), "done")) {
  }
  EXPECT_EQ(wire.refusal("export.read", {first}), ErrorCode::job_not_found);
  wire.result("export.open");
}

}  // namespace
}  // namespace emstore::testing
