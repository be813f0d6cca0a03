// An audit of a whole store: damage to every kind of file is found, with its place, or harmless.
#include "daemon/audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "daemon/media_mark.h"
#include "daemon/opening.h"
#include "stores.h"
#include "tests/support/damage.h"

namespace emstore::testing {
namespace {

namespace fs = std::filesystem;

// What becomes of a stopped store that is opened, as a daemon does it at its start, and audited.
struct Audited {
  std::optional<Map> report;  // Nothing when it was not opened.
  std::string said;           // Why it was not, or what was mended.
};

Audited audit_of(const daemon::Config& config) {
  Audited audited;
  ::testing::internal::CaptureStderr();
  {
    daemon::Log log(daemon::LogLevel::warning);
    const Result<daemon::OpenedStore> opened = daemon::open_store(config, log);
    const Status claimed = opened.and_then(
        [&](const daemon::OpenedStore& store) { return daemon::claim_media(config, store); });
    if (claimed) {
      const auto files = blobs::FileStore::open(config.media_folder()).value();
      daemon::AuditWish wish;
      wish.room = config.fold_room();
      const auto report = daemon::audit(*opened->store, files, config.data / "head", wish, {});
      audited.report = *report.value().if_map();
    } else {
      audited.said = to_string(claimed.error());
    }
  }
  audited.said += ::testing::internal::GetCapturedStderr();
  return audited;
}

bool is_whole(const Audited& audited) {
  return audited.report && truth_at(*audited.report, "whole");
}

// The places of the findings of a part.
std::set<std::string> places_in(const Map& report, const std::string& part) {
  std::set<std::string> places;
  for (const Value& finding : list_at(report, "findings")) {
    if (text_at(*finding.if_map(), "part") != part) continue;
    places.insert(text_at(*finding.if_map(), "place"));
  }
  return places;
}

// Whether it is said which file is damaged; of what was written ahead and is gone, which commit.
bool names(const Audited& audited, const std::string& kind, const fs::path& file) {
  if (audited.report && !places_in(*audited.report, "database").contains(file.string()) &&
      !places_in(*audited.report, "media").contains(file.string()) &&
      !places_in(*audited.report, "head").contains(file.string())) {
    return false;
  }
  if (audited.report) return true;
  const bool is_commit = kind == "wal" && audited.said.find("commit ") != std::string::npos;
  return is_commit || audited.said.find(file.filename().string()) != std::string::npos;
}

// "sst", "wal", "manifest", …: files of one kind stand for each other.
std::string kind_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(".sst")) return "sst";
  if (name.ends_with(".log")) return "wal";
  for (const char* known : {"MANIFEST", "OPTIONS"}) {
    if (name.starts_with(known)) return known;
  }
  const fs::path folder = path.parent_path();
  if (folder.parent_path().filename() == "media") {
    return folder.filename() == "uploads" ? "upload" : "media";
  }
  return name;  // "head", and in media/ "owner".
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

// The tables that the database of this process has open: all that it has, and at times one more.
std::set<fs::path> open_tables(const fs::path& database) {
  std::set<fs::path> tables;
  for (const auto& descriptor : fs::directory_iterator("/proc/self/fd")) {
    std::error_code closed;
    const fs::path file = fs::read_symlink(descriptor, closed);
    if (file.parent_path() == database && file.extension() == ".sst") tables.insert(file);
  }
  return tables;
}

// Once nothing is compacted any more: a compaction that met the damage would end the daemon.
std::set<fs::path> tables_at_rest(const fs::path& database, Wire& wire) {
  std::set<fs::path> tables;
  for (int same = 0; same < 3;) {
    EXPECT_TRUE(truth_at(job(wire, "audit"), "whole"));
    std::set<fs::path> now = open_tables(database);
    same = now == tables ? same + 1 : 0;
    tables = std::move(now);
  }
  return tables;
}

TEST(Audit, NamesEveryDamagedTableWhileTheDaemonServes) {
  RunningDaemon running;
  Wire wire = connect_to_shop(running);
  fill_shop(wire, 60);
  running.restart();  // What was written ahead is in tables from here on.
  Wire again = running.connect();
  const std::set<fs::path> tables =
      tables_at_rest(fs::canonical(running.config().data / "db"), again);
  EXPECT_GT(tables.size(), store::kFamilyCount / 2);
  std::set<std::string> damaged;
  for (const fs::path& table : tables) {
    damage(table, kDamages.at(damaged.size() % kDamages.size()), fs::file_size(table) / 2);
    damaged.insert(table.string());
  }
  const Map report = job(again, "audit");
  EXPECT_FALSE(truth_at(report, "whole"));
  const std::set<std::string> named = places_in(report, "database");
  EXPECT_TRUE(std::ranges::includes(damaged, named));
  // One may be left over from the recovery, with nothing that is needed.
  EXPECT_GE(named.size() + 1, damaged.size());
}

// A stopped store, and a copy of it with damage in one place.
class DamagedFiles : public ::testing::Test {
 protected:
  DamagedFiles() {
    // Started twice, so that there are tables and a write-ahead log.
    RunningDaemon running([this](daemon::Config& config) { config.data = original_.data; });
    Wire wire = connect_to_shop(running);
    fill_shop(wire, 60);
    running.restart();
    Wire again = running.connect();
    again.result("insertOne", {"products", Map{{"name", "last"}}});
    const std::string token = text_at(again.result("blob.begin"), "token");
    again.result("blob.write", {token, 0, Binary{std::string(kLargeBytes, 'u')}});
    whole_ = proof_of(again);
  }

  // How often damage was named, mended with a warning, and of no consequence.
  struct Counts {
    std::size_t named = 0, mended = 0, harmless = 0;
  };

  // The damage in so many places of a file of each kind.
  void expect_found_or_harmless(Damage how, std::uint64_t places) {
    const auto kinds = largest_of_each_kind(original_.data);
    for (const char* kind :
         {"sst", "wal", "MANIFEST", "CURRENT", "head", "media", "owner", "upload"}) {
      EXPECT_TRUE(kinds.contains(kind)) << kind;
    }
    for (const auto& [kind, path] : kinds) {
      const std::uint64_t size = fs::file_size(path);
      for (std::uint64_t place = 0; place < places; ++place) {
        try_one(kind, path, how, size * place / places + size / (2 * places));
      }
    }
    // What holds data is never harmless to alter.
    EXPECT_EQ(counts_["sst"].harmless, 0u);
    EXPECT_EQ(counts_["media"].named, places);
    EXPECT_EQ(counts_["owner"].named, places);
    EXPECT_GT(counts_["wal"].named, 0u);
  }

  void try_one(const std::string& kind, const fs::path& path, Damage how, std::uint64_t at) {
    const std::string what = kind + " at " + std::to_string(at);
    const fs::path folder = parent_.path() / "copy";
    fs::remove_all(folder);
    fs::copy(original_.data.parent_path(), folder, fs::copy_options::recursive);
    const daemon::Config config = small_config(folder);
    const fs::path file = config.data / fs::relative(path, original_.data);
    damage(file, how, at);
    const Audited audited = audit_of(config);
    if (!is_whole(audited)) {
      EXPECT_TRUE(names(audited, kind, file))
          << what << ": " << audited.said
          << (audited.report ? to_string(Value(*audited.report)) : "");
      ++counts_[kind].named;
      return;
    }
    EXPECT_EQ(proof_of(config), whole_) << what << ": another state, and nothing is said";
    const bool is_told = audited.said.find("event=damaged_index_dropped") != std::string::npos &&
                         audited.said.find(file.string()) != std::string::npos;
    ++(is_told ? counts_[kind].mended : counts_[kind].harmless);
  }

  TemporaryFolder parent_;
  const daemon::Config original_ = small_config(parent_.path() / "original");
  Proof whole_;
  std::map<std::string, Counts> counts_;
};

TEST_F(DamagedFiles, AreNamedWhereAByteIsFlippedOrItIsHarmless) {
  expect_found_or_harmless(Damage::flipped, 6);
}

TEST_F(DamagedFiles, AreNamedWhereASectorIsZeroedOrItIsHarmless) {
  expect_found_or_harmless(Damage::zeroed, 2);
}

TEST_F(DamagedFiles, AreNamedWhereTheyAreCutOrItIsHarmless) {
  expect_found_or_harmless(Damage::cut, 2);
}

TEST_F(DamagedFiles, AreNamedWhereTheyAreGoneOrItIsHarmless) {
  expect_found_or_harmless(Damage::deleted, 1);
}

// The control.
TEST_F(DamagedFiles, AreNoneWhenNobodyHasAlteredThem) {
  EXPECT_TRUE(is_whole(audit_of(original_)));
}

}  // namespace
}  // namespace emstore::testing
