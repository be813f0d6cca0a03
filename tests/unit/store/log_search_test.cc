#include "store/log_search.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "base/time.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

class LogSearchTest : public ::testing::Test, public TestStore {
 protected:
  LogSearchTest() {
    apply(shop_schema());                                                                  // 1
    upload("picture one");                                                                 // 2
    upload("picture two");                                                                 // 3
    must(insert("products", {{"name", "Laptop"}, {"gallery", Map{{"$set", List{1}}}}}));   // 4
    must(insert("pages", {{"slug", "home"}}));                                             // 5
    static_cast<void>(submit(command(update("products", 1, {{"price", 5}})), {7, 7, 7}));  // 6
    must(update("products", 1, {{"gallery", Map{{"$attach", List{2}}}}}));                 // 7
    must(update("products", 1, {{"gallery", Map{{"$detach", List{1}}}}}));                 // 8
    must(remove("pages", 1));                                                              // 9
    must(remove("products", 1));                                                           // 10
  }

  Result<store::LogPage> page(const store::LogWords& words, const store::LogBounds& bounds = {}) {
    const auto now = view();
    const Result<store::LogSearch> search = store::resolve_search(*now, names_, words);
    if (!search) return failure(search.error());
    return store::search_log(*now, *search, bounds, chains_);
  }
  // "4 6 7", and where to go on.
  std::string found(const store::LogWords& words, const store::LogBounds& bounds = {}) {
    const Result<store::LogPage> result = page(words, bounds);
    if (!result) return to_string(result.error());
    std::string text;
    for (const store::StoredCommit& commit : result->commits) {
      if (!text.empty()) text += " ";
      text += std::to_string(commit.sequence);
    }
    return result->next == 0 ? text : text + " then " + std::to_string(result->next);
  }
  ErrorCode refused(const store::LogWords& words) {
    const Result<store::LogPage> result = page(words);
    EXPECT_FALSE(result);
    return result ? ErrorCode{} : result.error().code;
  }

  store::KeptChains chains_;
  store::NamesOfThen names_;
};

TEST_F(LogSearchTest, OfNothingIsTheWholeLog) {
  EXPECT_EQ(found({}), "1 2 3 4 5 6 7 8 9 10");
  EXPECT_EQ(found({.from = 4, .to = 6}), "4 5 6");
  EXPECT_EQ(found({.from = 9, .to = 99}), "9 10");
  EXPECT_EQ(found({.from = 11}), "");
  EXPECT_EQ(found({.from = 4, .to = 6, .reverse = true}), "6 5 4");
}

TEST_F(LogSearchTest, FindsWhatChangedARecord) {
  EXPECT_EQ(found({.entity = "products"}), "4 6 7 8 10");
  EXPECT_EQ(found({.entity = "products", .id = 1}), "4 6 7 8 10");
  EXPECT_EQ(found({.entity = "pages", .id = 1}), "5 9") << "a record that is gone";
  EXPECT_EQ(found({.entity = "pages", .id = 2}), "");
  EXPECT_EQ(found({.from = 6, .to = 8, .entity = "products", .id = 1}), "6 7 8");
  EXPECT_EQ(found({.reverse = true, .entity = "products", .id = 1}), "10 8 7 6 4");
}

TEST_F(LogSearchTest, FindsWhatChangedAField) {
  EXPECT_EQ(found({.entity = "products", .field = "price"}), "6 10");
  EXPECT_EQ(found({.entity = "products", .id = 1, .field = "gallery"}), "4 7 8 10");
}

TEST_F(LogSearchTest, FindsOperators) {
  EXPECT_EQ(found({.operators = {"$attach"}}), "7");
  EXPECT_EQ(found({.operators = {"$detach", "$set"}}), "4 8");
  EXPECT_EQ(found({.entity = "products", .id = 1, .operators = {"delete"}}), "10");
}

TEST_F(LogSearchTest, FindsAMediaAndItsLinks) {
  EXPECT_EQ(found({.media = 1}), "2 4 8");
  EXPECT_EQ(found({.media = 2}), "3 7 10");
  EXPECT_EQ(found({.operators = {"$attach"}, .media = 2}), "7");
}

TEST_F(LogSearchTest, FindsUsersAndTimes) {
  EXPECT_EQ(found({.uid = 7}), "6");
  EXPECT_EQ(found({.entity = "products", .id = 1, .uid = 1000}), "4 7 8 10");
  const auto now = view();
  EXPECT_EQ(found({.since = now->time}), "10");
  EXPECT_EQ(found({.until = to_string(now->time)}), "1 2 3 4 5 6 7 8 9 10");
  EXPECT_EQ(found({.until = Time{now->time.micros - 1}, .entity = "products"}), "4 6 7 8");
}

TEST_F(LogSearchTest, SaysWhereToGoOn) {
  EXPECT_EQ(found({.entity = "products"}, {.commits_max = 2}), "4 6 then 7");
  EXPECT_EQ(found({.from = 7, .entity = "products"}, {.commits_max = 2}), "7 8 then 10");
  EXPECT_EQ(found({.reverse = true}, {.commits_max = 3}), "10 9 8 then 7");
  EXPECT_EQ(found({.entity = "products"}, {.looked_at_max = 4}), "4 then 5");
  EXPECT_EQ(found({.entity = "products"}, {.looked_at_max = 3}), " then 4");
  EXPECT_EQ(found({.to = 4}, {.looked_at_max = 4}), "1 2 3 4");
  EXPECT_EQ(found({}, {.bytes_max = 1}), "1 then 2") << "one commit, however long";
}

TEST_F(LogSearchTest, SaysWhereToGoOnWithARecord) {
  const store::LogWords record{.entity = "products", .id = 1};
  EXPECT_EQ(found(record, {.commits_max = 2}), "4 6 then 7");
  EXPECT_EQ(found({.from = 7, .entity = "products", .id = 1}, {.commits_max = 2}), "7 8 then 10");
  EXPECT_EQ(found({.from = 5, .to = 9, .entity = "products", .id = 1}), "6 7 8");
  EXPECT_EQ(found(record, {.looked_at_max = 2}), "4 6 then 7");
  EXPECT_EQ(found(record, {.looked_at_max = 5}), "4 6 7 8 10");
}

TEST_F(LogSearchTest, SaysWhereToGoBackWithARecord) {
  const store::LogWords record{.reverse = true, .entity = "products", .id = 1};
  EXPECT_EQ(found(record, {.commits_max = 2}), "10 8 then 7");
  EXPECT_EQ(found(record, {.looked_at_max = 2}), "10 8 then 7");
  const auto up_to = [&](Sequence last, const store::LogBounds& bounds = {}) {
    return found({.to = last, .reverse = true, .entity = "products", .id = 1}, bounds);
  };
  EXPECT_EQ(up_to(7, {.commits_max = 1}), "7 then 6");
  EXPECT_EQ(up_to(7), "7 6 4");
  EXPECT_EQ(up_to(9), "8 7 6 4") << "up to a commit of another record";
  EXPECT_EQ(up_to(3), "");
  EXPECT_EQ(found({.from = 6, .to = 8, .reverse = true, .entity = "products", .id = 1}), "8 7 6");
}

// Products become goods with a cost, pages go, and later something else is called so.
class LogOfOldNames : public LogSearchTest {
 protected:
  static Map renamed(Map entity, std::string before) {
    entity.set("config", Map{{"renamed_from", std::move(before)}});
    return entity;
  }

  static Map later_schema() {
    const Map goods{{"name", field("text", {{"required", true}})},
                    {"cost", field("number", {{"renamed_from", "price"}})},
                    {"gallery", field("media")}};
    return Map{{"entities", Map{{"goods", renamed(Map{{"fields", goods}}, "products")},
                                {"media", Map{{"type", "system"}}}}},
               {"relations", Map{{"b", poly("goods", "gallery", false)}}}};
  }

  static Map last_schema() {
    Map schema = later_schema();
    const Map pages{{"name", field("text")}, {"price", field("number")}};
    schema.find("entities")->if_map()->set("pages", Map{{"fields", pages}});
    return schema;
  }
};

TEST_F(LogOfOldNames, FindsWhatWasRenamed) {
  apply(later_schema(), true);  // 11
  for (const char* name : {"goods", "products"}) {
    EXPECT_EQ(found({.entity = name}), "4 6 7 8 10") << name;
    EXPECT_EQ(found({.entity = name, .id = 1}), "4 6 7 8 10") << name;
    EXPECT_EQ(found({.entity = name, .field = "cost"}), "6 10") << name;
    EXPECT_EQ(found({.entity = name, .field = "price"}), "6 10") << name;
  }
  must(insert("goods", {{"name", "Mug"}, {"cost", 3}}));  // 12
  EXPECT_EQ(found({.entity = "products", .field = "price"}), "6 10 12");
}

TEST_F(LogOfOldNames, FindsWhatWasDropped) {
  apply(later_schema(), true);
  EXPECT_EQ(found({.entity = "pages"}), "5 9");
  EXPECT_EQ(found({.entity = "pages", .id = 1}), "5 9");
  EXPECT_EQ(found({.reverse = true, .entity = "pages", .field = "slug"}), "9 5");
  EXPECT_EQ(found({.entity = "goods", .field = "state"}), "4 10") << "a field that had a default";
}

TEST_F(LogOfOldNames, MeansWhatHasTheNameNow) {
  apply(later_schema(), true);
  EXPECT_EQ(found({.entity = "pages"}), "5 9");
  apply(last_schema());                   // 12
  must(insert("pages", {{"price", 1}}));  // 13
  EXPECT_EQ(found({.entity = "pages"}), "13");
  EXPECT_EQ(found({.entity = "pages", .field = "price"}), "13");
  EXPECT_EQ(refused({.entity = "pages", .field = "slug"}), ErrorCode::unknown_field);
  must(remove("pages", 1));     // 14
  apply(later_schema(), true);  // 15
  EXPECT_EQ(found({.entity = "pages"}), "13 14") << "the last that was called so";
}

TEST_F(LogOfOldNames, SaysWhatNothingWasEverCalled) {
  apply(later_schema(), true);
  EXPECT_EQ(refused({.entity = "prodcuts"}), ErrorCode::unknown_entity);
  EXPECT_EQ(refused({.entity = "goods", .field = "prize"}), ErrorCode::unknown_field);
  EXPECT_EQ(refused({.entity = "pages", .field = "price"}), ErrorCode::unknown_field);
  const auto unknown = page({.entity = "good"});
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().hint.find("goods"), std::string::npos) << unknown.error().hint;
}

// Counts the commits that are looked for.
class CountingCommits final : public store::Reader {
 public:
  explicit CountingCommits(std::shared_ptr<const store::Reader> below) : below_(std::move(below)) {}
  Result<std::optional<std::string>> get(store::Family family,
                                         std::string_view key) const override {
    if (family == store::Family::log) ++looks_;
    return below_->get(family, key);
  }
  using Reader::scan;
  Status scan(store::Family family, const store::KeyRange& range, store::Direction direction,
              const Visit& visit) const override {
    return below_->scan(family, range, direction, visit);
  }
  std::uint64_t looks() const { return looks_; }

 private:
  std::shared_ptr<const store::Reader> below_;
  mutable std::uint64_t looks_ = 0;
};

class LogOfOneRecord : public LogSearchTest {
 protected:
  static constexpr std::uint64_t kChanges = 300;
  static constexpr std::uint64_t kPage = 20;

  LogOfOneRecord() {
    must(insert("products", {{"name", "Mug"}}));
    for (std::uint64_t i = 1; i < kChanges; ++i) change();
  }

  void change() {
    must(insert("pages", {{"slug", "between"}}));
    must(update("products", 2, {{"price", ++price_}}));
  }

  // One page of the record's log, from or up to a commit, and how many commits it looked for.
  struct Counted {
    store::LogPage page;
    std::uint64_t looks = 0;
  };
  Counted counted(store::LogWords words) {
    words.entity = "products";
    words.id = 2;
    store::View now = *view();
    const auto reader = std::make_shared<CountingCommits>(now.reader);
    now.reader = reader;
    const auto search = store::resolve_search(now, names_, words).value();
    auto page = store::search_log(now, search, {.commits_max = kPage}, chains_).value();
    return {std::move(page), reader->looks()};
  }

  std::uint64_t price_ = 0;
};

TEST_F(LogOfOneRecord, CostsWhatAPageHolds) {
  Counted counted_page = counted({});
  EXPECT_LE(counted_page.looks, kChanges + kPage + 2) << "the way to its beginning";
  std::uint64_t found = counted_page.page.commits.size();
  while (counted_page.page.next != 0) {
    change();  // Behind the pages that are still to come.
    counted_page = counted({.from = counted_page.page.next});
    EXPECT_LE(counted_page.looks, kPage + 4);
    found += counted_page.page.commits.size();
  }
  EXPECT_EQ(found, price_ + 1);
  EXPECT_EQ(counted_page.page.commits.back().sequence, view()->sequence);
}

TEST_F(LogOfOneRecord, CostsWhatAPageHoldsOnTheWayBack) {
  store::LogWords words{.reverse = true};
  std::uint64_t found = 0;
  Sequence before = view()->sequence + 1;
  do {
    const Counted page = counted(words);
    EXPECT_LE(page.looks, kPage + 2);
    for (const store::StoredCommit& commit : page.page.commits) {
      EXPECT_LT(commit.sequence, before);
      before = commit.sequence;
    }
    found += page.page.commits.size();
    words.to = page.page.next;
  } while (words.to != Sequence{0});
  EXPECT_EQ(found, kChanges);
}

// The control: without what was kept of it, every page would go the whole way.
TEST_F(LogOfOneRecord, CostsTheWholeChainWhereNothingIsKept) {
  const Sequence next = counted({}).page.next;
  EXPECT_LE(counted({.from = next}).looks, kPage + 2);
  store::KeptChains none(store::KeptChains::Bounds{.chains = 8, .commits = kChanges - 1});
  store::View now = *view();
  const auto reader = std::make_shared<CountingCommits>(now.reader);
  now.reader = reader;
  const RecordRef record{EntityId{2}, RecordId(std::uint64_t{2})};
  for (std::uint64_t times = 1; times <= 2; ++times) {
    EXPECT_EQ(none.of(*now.reader, record, 1).value()->size(), kChanges);
    EXPECT_EQ(reader->looks(), times * kChanges);
  }
}

TEST_F(LogSearchTest, SaysWhatItCannotLookFor) {
  EXPECT_EQ(refused({.entity = "prodcuts"}), ErrorCode::unknown_entity);
  EXPECT_EQ(refused({.entity = "products", .field = "prize"}), ErrorCode::unknown_field);
  EXPECT_EQ(refused({.operators = {"$atach"}}), ErrorCode::unknown_operator);
  EXPECT_EQ(refused({.id = 1}), ErrorCode::invalid_request);
  EXPECT_EQ(refused({.field = "price"}), ErrorCode::invalid_request);
  EXPECT_EQ(refused({.entity = "products", .id = true}), ErrorCode::wrong_type);
  EXPECT_EQ(refused({.since = "tuesday"}), ErrorCode::wrong_type);
}

}  // namespace
}  // namespace emstore::testing
