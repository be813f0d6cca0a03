// An audit of a whole store: one byte flipped in every kind of file is found, or harmless.
#include "daemon/audit.h"

#include <gtest/gtest.h>

#include <map>

#include "daemon/opening.h"
#include "stores.h"

namespace emstore::testing {
namespace {

namespace fs = std::filesystem;

// What an audit of a stopped store says; the error that keeps it from being opened.
Result<Map> audit_of(const daemon::Config& config) {
  daemon::Log log(daemon::LogLevel::off);
  EMSTORE_TRY(const daemon::OpenedStore opened, daemon::open_store(config, log));
  EMSTORE_TRY(const blobs::FileStore files, blobs::FileStore::open(config.media_folder()));
  EMSTORE_TRY(const Value report,
              daemon::audit(*opened.store, files, config.data / "head", {}, {}));
  return *report.if_map();
}

// "sst", "wal", "manifest", …: files of one kind stand for each other.
std::string kind_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(".sst")) return "sst";
  if (name.ends_with(".log")) return "wal";
  for (const char* known : {"MANIFEST", "OPTIONS"}) {
    if (name.starts_with(known)) return known;
  }
  return path.string().find("/media/") == std::string::npos ? name : "media";
}

std::map<std::string, fs::path> largest_of_each_kind(const fs::path& folder) {
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    fs::path& chosen = files[kind_of(entry.path())];
    if (chosen.empty() || fs::file_size(chosen) < entry.file_size()) chosen = entry.path();
  }
  return files;
}

TEST(Audit, FindsNothingInAStoreThatIsWhole) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 20);
  const Map report = job(wire, "audit");
  EXPECT_TRUE(truth_at(report, "whole")) << to_string(Value(report));
  EXPECT_EQ(integer_at(report, "blobs"), 22);
  EXPECT_GT(integer_at(report, "blob_bytes"), static_cast<std::int64_t>(2 * kLargeBytes));
  const Proof proof = proof_of(wire);
  EXPECT_EQ(text_at(report, "root"), proof.root);
  EXPECT_EQ(text_at(report, "state_digest"), proof.state_digest);
  // A noted root is one of this log, or not.
  const std::int64_t at = proof.sequence;
  EXPECT_TRUE(truth_at(job(wire, "audit", {Map{{"at", at}, {"root", proof.root}}}), "whole"));
  EXPECT_FALSE(truth_at(job(wire, "audit", {Map{{"at", at - 1}, {"root", proof.root}}}), "whole"));
  EXPECT_EQ(wire.refusal("audit", {Map{{"root", proof.root}}}), ErrorCode::wrong_type);
  EXPECT_EQ(wire.refusal("audit", {Map{{"slice", 3}, {"slices", 2}}}), ErrorCode::out_of_range);
}

TEST(Audit, ChecksEveryContentInOneOfTheSlices) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 20);
  std::int64_t contents = 0;
  for (int slice = 1; slice <= 3; ++slice) {
    const Map report = job(wire, "audit", {Map{{"slice", slice}, {"slices", 3}}});
    EXPECT_TRUE(truth_at(report, "whole"));
    contents += integer_at(report, "blobs");
  }
  EXPECT_EQ(contents, 22);
}

TEST(Audit, NamesAMediaThatIsDamagedOrGoneWhileTheDaemonServes) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 4);
  const auto files = largest_of_each_kind(running.folder());
  const fs::path media = files.at("media");
  flip(media, 1'000);
  Map report = job(wire, "audit");
  EXPECT_EQ(integer_at(report, "damages"), 1);
  EXPECT_EQ(text_at(*list_at(report, "findings").at(0).if_map(), "place"), media.string());
  fs::remove(media);
  report = job(wire, "audit");
  EXPECT_EQ(integer_at(report, "damages"), 1);
  EXPECT_EQ(text_at(*list_at(report, "findings").at(0).if_map(), "part"), "media");
}

TEST(Audit, FindsAFlippedByteInEveryKindOfFileOrItIsHarmless) {
  TemporaryFolder copies;
  const daemon::Config original = small_config(copies.path() / "original");
  Proof whole;
  {
    // Started twice, so that there are tables and a write-ahead log.
    RunningDaemon running([&](daemon::Config& config) { config.data = original.data; });
    Wire wire = connect_to_shop(running);
    fill_shop(wire, 60);
    running.restart();
    Wire again = running.connect();
    again.result("insertOne", {"products", Map{{"name", "last"}}});
    whole = proof_of(again);
  }
  const auto kinds = largest_of_each_kind(original.data);
  for (const char* kind : {"sst", "wal", "MANIFEST", "CURRENT", "head", "media"}) {
    EXPECT_TRUE(kinds.contains(kind)) << kind;
  }
  std::size_t injected = 0;
  std::map<std::string, std::size_t> found;
  std::map<std::string, std::size_t> harmless;
  for (const auto& [kind, path] : kinds) {
    const std::uint64_t size = fs::file_size(path);
    for (std::uint64_t part = 0; part < 6; ++part) {
      const fs::path folder = copies.path() / "copy";
      fs::remove_all(folder);
      fs::copy(original.data.parent_path(), folder, fs::copy_options::recursive);
      const daemon::Config config = small_config(folder);
      flip(config.data / fs::relative(path, original.data), size * part / 6 + size / 12);
      ++injected;
      const Result<Map> report = audit_of(config);
      if (!report || !truth_at(*report, "whole")) {
        ++found[kind];
      } else if (proof_of(config) == whole) {
        ++harmless[kind];
      } else {
        ADD_FAILURE() << kind << " at part " << part << ": another state, and nothing is said";
      }
    }
  }
  std::size_t caught = 0;
  for (const auto& [kind, count] : found) caught += count;
  for (const auto& [kind, count] : harmless) caught += count;
  EXPECT_EQ(caught, injected);
  // What holds data is never harmless to alter.
  EXPECT_EQ(found["sst"], 6u);
  EXPECT_EQ(found["media"], 6u);
  EXPECT_GT(found["wal"], 0u);
  // The control: the copy that nobody altered is whole.
  const Result<Map> report = audit_of(original);
  ASSERT_TRUE(report) << to_string(report.error());
  EXPECT_TRUE(truth_at(*report, "whole")) << to_string(Value(*report));
}

}  // namespace
}  // namespace emstore::testing
