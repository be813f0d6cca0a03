// Which commits a feed gives: those that are asked for, all of them, once.
#include "store/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/pack.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using store::FeedBounds;
using store::FeedWords;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr FeedBounds kWide{.commits_max = 1'000, .bytes_max = 1u << 20, .commit_max = 1u << 20};

Map commit_of(const std::string& packed) { return *pack::read(packed)->if_map(); }

// A shop: 1 schema, 2 media, 3 a product with it, 4 its name, 5 a page, 6 detached, 7 deleted.
class FeedOfAShop : public ::testing::Test {
 protected:
  FeedOfAShop() {
    shop_.apply(shop_schema());
    say(TestStore::insert("media", {{"file", Binary{"front"}}, {"alt", "front"}}));
    say(TestStore::insert("products", {{"name", "chair"}, {"gallery", Map{{"$attach", List{1}}}}}));
    say(TestStore::update("products", 1, {{"name", "armchair"}}));
    say(TestStore::insert("pages", {{"slug", "home"}}));
    say(TestStore::update("products", 1, {{"gallery", Map{{"$detach", List{1}}}}}));
    say(TestStore::remove("products", 1));
  }

  void say(store::Mutation mutation) {
    const auto outcome = shop_.submit(TestStore::command(std::move(mutation)));
    ASSERT_TRUE(outcome) << to_string(outcome.error());
  }

  store::FeedSlice slice(const FeedWords& words, Sequence from = 1,
                         const FeedBounds& bounds = kWide) {
    const auto view = shop_.view();
    const auto filter = store::resolve_filter(*view, names_, words);
    EXPECT_TRUE(filter) << to_string(filter.error());
    return store::read_feed(*view, schemas_, *filter, from, bounds).value();
  }

  std::vector<std::int64_t> wanted(const FeedWords& words) {
    std::vector<std::int64_t> sequences;
    for (const std::string& commit : slice(words).commits) {
      sequences.push_back(*commit_of(commit).find("sequence")->if_integer());
    }
    return sequences;
  }

  Error refusal(const FeedWords& words) {
    const auto filter = store::resolve_filter(*shop_.view(), names_, words);
    return filter ? Error{} : filter.error();
  }

  TestStore shop_;
  store::SchemasOfThen schemas_;
  store::NamesOfThen names_;
};

TEST_F(FeedOfAShop, GivesEverythingWhenNothingIsAsked) {
  EXPECT_THAT(wanted({}), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_EQ(slice({}).next, 8u);
}

TEST_F(FeedOfAShop, GivesWhatIsAboutAnEntityOrARecord) {
  EXPECT_THAT(wanted({.entity = "products"}), ElementsAre(3, 4, 6, 7));
  EXPECT_THAT(wanted({.entity = "media"}), ElementsAre(2));
  EXPECT_THAT(wanted({.entity = "products", .id = 1}), ElementsAre(3, 4, 6, 7));
  EXPECT_THAT(wanted({.entity = "products", .id = 2}), IsEmpty());
}

TEST_F(FeedOfAShop, GivesWhatConcernsAField) {
  EXPECT_THAT(wanted({.entity = "products", .field = "name"}), ElementsAre(3, 4, 7));
  EXPECT_THAT(wanted({.entity = "products", .field = "gallery"}), ElementsAre(3, 6));
  EXPECT_THAT(wanted({.entity = "products", .field = "price"}), IsEmpty());
}

TEST_F(FeedOfAShop, GivesWhatOperatorsDid) {
  EXPECT_THAT(wanted({.operators = {"$attach"}}), ElementsAre(3));
  EXPECT_THAT(wanted({.operators = {"$attach", "$detach"}}), ElementsAre(3, 6));
  EXPECT_THAT(wanted({.operators = {"delete"}}), ElementsAre(7));
  EXPECT_THAT(wanted({.entity = "pages", .operators = {"$attach"}}), IsEmpty());
}

// All that is asked holds of one event: commit 3 names the product and attaches, in two events.
TEST_F(FeedOfAShop, DoesNotPutTogetherWhatSeveralEventsSay) {
  EXPECT_THAT(wanted({.entity = "products", .field = "name", .operators = {"$attach"}}), IsEmpty());
}

TEST_F(FeedOfAShop, SaysWhatItDoesNotKnow) {
  const Error entity = refusal({.entity = "produts"});
  EXPECT_EQ(entity.code, ErrorCode::unknown_entity);
  EXPECT_EQ(entity.path, "entity");
  const Error field = refusal({.entity = "products", .field = "galery"});
  EXPECT_EQ(field.code, ErrorCode::unknown_field);
  EXPECT_EQ(field.path, "field");
  EXPECT_EQ(field.hint, "did you mean \"gallery\"?");
  const Error operation = refusal({.operators = {"$attach", "$drop"}});
  EXPECT_EQ(operation.code, ErrorCode::unknown_operator);
  EXPECT_EQ(operation.path, "operators[1]");
  EXPECT_EQ(refusal({.id = 1}).path, "id");
  EXPECT_EQ(refusal({.field = "name"}).path, "field");
  EXPECT_EQ(refusal({.entity = "products", .id = true}).code, ErrorCode::wrong_type);
}

TEST_F(FeedOfAShop, IsCutIntoSlicesThatFollowEachOther) {
  std::vector<std::int64_t> sequences;
  Sequence next = 1;
  for (int slices = 0; next <= 7; ++slices) {
    ASSERT_LT(slices, 8);
    const auto part = slice({}, next, {.commits_max = 2, .bytes_max = 1, .commit_max = 1u << 20});
    ASSERT_EQ(part.commits.size(), 1u);  // One at least, whatever its bytes.
    sequences.push_back(*commit_of(part.commits.front()).find("sequence")->if_integer());
    ASSERT_EQ(part.next, next + 1);
    next = part.next;
  }
  EXPECT_THAT(sequences, ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_TRUE(slice({}, 8).commits.empty());
  EXPECT_EQ(slice({}, 8).next, 8u);
}

TEST_F(FeedOfAShop, LooksAtABoundedNumberOfCommitsThatNobodyWants) {
  const auto part = slice({.entity = "pages"}, 1,
                          {.commits_max = 3, .bytes_max = 1u << 20, .commit_max = 1u << 20});
  EXPECT_TRUE(part.commits.empty());
  EXPECT_EQ(part.next, 4u);
}

TEST_F(FeedOfAShop, GivesTheBytesOfAHugeCommitInsteadOfItsEvents) {
  const auto part = slice({}, 3, {.commits_max = 1, .bytes_max = 1u << 20, .commit_max = 50});
  const Map bare = commit_of(part.commits.at(0));
  EXPECT_EQ(bare.size(), 5u);
  EXPECT_TRUE(bare.contains("time") && bare.contains("schema") && bare.contains("peer"));
  EXPECT_FALSE(bare.contains("events"));
  EXPECT_EQ(*bare.find("sequence")->if_integer(), 3);
  EXPECT_EQ(bare.find("bytes")->if_binary()->data,
            *shop_.view()->reader->get(store::Family::log, store::log_key(3)).value());
}

// What a schema of now calls a field, or leaves out, is no name of what was written before it.
TEST_F(FeedOfAShop, ShowsCommitsWithTheNamesOfThen) {
  say(TestStore::insert("products", {{"name", "table"}, {"price", 5}}));
  Map wanted = shop_schema();
  Map& products = *wanted.find("entities")->if_map()->find("products")->if_map();
  Map& fields = *products.find("fields")->if_map();
  fields.erase("price");
  fields.erase("name");
  fields.set("title", field("text", {{"required", true}, {"renamed_from", "name"}}));
  shop_.apply(wanted, true);
  fields.set("name", field("number"));
  shop_.apply(wanted);
  say(TestStore::insert("products", {{"title", "lamp"}, {"name", 2}}));

  std::vector<std::string> values;
  for (const std::string& packed : slice({.entity = "products", .field = "title"}).commits) {
    const Map commit = commit_of(packed);
    for (const Value& event : *commit.find("events")->if_list()) {
      const Map& shown = *event.if_map();
      if (*shown.find("kind")->if_text() != "record_created") continue;
      values.push_back(to_string(*shown.find("values")));
    }
  }
  EXPECT_THAT(values, ElementsAre(R"({"name":"chair","state":"draft"})",
                                  R"({"name":"table","price":5,"state":"draft"})",
                                  R"({"title":"lamp","state":"draft","name":2})"));
}

TEST_F(FeedOfAShop, IsAskedForByNamesThatAreGone) {
  say(TestStore::remove("pages", 1));
  Map schema = shop_schema();
  schema.find("entities")->if_map()->erase("pages");
  schema.find("relations")->if_map()->erase("d");
  shop_.apply(schema, true);
  EXPECT_THAT(wanted({.entity = "pages"}), ElementsAre(5, 8));
  EXPECT_EQ(refusal({.entity = "papers"}).path, "entity");
  EXPECT_EQ(refusal({.entity = "pages", .field = "title"}).path, "field");
}

}  // namespace
}  // namespace emstore::testing
