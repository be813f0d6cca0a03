// Records whose ids are uuids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "store/record_ids.h"
#include "tests/support/test_store.h"

namespace emstore::store {
namespace {

using testing::field;
using testing::poly;
using testing::TestStore;

constexpr std::array<std::uint8_t, 8> kZeros{};
constexpr std::array<std::uint8_t, 8> kOnes{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

TEST(NextUuid, HoldsMillisecondsTheirFractionAndChance) {
  // 0x0190163D8A00 ms, and 500 microseconds: half of 4096.
  const Time now{static_cast<std::int64_t>(0x0190163D8A00) * 1000 + 500};
  EXPECT_EQ(to_string(next_uuid(now, std::nullopt, kZeros)),
            "0190163d-8a00-7800-8000-000000000000");
  EXPECT_EQ(to_string(next_uuid(now, std::nullopt, kOnes)), "0190163d-8a00-7800-bfff-ffffffffffff");
  EXPECT_EQ(to_string(next_uuid(Time{999}, std::nullopt, kZeros)),
            "00000000-0000-7ffb-8000-000000000000");
}

TEST(NextUuid, IsAboveTheGreatestWhateverClockAndChanceSay) {
  const RecordId late = next_uuid(Time{2'000'000}, std::nullopt, kOnes);
  const RecordId next = next_uuid(Time{1'000'000}, late, kOnes);
  EXPECT_GT(next, late);
  EXPECT_EQ(to_string(late), "00000000-07d0-7000-bfff-ffffffffffff");
  EXPECT_EQ(to_string(next), "00000000-07d0-7001-8000-000000000000");  // The kind stays.
  const RecordId first = next_uuid(Time{5}, std::nullopt, kZeros);
  EXPECT_EQ(to_string(next_uuid(Time{5}, first, kZeros)), "00000000-0000-7014-8000-000000000001");
  EXPECT_GT(next_uuid(Time{6}, first, kZeros), first);
}

Map schema_of_notes() {
  return {
      {"entities", Map{{"notes", Map{{"fields", Map{{"id", field("primary", {{"format", "uuid"}})},
                                                    {"title", field("text")},
                                                    {"day", field("date")},
                                                    {"pictures", field("media")}}}}}}},
      {"relations", Map{{"p", poly("notes", "pictures", false)}}},
      {"indices",
       Map{{"title", Map{{"entity", "notes"}, {"fields", List{"title"}}}},
           {"day", Map{{"entity", "notes"}, {"fields", List{"day", "title"}}, {"unique", true}}}}}};
}

class UuidIds : public ::testing::Test {
 protected:
  void SetUp() override { store_.apply(schema_of_notes()); }

  std::string insert(Map document) {
    const CommitOutcome outcome = store_.must(TestStore::insert("notes", std::move(document)));
    return outcome.mutations.empty() ? "" : to_string(outcome.mutations.front().records[0].id);
  }

  static Mutation with_id(Verb verb, Value id, Map document = {}) {
    return {verb, "notes", std::move(id), std::move(document), {}, false};
  }

  TestStore store_;
};

TEST_F(UuidIds, AreTextsThatOrderRecordsByCreation) {
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(insert({{"title", std::to_string(i)}}));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size());
  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 36U);
    EXPECT_EQ(id[14], '7');
  }
  store_.verify();
}

TEST_F(UuidIds, AreGivenToEachOfManyInOneCommit) {
  Command command;
  for (int i = 0; i < 100; ++i) {
    command.mutations.push_back(TestStore::insert("notes", {{"title", std::to_string(i)}}));
  }
  const Outcome outcome = store_.submit(std::move(command));
  ASSERT_TRUE(outcome) << to_string(outcome.error());
  const auto& made = std::get<CommitOutcome>(*outcome).mutations;
  ASSERT_EQ(made.size(), 100U);
  for (std::size_t i = 1; i < made.size(); ++i) {
    EXPECT_GT(made[i].records.at(0).id, made[i - 1].records.at(0).id);
  }
  store_.verify();
}

TEST_F(UuidIds, RiseAcrossARestartAndAClockThatWasPutBack) {
  const std::string before = insert({});
  store_.environment().set_clock(-3'600'000'000);
  store_.open();
  const std::string after = insert({});
  EXPECT_GT(after, before);
  store_.verify();
}

TEST_F(UuidIds, NameRecordsEverywhere) {
  const std::string id = insert({{"title", "a"}, {"day", "2026-01-01"}});
  const std::uint64_t media = store_.upload("bytes");
  store_.must(with_id(Verb::update, id, {{"title", "b"}, {"pictures", Map{{"$attach", media}}}}));

  const auto found = [&](Map where) {
    const Value record = store_.find_one("notes", {{"where", std::move(where)}});
    return record.if_map() == nullptr ? Value() : *record.if_map()->find("id");
  };
  EXPECT_EQ(found({{"id", id}}), Value(id));
  EXPECT_EQ(found({{"id", Map{{"$in", List{id}}}}}), Value(id));
  EXPECT_EQ(found({{"id", Map{{"$gte", id}}}}), Value(id));
  EXPECT_EQ(found({{"id", Map{{"$gt", id}}}}), Value());
  EXPECT_EQ(found({{"title", "b"}}), Value(id));  // By an index, whose keys end with ids.
  EXPECT_EQ(found({{"day", "2026-01-01"}, {"title", "b"}}), Value(id));

  const Value picture =
      store_.find_one("media", {{"where", Map{{"id", media}}}, {"with", Map{{"reference", true}}}});
  const Value& use = picture.if_map()->find("reference")->if_list()->front();
  EXPECT_EQ(*use.if_map()->find("entity_id"), Value(id));
  EXPECT_EQ(*use.if_map()->find("entity"), Value("notes"));
  const Value selected = store_.find_one(
      "media", {{"where", Map{{"id", media}}}, {"select", List{"reference", "entity_id"}}});
  EXPECT_EQ(*selected.if_map()->find("entity_id"), Value(id));

  store_.must(with_id(Verb::remove, id));
  EXPECT_EQ(found({{"id", id}}), Value());
  store_.verify();
}

TEST_F(UuidIds, AreHeldToUniqueIndexes) {
  const std::string id = insert({{"day", "2026-01-01"}, {"title", "a"}});
  const Error error =
      store_.refused(TestStore::insert("notes", {{"day", "2026-01-01"}, {"title", "a"}}));
  EXPECT_EQ(error.code, ErrorCode::not_unique);
  EXPECT_EQ(error.message, "notes/" + id + " has day \"2026-01-01\", title \"a\" already");
  insert({{"day", "2026-01-01"}});  // Nulls do not collide, as in SQL.
  insert({{"day", "2026-01-01"}});
  store_.verify();
}

TEST_F(UuidIds, AreRefusedInAnotherForm) {
  insert({});
  EXPECT_EQ(store_.refused(with_id(Verb::update, 1, {{"title", "b"}})).code, ErrorCode::wrong_type);
  EXPECT_EQ(store_.refused(with_id(Verb::remove, "no uuid")).code, ErrorCode::wrong_type);
  EXPECT_EQ(store_.refused(with_id(Verb::remove, "01935a2e-7b10-7d3c-8a41-0f6d1f2b9c55")).code,
            ErrorCode::record_not_found);
  EXPECT_EQ(store_.refused(TestStore::insert("notes", {{"id", "x"}})).code, ErrorCode::read_only);
  const auto where = resolve_query(*store_.view()->schema, "notes", {{"where", Map{{"id", 1}}}});
  ASSERT_FALSE(where);
  EXPECT_EQ(where.error().code, ErrorCode::wrong_type);
  EXPECT_EQ(where.error().hint, "ids here are uuids, as text");
}

TEST_F(UuidIds, StayWhatTheyAre) {
  Map wanted = schema_of_notes();
  Map& fields =
      *wanted.find("entities")->if_map()->find("notes")->if_map()->find("fields")->if_map();
  fields.erase("id");
  const Outcome outcome = store_.submit(SchemaCommand{.schema = wanted});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "notes has uuids for ids, and they cannot change");
  const auto same = store_.apply(to_value(*store_.view()->schema));
  EXPECT_FALSE(same.changed);
  EXPECT_FALSE(store_.apply(schema_of_notes()).changed);
}

}  // namespace
}  // namespace emstore::store
