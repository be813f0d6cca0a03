// Power cuts under uploads: the bytes of what was acknowledged are there afterwards, whenever the
// power went, and also when somebody had been killed before at any moment. Controls: syncs that are
// lies, of bytes and of names, lose them, and that is noticed each time.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <random>

#include "blobs/uploads.h"
#include "tests/support/chance.h"
#include "tests/unit/blobs/cutting_system.h"
#include "tests/unit/blobs/scratch_folder.h"

namespace emstore::blobs {
namespace {

class UploadPowerCut : public ::testing::Test {
 protected:
  using Promised = std::map<Address, std::string>;

  UploadPowerCut() {
    RecordProperty("seed", std::to_string(testing::seed_given()));
    EXPECT_TRUE(FileStore::open(root_).has_value());  // Its folders are there.
  }

  // One life of the daemon: contents of several sizes, in pieces and from a file that is passed,
  // and the first of them again. What was acknowledged.
  Promised live(std::uint64_t number) {
    Promised promised;
    auto store = FileStore::open(root_, std::make_unique<CuttingSystem>(machine_));
    if (!store) return promised;
    auto uploads = Uploads::open(*store, {});
    if (!uploads) return promised;
    const auto note = [&](const std::string& bytes, const Result<Completed>& completed) {
      if (completed) promised[completed->file->address] = bytes;
    };
    for (const std::size_t size : {70'000, 300'000, 1'000'001}) {
      const std::string bytes = content(size, number + size);
      note(bytes, in_pieces(*uploads, bytes));
      note(bytes, in_pieces(*uploads, bytes));  // They are there, perhaps not for long.
    }
    const std::string bytes = content(500'000, number);
    const std::filesystem::path path = folder_ / "source";
    std::ofstream(path, std::ios::binary) << bytes;
    const File source(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    auto taken = uploads->take(kAda, source);
    if (taken) promised[taken->completed.file->address] = bytes;
    return promised;
  }

  static Result<Completed> in_pieces(Uploads& uploads, const std::string& bytes) {
    EMSTORE_TRY(const std::string token, uploads.begin(kAda, bytes.size()));
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
      EMSTORE_TRY(const auto reached, uploads.write(kAda, token, at, bytes.substr(at, kPiece)));
      static_cast<void>(reached);
    }
    return uploads.complete(kAda, token);
  }

  void cut_power(const Machine::Chance& chance) {
    machine_.cut_power(root_, chance);
    // The machine comes up with another boot id: uploads that were under way are gone.
    for (const auto& file : files_in(root_ / "uploads")) std::filesystem::remove(file);
  }
  Machine::Chance some() {
    return [this] { return static_cast<Machine::Fate>(random_() % 3); };
  }
  static Machine::Chance all_lost() {
    return [] { return Machine::Fate::lost; };
  }

  std::size_t lost(const Promised& promised) {
    const auto store = FileStore::open(root_).value();
    return static_cast<std::size_t>(
        std::count_if(promised.begin(), promised.end(), [&](const auto& one) {
          return store.read(one.first, 0, one.second.size() + 1) != one.second;
        }));
  }

  static constexpr std::size_t kPiece = 200'000;
  ScratchFolder folder_;
  const std::filesystem::path root_ = folder_ / "media";
  Machine machine_;
  std::mt19937 random_{testing::seed_given()};
};

TEST_F(UploadPowerCut, LosesNothingThatWasAcknowledged) {
  Promised promised;
  std::size_t cuts = 0;
  for (bool is_over = false; !is_over; ++cuts) {
    machine_.calls = 0;
    machine_.stops_at = 1 + cuts;  // Before every call in turn.
    promised.merge(live(1'000 * cuts));
    is_over = !machine_.was_stopped();
    cut_power(cuts % 2 == 0 ? some() : all_lost());
    ASSERT_EQ(lost(promised), 0U) << "cut " << cuts << ", seed " << testing::seed_given();
    ASSERT_LT(cuts, 500U);
  }
  RecordProperty("cuts", std::to_string(cuts));
  EXPECT_GT(cuts, 30U);
  EXPECT_GT(promised.size(), cuts);
}

// What was put in its place and not synced by somebody who was killed is not taken for durable.
TEST_F(UploadPowerCut, LosesNothingThatSomebodyKilledHadLeftHalfDone) {
  for (std::size_t kill = 1;; ++kill) {
    machine_.calls = 0;
    machine_.stops_at = kill;
    live(1'000 * kill);
    const bool is_over = !machine_.was_stopped();
    machine_.stops_at = 0;
    const Promised promised = live(1'000 * kill);
    ASSERT_EQ(promised.size(), 4U);
    cut_power(all_lost());
    ASSERT_EQ(lost(promised), 0U) << "kill " << kill;
    if (is_over) break;
    ASSERT_LT(kill, 500U);
  }
}

TEST_F(UploadPowerCut, IsNoticedWhenBytesOrNamesWereNotSynced) {
  constexpr std::uint64_t kCuts = 20;
  std::size_t caught = 0;
  for (std::uint64_t cut = 0; cut < kCuts; ++cut) {
    machine_.bytes_stay_unsynced = cut % 2 == 0;
    machine_.names_stay_unsynced = !machine_.bytes_stay_unsynced;
    const Promised promised = live(1'000 * cut);
    cut_power(all_lost());
    if (promised.size() == 4 && lost(promised) == promised.size()) ++caught;
  }
  RecordProperty("caught", std::to_string(caught) + " of " + std::to_string(kCuts));
  EXPECT_EQ(caught, kCuts);
}

}  // namespace
}  // namespace emstore::blobs
