#include "store/refold.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "store/scratch.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::Family;

// Rows that may be read while others are written.
class SharedRows final : public store::Reader {
 public:
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    const std::lock_guard turn(turn_);
    return rows_.get(family, key);
  }
  using Reader::scan;
  Status scan(Family family, const store::KeyRange& range, store::Direction direction,
              const Visit& visit) const override {
    const std::lock_guard turn(turn_);
    return rows_.scan(family, range, direction, visit);
  }
  void apply(const store::RowTable& changes) {
    const std::lock_guard turn(turn_);
    rows_.apply(changes);
  }
  const store::Scratch& rows() const { return rows_; }

 private:
  mutable std::recursive_mutex turn_;  // Who is shown a row may ask for another.
  store::Scratch rows_;
};

// Counts what one thread has done, for another that waits for it.
class Count {
 public:
  void add() {
    change([this] { ++done_; });
  }
  void end() {
    change([this] { is_over_ = true; });
  }
  // False: it is less in time, though it is not over.
  bool await(int done) {
    std::unique_lock turn(turn_);
    return changed_.wait_for(turn, std::chrono::seconds(20),
                             [this, done] { return is_over_ || done_ >= done; });
  }

 private:
  template <typename Change>
  void change(Change change) {
    const std::lock_guard turn(turn_);
    change();
    changed_.notify_all();
  }

  std::mutex turn_;
  std::condition_variable changed_;
  int done_ = 0;
  bool is_over_ = false;
};

// A store that has seen every kind of event that changes rows.
class RefoldTest : public ::testing::Test, public TestStore {
 protected:
  RefoldTest() {
    apply(shop_schema());
    for (const char* bytes : {"one", "two", "three"}) upload(bytes);
    must(insert("products", {{"name", "Laptop"}, {"sku", "L"}}));
    must(insert("products", {{"name", std::string(2'000, 'x')}, {"sku", "X"}}));
    must(update("products", 1, {{"gallery", Map{{"$attach", List{1, 2}}}}}));
    must(update("products", 1, {{"gallery", Map{{"$set", List{2, 3}}}}, {"price", 7}}));
    must(update("media", 2, {{"alt", "covers change"}}));
    must(remove("products", 2));
  }

  // Folds the log into `rows`; how often they were written.
  int refold(store::Scratch& rows, const std::function<bool(IndexId)>& is_ready,
             std::size_t bytes_max = store::Refold::kBytesMax) {
    int writes = 0;
    const std::shared_ptr<const store::View> now = view();
    store::Refold refold(
        *now->reader, rows,
        [&](const store::RowTable& changes) {
          ++writes;
          rows.apply(changes);
          return Status();
        },
        bytes_max);
    EXPECT_TRUE(store::replay(
        *now->reader, 1, [&](const store::LoggedCommit& logged) { return refold.add(logged); }));
    EXPECT_TRUE(refold.finish(is_ready));
    EXPECT_EQ(refold.tree().root(), now->root);
    EXPECT_EQ(*refold.schema(), *now->schema);
    return writes;
  }

  // Links that come and go, so that rows are changed again that were made long before.
  void link_much() {
    std::vector<store::Mutation> inserts;
    for (int i = 0; i < 300; ++i) {
      inserts.push_back(insert("products", {{"name", "n"}, {"sku", std::to_string(i)}}));
    }
    ASSERT_TRUE(submit(command(std::move(inserts))));
    for (int round = 0; round < 20; ++round) {
      std::vector<store::Mutation> attaches;
      for (std::uint64_t id = 3; id < 53; ++id) {
        const char* change = round % 2 == 0 ? "$attach" : "$detach";
        attaches.push_back(update("products", id, {{"documents", Map{{change, List{1, 2}}}}}));
      }
      ASSERT_TRUE(submit(command(std::move(attaches))));
      must(update("media", 1, {{"alt", "covers change " + std::to_string(round)}}));
    }
  }

  std::map<std::string, std::string, std::less<>> live(Family family) const {
    std::map<std::string, std::string, std::less<>> rows;
    EXPECT_TRUE(view()->reader->scan(family, {}, [&](std::string_view key, std::string_view value) {
      return rows.emplace(key, value).second;
    }));
    return rows;
  }
};

TEST_F(RefoldTest, GivesTheRowsThatAreLive) {
  store::Scratch rows;
  refold(rows, [](IndexId) { return true; });
  for (const store::FamilyInfo& family : store::kFamilies) {
    if (!store::is_index(family.family)) {
      EXPECT_TRUE(rows.rows(family.family).empty()) << family.name << " is not folded";
    } else {
      EXPECT_EQ(rows.rows(family.family), live(family.family)) << family.name;
    }
  }
}

TEST_F(RefoldTest, MakesTheKeysOfReadyIndexesOnly) {
  store::Scratch rows;
  refold(rows, [](IndexId) { return false; });
  EXPECT_TRUE(rows.rows(Family::values).empty());
  EXPECT_FALSE(live(Family::values).empty());
  EXPECT_EQ(rows.rows(Family::records), live(Family::records));
}

// Whatever fits: each commit is written by itself, or several at once, or all of them.
TEST_F(RefoldTest, WritesOutOnTheWayAndGoesOnFromThere) {
  link_much();
  const auto commits = static_cast<int>(view()->sequence);
  const std::map<std::size_t, std::pair<int, int>> writes_at{
      {1, {commits, commits + 2}}, {200'000, {2, 20}}, {store::Refold::kBytesMax, {1, 1}}};
  for (const auto& [bytes_max, expected] : writes_at) {
    store::Scratch rows;
    const int writes = refold(
        rows, [](IndexId) { return true; }, bytes_max);
    EXPECT_GE(writes, expected.first) << bytes_max;
    EXPECT_LE(writes, expected.second) << bytes_max;
    for (const store::FamilyInfo& family : store::kFamilies) {
      if (!store::is_index(family.family)) continue;
      EXPECT_EQ(rows.rows(family.family), live(family.family)) << family.name << " " << bytes_max;
    }
  }
}

// With room for nothing each commit fills a table. Here a table is written only once the fold has
// gone on behind it, and that goes on only once the table is being written.
TEST_F(RefoldTest, GoesOnWhileATableIsWritten) {
  link_much();
  const std::shared_ptr<const store::View> now = view();
  SharedRows rows;
  Count begun, taken;
  int writes = 0, commits = 0;
  const auto write = [&](const store::RowTable& changes) -> Status {
    begun.add();
    if (!taken.await(++writes)) return failure(ErrorCode::internal, "the fold has waited");
    rows.apply(changes);
    return {};
  };
  store::Refold refold(*now->reader, rows, write, 1, store::Refold::Writing::beside);
  ASSERT_TRUE(store::replay(*now->reader, 1, [&](const store::LoggedCommit& logged) -> Status {
    EMSTORE_CHECKED(refold.add(logged));
    taken.add();
    if (!begun.await(++commits)) return failure(ErrorCode::internal, "the write has waited");
    return {};
  }));
  taken.end();
  ASSERT_TRUE(refold.finish([](IndexId) { return true; }));
  EXPECT_GT(writes, commits);
  for (const store::FamilyInfo& family : store::kFamilies) {
    if (!store::is_index(family.family)) continue;
    EXPECT_EQ(rows.rows().rows(family.family), live(family.family)) << family.name;
  }
}

// As a rebuild does beside a store that goes on: the keys are made somewhere on the way.
TEST_F(RefoldTest, KeepsTheKeysThatWereMadeOnTheWay) {
  must(insert("products", {{"name", "Phone"}, {"sku", "P"}}));
  must(update("products", 1, {{"sku", "M"}}));
  must(remove("products", 3));
  const std::shared_ptr<const store::View> now = view();
  for (Sequence made_at = 1; made_at <= now->sequence; ++made_at) {
    store::Scratch rows;
    store::Refold refold(*now->reader, rows, [&](const store::RowTable& changes) {
      rows.apply(changes);
      return Status();
    });
    ASSERT_TRUE(store::replay(*now->reader, 1, [&](const store::LoggedCommit& logged) -> Status {
      EMSTORE_CHECKED(refold.add(logged));
      if (refold.last() != made_at) return {};
      return refold.keep_indexes([](IndexId) { return true; });
    }));
    ASSERT_TRUE(refold.flush());
    EXPECT_EQ(rows.rows(Family::values), live(Family::values)) << "made at " << made_at;
  }
}

TEST_F(RefoldTest, DropsTheKeysOfAnIndexThatIsGone) {
  Map schema = shop_schema();
  schema.set("indices", Map{});
  apply(schema);
  while (store().work().value()) {
  }
  store::Scratch rows;
  const std::shared_ptr<const store::View> now = view();
  store::Refold refold(*now->reader, rows, [&](const store::RowTable& changes) {
    rows.apply(changes);
    return Status();
  });
  ASSERT_TRUE(store::replay(*now->reader, 1, [&](const store::LoggedCommit& logged) -> Status {
    EMSTORE_CHECKED(refold.add(logged));
    if (refold.last() + 1 != now->sequence) return {};
    EMSTORE_CHECKED(refold.finish([](IndexId) { return true; }));
    EXPECT_FALSE(rows.rows(Family::values).empty());
    return {};
  }));
  ASSERT_TRUE(refold.finish([](IndexId) { return true; }));
  EXPECT_TRUE(rows.rows(Family::values).empty());
  EXPECT_TRUE(live(Family::values).empty());
}

TEST_F(RefoldTest, RefusesACommitThatDoesNotFollowTheLast) {
  std::vector<store::LoggedCommit> commits;
  ASSERT_TRUE(store::replay(*view()->reader, 1, [&](const store::LoggedCommit& logged) {
    commits.push_back(logged);
    return Status();
  }));
  store::Scratch rows;
  store::Refold refold(*view()->reader, rows, [](auto&) { return Status(); });
  ASSERT_TRUE(refold.add(commits[0]));
  for (const std::size_t other : {std::size_t{0}, std::size_t{2}}) {
    const Status added = refold.add(commits[other]);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::corrupt_log);
  }
  EXPECT_TRUE(refold.add(commits[1]));
}

TEST_F(RefoldTest, IsGoneOnlyOnceItsTableIsWritten) {
  Count begun;
  bool is_written = false;
  {
    store::Scratch rows;
    const auto write = [&](auto&) {
      begun.add();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      is_written = true;
      return Status();
    };
    store::Refold refold(*view()->reader, rows, write, 1, store::Refold::Writing::beside);
    int commits = 0;
    EXPECT_FALSE(store::replay(*view()->reader, 1, [&](const store::LoggedCommit& logged) {
      EXPECT_TRUE(refold.add(logged));
      return ++commits == 1 ? Status(failure(ErrorCode::cancelled, "enough")) : Status();
    }));
    ASSERT_TRUE(begun.await(1));
  }
  EXPECT_TRUE(is_written);
}

// Its end has another reason; what was lost is told all the same, and by whatever comes behind it.
TEST_F(RefoldTest, TellsOfATableThatWasNotWrittenWhenItIsOver) {
  std::vector<store::LoggedCommit> commits;
  ASSERT_TRUE(store::replay(*view()->reader, 1, [&](const store::LoggedCommit& logged) {
    commits.push_back(logged);
    return Status();
  }));
  int writes = 0;
  const auto write = [&writes](auto&) {
    ++writes;
    return Status(failure(ErrorCode::disk_full, "full"));
  };
  store::Scratch rows;
  store::Refold refold(*view()->reader, rows, write, 1, store::Refold::Writing::beside);
  ASSERT_TRUE(refold.add(commits[0]));
  EXPECT_EQ(refold.add(commits[2]).error().code, ErrorCode::corrupt_log);
  for (int times = 0; times < 2; ++times) {
    const Status settled = refold.settle();
    ASSERT_FALSE(settled);
    EXPECT_EQ(settled.error().code, ErrorCode::disk_full);
    const Status added = refold.add(commits[1 + static_cast<std::size_t>(times)]);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, ErrorCode::disk_full);
  }
  EXPECT_EQ(writes, 1);
}

TEST_F(RefoldTest, EndsWhereItsRowsCannotBeWritten) {
  using store::Refold;
  for (const Refold::Writing writing : {Refold::Writing::in_turn, Refold::Writing::beside}) {
    for (const std::size_t bytes_max : {std::size_t{1}, Refold::kBytesMax}) {
      int writes = 0;
      const auto write = [&writes](auto&) {
        ++writes;
        return Status(failure(ErrorCode::disk_full, "full"));
      };
      store::Scratch rows;
      Refold refold(*view()->reader, rows, write, bytes_max, writing);
      const Status ended = [&]() -> Status {
        EMSTORE_CHECKED(store::replay(*view()->reader, 1, [&](const store::LoggedCommit& logged) {
          return refold.add(logged);
        }));
        return refold.finish([](IndexId) { return true; });
      }();
      ASSERT_FALSE(ended);
      EXPECT_EQ(ended.error().code, ErrorCode::disk_full);
      EXPECT_EQ(writes, 1) << "nothing goes where rows are missing";
    }
  }
}

}  // namespace
}  // namespace emstore::testing
