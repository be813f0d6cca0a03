#include "store/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

#include "base/time.h"
#include "store/row_bytes.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

class History : public ::testing::Test {
 protected:
  History() { store_.apply(shop_schema()); }

  store::Moment at(const Value& as_of) {
    auto moment = store::moment_at(*store_.view(), as_of);
    EXPECT_TRUE(moment) << to_string(moment.error());
    return moment ? *moment : store::Moment{};
  }
  Error refused(const Value& as_of) {
    const auto moment = store::moment_at(*store_.view(), as_of);
    EXPECT_FALSE(moment) << "as of commit " << moment->sequence;
    return moment ? Error{} : moment.error();
  }

  // What find_one says as of then; the text of an error.
  std::string one(const Value& as_of, const std::string& entity, const Map& query,
                  const store::QueryLimits& limits = {}) {
    const store::Moment moment = at(as_of);
    const auto resolved = store::resolve_query(*moment.schema, entity, query);
    if (!resolved) return to_string(resolved.error());
    const store::Plan plan =
        store::plan_of(*moment.schema, *resolved, [](IndexId) { return false; });
    const auto view = store_.view();
    const store::History history(*view->reader, moment, limits);
    ValueSink sink;
    const auto found = store::find_one(history, *moment.schema, *resolved, plan, limits, sink);
    return found ? to_string(sink.take()) : to_string(found.error());
  }
  std::string name(const Value& as_of, std::uint64_t id) {
    return one(as_of, "products", {{"where", Map{{"id", id}}}, {"select", List{"name"}}});
  }

  std::uint64_t count(const Value& as_of, const std::string& entity) {
    const store::Moment moment = at(as_of);
    const auto view = store_.view();
    const store::QueryLimits limits;
    const store::History history(*view->reader, moment, limits);
    return store::records_of(history, moment.schema->entity(entity)->id).value();
  }

  TestStore store_;
};

TEST_F(History, ShowsARecordAsItWasAfterEachOfItsCommits) {
  store_.must(TestStore::insert("products", {{"name", "Laptop"}}));       // 2
  store_.must(TestStore::insert("pages", {{"slug", "home"}}));            // 3
  store_.must(TestStore::update("products", 1, {{"name", "Notebook"}}));  // 4
  store_.must(TestStore::update("products", 1, {{"description", std::string(600, 'x')}}));
  store_.must(TestStore::remove("products", 1));  // 6
  EXPECT_EQ(name(1, 1), "null");
  EXPECT_EQ(name(2, 1), R"({"name":"Laptop"})");
  EXPECT_EQ(name(3, 1), R"({"name":"Laptop"})");
  EXPECT_EQ(name(4, 1), R"({"name":"Notebook"})");
  EXPECT_EQ(one(5, "products", {{"select", List{"description"}}}),
            R"({"description":")" + std::string(600, 'x') + "\"}");
  EXPECT_EQ(name(6, 1), "null");
}

TEST_F(History, ShowsAGalleryAsItWas) {
  for (int i = 0; i < 4; ++i) store_.upload("picture " + std::to_string(i));  // 2 to 5
  store_.must(
      TestStore::insert("products", {{"name", "Laptop"}, {"gallery", Map{{"$set", List{1, 2}}}}}));
  store_.must(TestStore::update("products", 1, {{"gallery", Map{{"$attach", List{3}}}}}));  // 7
  store_.must(TestStore::update("products", 1, {{"gallery", Map{{"$detach", List{1}}}}}));  // 8
  store_.must(TestStore::update("media", 2, {{"alt", "the back"}}));                        // 9
  store_.must(TestStore::update("products", 1, {{"gallery", Map{{"$set", List{4, 2}}}}}));  // 10
  const Map query{{"select", List{"id"}},
                  {"with", Map{{"gallery", Map{{"select", List{"id", "alt"}}}}}}};
  EXPECT_EQ(one(6, "products", query),
            R"({"id":1,"gallery":[{"id":1,"alt":null},{"id":2,"alt":null}]})");
  EXPECT_EQ(one(7, "products", query),
            R"({"id":1,"gallery":[{"id":1,"alt":null},{"id":2,"alt":null},{"id":3,"alt":null}]})");
  EXPECT_EQ(one(8, "products", query),
            R"({"id":1,"gallery":[{"id":2,"alt":null},{"id":3,"alt":null}]})");
  EXPECT_EQ(one(9, "products", query),
            R"({"id":1,"gallery":[{"id":2,"alt":"the back"},{"id":3,"alt":null}]})");
  EXPECT_EQ(one(10, "products", query),
            R"({"id":1,"gallery":[{"id":4,"alt":null},{"id":2,"alt":"the back"}]})");
}

TEST_F(History, KnowsWhereAMediaWasUsed) {
  store_.upload("picture");  // 2
  store_.must(
      TestStore::insert("products", {{"name", "a"}, {"thumbnail", Map{{"$set", 1}}}}));  // 3
  store_.must(TestStore::insert("products", {{"name", "b"}, {"gallery", Map{{"$set", List{1}}}}}));
  store_.must(TestStore::remove("products", 1));                                            // 5
  store_.must(TestStore::update("products", 2, {{"gallery", Map{{"$detach", List{1}}}}}));  // 6
  const auto uses = [&](std::int64_t as_of) {
    return one(as_of, "media", {{"select", List{"reference", "entity_id"}}});
  };
  EXPECT_EQ(uses(2), R"({"reference":null,"entity_id":null})");
  EXPECT_EQ(uses(3), R"({"reference":"products.thumbnail","entity_id":1})");
  EXPECT_EQ(uses(4), R"({"reference":"products.thumbnail","entity_id":1})");
  EXPECT_EQ(uses(5), R"({"reference":"products.gallery","entity_id":2})");
  EXPECT_EQ(uses(6), R"({"reference":null,"entity_id":null})");
}

TEST_F(History, CountsTheRecordsThatThereWere) {
  for (int i = 0; i < 3; ++i)
    store_.must(TestStore::insert("products", {{"name", "x"}}));   // 2 to 4
  store_.must(TestStore::remove("products", 2));                   // 5
  store_.must(TestStore::update("products", 3, {{"name", "y"}}));  // 6
  EXPECT_EQ(count(1, "products"), 0u);
  EXPECT_EQ(count(2, "products"), 1u);
  EXPECT_EQ(count(4, "products"), 3u);
  EXPECT_EQ(count(5, "products"), 2u);
  EXPECT_EQ(count(6, "products"), 2u);
}

TEST_F(History, ReadsWithTheSchemaOfThen) {
  store_.must(TestStore::insert("products", {{"name", "Laptop"}}));  // 2
  Map next = shop_schema();
  Map& fields =
      *next.find("entities")->if_map()->find("products")->if_map()->find("fields")->if_map();
  fields.set("colour", field("text", {{"default_value", "red"}}));
  store_.apply(next);  // 3
  const Map query{{"select", List{"colour"}}};
  EXPECT_EQ(one(3, "products", query), R"({"colour":"red"})");
  EXPECT_NE(one(2, "products", query).find("no field \"colour\""), std::string::npos);
}

TEST_F(History, TakesTimesForTheLastCommitUpToThem) {
  store_.must(TestStore::insert("products", {{"name", "Laptop"}}));  // 2
  const Time second = store_.view()->time;
  store_.environment().pass(1'000'000);
  store_.must(TestStore::insert("products", {{"name", "Chair"}}));  // 3
  const Time third = store_.view()->time;
  EXPECT_EQ(at(second).sequence, 2u);
  EXPECT_EQ(at(Time{third.micros - 1}).sequence, 2u);
  EXPECT_EQ(at(third).sequence, 3u);
  EXPECT_EQ(at(Time{third.micros + 5}).sequence, 3u);
  EXPECT_EQ(at(to_string(second)).sequence, 2u);
  EXPECT_EQ(at(second).time, second);
}

TEST_F(History, SaysWhatIsNoMoment) {
  const auto text = [&](const Value& as_of) { return to_string(refused(as_of)); };
  EXPECT_EQ(refused(0).code, ErrorCode::out_of_range);
  EXPECT_EQ(refused(-3).path, "as_of");
  EXPECT_NE(text(2).find("commit 2 has not been made; the last is 1"), std::string::npos)
      << text(2);
  EXPECT_EQ(refused(Time{1}).code, ErrorCode::out_of_range);
  EXPECT_NE(text(Time{1}).find("the first commit is of "), std::string::npos) << text(Time{1});
  EXPECT_EQ(refused("yesterday").code, ErrorCode::wrong_type);
  EXPECT_EQ(refused(1.5).code, ErrorCode::wrong_type);
  const TestStore empty;
  EXPECT_EQ(store::moment_at(*empty.view(), Time{1}).error().message, "the log has no commit yet");
}

TEST_F(History, CostsWhatTheRecordHasBeenThroughAndNoMore) {
  store_.must(TestStore::insert("products", {{"name", "Laptop"}}));  // 2
  for (int i = 0; i < 300; ++i) store_.must(TestStore::insert("pages", {{"slug", "a page"}}));
  for (int i = 0; i < 8; ++i) {
    store_.must(TestStore::update("products", 1, {{"price", i}}));
  }
  const Map query{{"where", Map{{"id", 1}}}, {"select", List{"name"}}};
  store::QueryLimits limits;
  limits.examined_max = 10;  // Nine commits back, and the first one folded.
  EXPECT_EQ(one(2, "products", query, limits), R"({"name":"Laptop"})");
  limits.examined_max = 9;
  const std::string refusal = one(2, "products", query, limits);
  EXPECT_NE(refusal.find("commits and records of the past, which is the limit"), std::string::npos)
      << refusal;
}

TEST_F(History, EndsWhenItIsCalledOff) {
  store_.must(TestStore::insert("products", {{"name", "Laptop"}}));
  store_.must(TestStore::update("products", 1, {{"name", "Notebook"}}));
  const std::atomic<bool> is_cancelled = true;
  store::QueryLimits limits;
  limits.is_cancelled = &is_cancelled;
  const auto view = store_.view();
  const store::History history(*view->reader, at(2), limits);
  const auto row =
      history.get(store::Family::records, store::record_key({EntityId{2}, RecordId(1)}));
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::cancelled);
}

// A store whose bytes were all collected by commit 9.
class Collected final : public store::Reader {
 public:
  explicit Collected(const store::Reader& below) : below_(below) {}
  Result<std::optional<std::string>> get(store::Family family,
                                         std::string_view key) const override {
    EMSTORE_TRY(auto row, below_.get(family, key));
    if (!row || family != store::Family::blobs) return row;
    EMSTORE_TRY(store::BlobRow blob, store::decode_blob(*row));
    blob.collected_at = 9;
    return store::encode(blob);
  }
  using Reader::scan;
  Status scan(store::Family family, const store::KeyRange& range, store::Direction direction,
              const Visit& visit) const override {
    return below_.scan(family, range, direction, visit);
  }

 private:
  const store::Reader& below_;
};

TEST_F(History, TellsWhichBytesWereCollected) {
  store_.upload("picture");  // 2
  store_.must(TestStore::insert("products", {{"name", "a"}, {"thumbnail", Map{{"$set", 1}}}}));
  const auto view = store_.view();
  const auto told = [&](const store::Reader& live, const Map& query) {
    store::Query resolved = store::resolve_query(*view->schema, "products", query).value();
    store::tell_collected(resolved);
    const store::Plan plan = store::plan_of(*view->schema, resolved, [](IndexId) { return false; });
    const store::QueryLimits limits;
    const store::History history(live, at(3), limits);
    ValueSink sink;
    EXPECT_TRUE(store::find_one(history, *view->schema, resolved, plan, limits, sink));
    return to_string(*sink.take().if_map()->find("thumbnail"));
  };
  const auto with = [](List select) {
    return Map{{"with", Map{{"thumbnail", Map{{"select", std::move(select)}}}}}};
  };
  const Collected collected(*view->reader);
  const std::string text = told(collected, with({"id", "blob"}));
  EXPECT_NE(text.find(R"("bytes":"collected","collected_at":9)"), std::string::npos) << text;
  EXPECT_EQ(told(collected, with({"id"})), R"({"id":1})");
  EXPECT_EQ(told(*view->reader, with({"id", "blob"})).find("collected"), std::string::npos);
}

TEST_F(History, HasNoIndexes) {
  const auto view = store_.view();
  const store::QueryLimits limits;
  const store::History history(*view->reader, at(1), limits);
  EXPECT_EQ(history.get(store::Family::values, "x").error().code, ErrorCode::internal);
  const auto nothing = [](std::string_view, std::string_view) { return true; };
  EXPECT_EQ(history.scan(store::Family::uses, {}, nothing).error().code, ErrorCode::internal);
}

// The ids of the links that are there, from both ends.
TEST_F(History, WalksBackwardsToo) {
  for (int i = 0; i < 40; ++i)
    store_.must(TestStore::insert("pages", {{"slug", "a page"}}));  // 2 to 41
  for (int i = 2; i <= 40; i += 2)
    store_.must(TestStore::remove("pages", static_cast<std::uint64_t>(i)));
  const auto view = store_.view();
  const store::QueryLimits limits;
  const store::History history(*view->reader, at(41), limits);
  std::vector<std::string> forward, backward;
  const auto into = [](std::vector<std::string>& keys) {
    return [&keys](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    };
  };
  const auto range =
      store::range_of_prefix(store::entity_prefix(at(41).schema->entity("pages")->id));
  ASSERT_TRUE(history.scan(store::Family::records, range, into(forward)));
  ASSERT_TRUE(
      history.scan(store::Family::records, range, store::Direction::backward, into(backward)));
  EXPECT_EQ(forward.size(), 40u);
  std::reverse(backward.begin(), backward.end());
  EXPECT_EQ(forward, backward);
}

}  // namespace
}  // namespace emstore::testing
