#include "store/field_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/test_store.h"

namespace emstore::store {
namespace {

using testing::field;
using testing::poly;
using testing::TestStore;

// The field `it` on an entity and on media, so that it can be written in every way there is.
Map schema_with(const Map& it) {
  return {
      {"entities", Map{{"things", Map{{"fields", Map{{"it", it}, {"pictures", field("media")}}}}},
                       {"media", Map{{"type", "system"}, {"fields", Map{{"it", it}}}}}}},
      {"relations", Map{{"p", poly("things", "pictures", false)}}}};
}

std::string result_of(const Outcome& outcome) {
  return outcome ? "accepted" : std::string(name_of(outcome.error().code));
}

// What each way to write the value says: the same, for every way.
class Ways {
 public:
  explicit Ways(const Map& it) {
    store_.apply(schema_with(it));
    store_.must(TestStore::insert("things", {}));
    store_.upload("bytes");
  }

  // Each written, and refused ones leave nothing behind.
  std::vector<std::string> results(const Value& value) {
    const Map given{{"it", value}};
    const Map media{{"file", Binary{"x"}}, {"it", value}};
    return {
        result_of(store_.ask(TestStore::insert("things", given))),
        result_of(store_.ask(TestStore::update("things", 1, given))),
        result_of(store_.ask(TestStore::update("media", 1, given))),
        result_of(store_.ask(TestStore::insert("media", media))),
        result_of(store_.ask(TestStore::insert("things", {{"pictures", Map{{"$create", media}}}}))),
        result_of(store_.ask(
            TestStore::update("things", 1, {{"pictures", Map{{"$create", List{media}}}}})))};
  }

  TestStore& store() { return store_; }

 private:
  TestStore store_;
};

TEST(FieldOptions, HoldAtBelowAndAboveOnEveryWayToWrite) {
  const Value null;
  struct OptionCase {
    Map it;
    Value value;
    std::string expected;
  };
  const Map two_to_four{{"minLength", 2}, {"maxLength", 4}};
  const Map days{{"min_date", "2026-01-02"}, {"max_date", "2026-01-04"}};
  const Map times{{"min_date", "2026-01-02T00:00:00Z"}, {"max_date", "2026-01-04T00:00:00Z"}};
  const Map specs{{"schema", Map{{"properties", Map{{"n", Map{{"minimum", 5}}}}}}}};
  const Map colours{
      {"options", Map{{"type", "objects"}, {"values", List{Map{{"label", "R"}, {"value", "r"}}}}}}};
  const OptionCase rows[] = {
      {field("text", two_to_four), "a", "too_short"},
      {field("text", two_to_four), "ab", "accepted"},
      {field("text", two_to_four), "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", "accepted"},
      {field("text", two_to_four), "abcde", "too_long"},
      {field("text", {{"pattern", "^[a-z]+$"}}), "abc", "accepted"},
      {field("text", {{"pattern", "^[a-z]+$"}}), "abC", "pattern_mismatch"},
      {field("number", {{"minimum", 0}}), -0.001, "out_of_range"},
      {field("number", {{"minimum", 0}}), -0.0, "accepted"},
      {field("number", {{"minimum", 5}}), 5, "accepted"},
      {field("number", {{"maximum", 5}}), 5, "accepted"},
      {field("number", {{"maximum", 5}}), 5.001, "out_of_range"},
      {field("number", {{"exclusiveMinimum", 5}}), 5, "out_of_range"},
      {field("number", {{"exclusiveMinimum", 5}}), 5.001, "accepted"},
      {field("number", {{"exclusiveMaximum", 9}}), 9, "out_of_range"},
      {field("number", {{"exclusiveMaximum", 9}}), 8.999, "accepted"},
      {field("number", {{"multipleOf", 2}}), 3, "out_of_range"},
      {field("number", {{"multipleOf", 2}}), 4, "accepted"},
      {field("number", {{"multipleOf", 0.1}}), 0.3, "accepted"},
      {field("number", {{"multipleOf", 0.1}}), 0.35, "out_of_range"},
      {field("enum", colours), "r", "accepted"},
      {field("enum", colours), "R", "not_in_enum"},
      {field("date", days), "2026-01-01", "out_of_range"},
      {field("date", days), "2026-01-02", "accepted"},
      {field("date", days), "2026-01-04", "accepted"},
      {field("date", days), "2026-01-05", "out_of_range"},
      {field("datetime", times), "2026-01-01T23:59:59.999999Z", "out_of_range"},
      {field("datetime", times), "2026-01-02T01:00:00+01:00", "accepted"},
      {field("datetime", times), Time{1'767'484'800'000'000}, "accepted"},
      {field("datetime", times), "2026-01-04T00:00:00.000001Z", "out_of_range"},
      {field("jsonschema", specs), Map{{"n", 4}}, "schema_mismatch"},
      {field("jsonschema", specs), Map{{"n", 5}}, "accepted"},
      {field("jsonschema", specs), "anything else", "accepted"},
      {field("jsonschema", specs), Binary{"x"}, "wrong_type"},
      {field("text", {{"fillable", false}}), "a", "read_only"},
      {field("text", {{"fillable", false}}), null, "read_only"},
  };
  for (const OptionCase& row : rows) {
    Ways ways(row.it);
    EXPECT_THAT(ways.results(row.value), ::testing::Each(row.expected))
        << to_string(Value(row.it)) << " " << to_string(row.value);
    ways.store().verify();
  }
}

TEST(FieldOptions, RequiredHoldsOnEveryWayToWrite) {
  Ways ways(field("text", {{"required", true}, {"default_value", "a"}}));
  EXPECT_THAT(ways.results(nullptr), ::testing::Each(std::string("required")));
  EXPECT_THAT(ways.results("b"), ::testing::Each(std::string("accepted")));
}

TEST(FieldOptions, FillableMayHoldForCreationAlone) {
  Ways created(field("text", {{"fillable", List{"create"}}}));
  EXPECT_THAT(created.results("a"), ::testing::ElementsAre("accepted", "read_only", "read_only",
                                                           "accepted", "accepted", "accepted"));
  Ways updated(field("text", {{"fillable", List{"update", "read"}}}));
  EXPECT_THAT(updated.results("a"), ::testing::ElementsAre("read_only", "accepted", "accepted",
                                                           "read_only", "read_only", "read_only"));
  const Error error = updated.store().refused(TestStore::insert("things", {{"it", "a"}}));
  EXPECT_EQ(error.message, "things.it is not fillable when a record is created");
  EXPECT_EQ(error.path, "it");
}

TEST(FieldOptions, HiddenLeavesOutOfEachContextAlone) {
  struct {
    Value hidden;
    bool in_insert, in_update, in_read;
  } const rows[] = {
      {false, true, true, true},
      {true, false, false, false},
      {List{"read"}, true, true, false},
      {List{"create"}, false, true, true},
      {List{"update", "table"}, true, false, true},
      {List{"delete", "form", "submit"}, true, true, true},
  };
  for (const auto& row : rows) {
    TestStore store;
    store.apply(schema_with(field("text", {{"hidden", row.hidden}})));
    const auto inserted = store.must(TestStore::insert("things", {{"it", "a"}}));
    const auto updated = store.must(TestStore::update("things", 1, {{"it", "b"}}));
    const std::string text = to_string(row.hidden);
    EXPECT_EQ(inserted.mutations.front().records[0].data.contains("it"), row.in_insert) << text;
    EXPECT_EQ(updated.mutations.front().records[0].data.contains("it"), row.in_update) << text;
    const Value read = store.find_one("things", {{"where", Map{{"id", 1}}}});
    EXPECT_EQ(read.if_map()->contains("it"), row.in_read) << text;
    const Value selected =
        store.find_one("things", {{"where", Map{{"it", "b"}}}, {"select", List{"it"}}});
    EXPECT_EQ(*selected.if_map()->find("it"), Value("b")) << text;
  }
}

TEST(FieldOptions, DefaultsAreWrittenAndShownForRecordsOlderThanTheField) {
  const Map schema{
      {"properties",
       Map{{"theme", Map{{"default", "dark"}}},
           {"size", Map{{"properties", Map{{"w", Map{{"default", 3}}}, {"h", Map{}}}}}}}}};
  const Value made(Map{{"theme", "dark"}, {"size", Map{{"w", 3.0}}}});
  TestStore store;
  store.apply(schema_with(field("text")));
  store.must(TestStore::insert("things", {}));
  Map wanted = schema_with(field("text"));
  Map& fields =
      *wanted.find("entities")->if_map()->find("things")->if_map()->find("fields")->if_map();
  fields.set("specs", field("jsonschema", {{"schema", schema}, {"default_from_schema", true}}));
  fields.set("extra", field("json", {{"default_value", List{1, "a"}}}));
  EXPECT_TRUE(store.apply(wanted).changed);
  EXPECT_FALSE(store.apply(wanted).changed);
  const Value older = store.find_one("things", {{"where", Map{{"id", 1}}}});
  EXPECT_EQ(to_string(*older.if_map()->find("specs")), to_string(made));
  EXPECT_EQ(to_string(*older.if_map()->find("extra")), to_string(Value(List{1.0, "a"})));
  const auto newer = store.must(TestStore::insert("things", {}));
  EXPECT_EQ(to_string(*newer.mutations.front().records[0].data.find("specs")), to_string(made));
  store.verify();
}

TEST(FieldOptions, ASchemaOnJsonIsATighterRule) {
  TestStore store;
  store.apply(schema_with(field("json")));
  store.must(TestStore::insert("things", {{"it", 1}}));
  const auto tighter =
      store.apply(schema_with(field("jsonschema", {{"schema", Map{{"type", "object"}}}})));
  EXPECT_THAT(
      tighter.difference,
      ::testing::Contains("~ things.it schema {\"type\":\"object\"}; older values stay as they "
                          "are"));
  EXPECT_EQ(store.refused(TestStore::insert("things", {{"it", 1}})).code,
            ErrorCode::schema_mismatch);
  EXPECT_TRUE(store.apply(schema_with(field("json"))).changed);
  store.must(TestStore::insert("things", {{"it", 1}}));
  store.verify();
}

}  // namespace
}  // namespace emstore::store
