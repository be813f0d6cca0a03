// Transactions: references to what was inserted before, checks; all or nothing. And the same answer
// to a retry of whatever has several mutations.
#include <gtest/gtest.h>

#include "tests/unit/store/group_commands.h"

namespace emstore::testing {
namespace {

// ---- Transactions -------------------------------------------------------------------------------

TEST_F(Commands, NameRecordsInsertedBefore) {
  const store::CommitOutcome outcome = must_all(
      {named(insert("media", {{"file", Binary{"new"}}}), "new"),
       named(insert("products", {{"name", "a"}, {"thumbnail", Map{{"$set", ref("new")}}}}), "a"),
       named(insert_many("media", {Map{{"file", Binary{"x"}}}, Map{{"file", Binary{"y"}}}}),
             "more"),
       {store::Verb::update,
        "products",
        ref("a"),
        {{"gallery",
          Map{{"$attach", List{Map{{"id", ref("more[1]")}, {"meta", Map{{"alt", "y"}}}},
                               Map{{"id", ref("new")}, {"at", Map{{"before", ref("more[1]")}}}},
                               ref("more[0]"), front_}}}}},
        {},
        false}});
  EXPECT_EQ(ids_of(outcome.mutations[2]), (Ids{4, 5}));
  EXPECT_EQ(links("products", 1, "thumbnail"), Ids{3});
  EXPECT_EQ(links("products", 1, "gallery"), (Ids{3, 5, 4, 1}));
  verify();
}

TEST_F(Commands, TellWhatAReferenceCannotName) {
  const auto asked = [&](Value id) {
    return std::vector{
        named(insert("products", {{"name", "a"}}), "laptop"),
        named(insert_many("media", {}), "none"),
        store::Mutation{store::Verb::update, "products", std::move(id), {}, {}, false}};
  };
  EXPECT_EQ(faults(asked(ref("lpatop"))),
            (Faults{{ErrorCode::invalid_request, "operations[2].id"}}));
  EXPECT_EQ(error_of(transaction(asked(ref("lpatop")))).hint, "did you mean \"laptop\"?");
  EXPECT_EQ(faults(asked(ref("none"))), (Faults{{ErrorCode::wrong_type, "operations[2].id"}}));
  EXPECT_EQ(faults(asked(ref("laptop[1]"))),
            (Faults{{ErrorCode::invalid_request, "operations[2].id"}}));
  must_all(asked(ref("laptop[0]")));
}

TEST_F(Commands, SayOfANameOfNoEntityOnlyThatThereIsNone) {
  EXPECT_EQ(faults({named(insert("prodcuts", {{"name", "a"}}), "a"),
                    {store::Verb::update, "products", ref("a"), {{"price", 2}}, {}, false}}),
            (Faults{{ErrorCode::unknown_entity, "operations[0].entity"}}));
}

TEST_F(Commands, RefuseTheSameNameTwiceAndNamesWithBrackets) {
  EXPECT_EQ(faults({named(insert("products", {{"name", "a"}}), "x"),
                    named(insert("products", {{"name", "b"}}), "x")}),
            (Faults{{ErrorCode::duplicate_item, "operations[1].as"}}));
  EXPECT_EQ(faults({named(insert("products", {{"name", "a"}}), "x[0]")}),
            (Faults{{ErrorCode::invalid_request, "operations[0].as"}}));
}

TEST_F(Commands, SayNothingOfWhatNamesARefusedRecord) {
  EXPECT_EQ(faults({named(insert("products", {{"price", 1}}), "a"),
                    {store::Verb::update, "products", ref("a"), {{"price", 2}}, {}, false},
                    insert("products", {{"price", 3}})}),
            (Faults{{ErrorCode::required, "operations[0].name"},
                    {ErrorCode::required, "operations[2].name"}}));
}

// A mutation that is left out has made nothing that a name could stand for.
TEST_F(Commands, SayNothingOfWhatNamesARecordThatWasLeftOut) {
  const Map front{{"name", "b"}, {"thumbnail", Map{{"$set", ref("a")}}}};
  EXPECT_EQ(faults({named(insert("media", {{"alt", "no file"}}), "a"),
                    named(insert("products", front), "b"),
                    named(insert_many("products", {front, Map{{"name", "c"}}}), "many"),
                    {store::Verb::update, "products", ref("b"), {{"price", 2}}, {}, false},
                    {store::Verb::update, "products", ref("many[1]"), {{"price", 2}}, {}, false}}),
            (Faults{{ErrorCode::required, "operations[0].file"}}));
}

// Of an item that names such a record, the rest is looked at.
TEST_F(Commands, SayWhatElseIsWrongWithAnItem) {
  const Map item{{"id", ref("a")}, {"at", "middle"}};
  EXPECT_EQ(faults({named(insert("media", {{"alt", "no file"}}), "a"),
                    insert("products", {{"name", "b"}, {"gallery", Map{{"$attach", item}}}})}),
            (Faults{{ErrorCode::required, "operations[0].file"},
                    {ErrorCode::wrong_type, "operations[1].gallery.$attach.at"}}));
}

TEST_F(Commands, KeepAReferenceInAJsonValueAsItIs) {
  Map schema = shop_schema();
  schema.find("entities")
      ->if_map()
      ->find("pages")
      ->if_map()
      ->find("fields")
      ->if_map()
      ->set("extra", field("json"));
  apply(schema);
  must(insert("pages", {{"slug", "a"}, {"extra", ref("no name")}}));
  EXPECT_EQ(*find_one("pages", {}).if_map()->find("extra"), Value(ref("no name")));
}

TEST_F(Commands, HoldChecksAgainstRecordsThatAreNotWritten) {
  add_products(2);
  const Version version = view()->sequence;
  store::Mutation at_version = check("products", 1);
  at_version.expected = version;
  store::Mutation absent = check("products", 77);
  absent.exists = false;
  const store::CommitOutcome outcome = must_all(
      {at_version, absent, check("products", 2), check_where("products", 2, {{"price", 2}}),
       check_where("products", {}, {{"name", "p1"}}),
       check_where("products", {}, {{"price", Map{{"$gt", 9}}}}, /*exists=*/false),
       update("products", 2, {{"state", "checked"}})});
  EXPECT_EQ(outcome.sequence, version + 1);
  EXPECT_TRUE(outcome.mutations[0].records.empty());
  EXPECT_EQ(ids_of(outcome.mutations[6]), Ids{2});
}

TEST_F(Commands, TellEveryCheckThatFailsAndEveryViolation) {
  add_products(2);
  store::Mutation stale = check("products", 1);
  stale.expected = 1;
  store::Mutation absent = check("products", 1);
  absent.exists = false;
  store::Mutation late = update("products", 2, {{"state", "x"}});
  late.expected = 1;
  EXPECT_EQ(
      faults({stale, absent, check("products", 77), check_where("products", 2, {{"price", 3}}),
              check_where("products", {}, {{"name", "p1"}}, /*exists=*/false),
              check_where("products", {}, {{"nmae", "p1"}}), late,
              update("products", 1, {{"gallery", Map{{"$attach", List{front_, 99}}}}})}),
      (Faults{{ErrorCode::version_mismatch, "operations[0].expected"},
              {ErrorCode::check_failed, "operations[1].id"},
              {ErrorCode::check_failed, "operations[2].id"},
              {ErrorCode::check_failed, "operations[3].where"},
              {ErrorCode::check_failed, "operations[4].where"},
              {ErrorCode::unknown_field, "operations[5].where.nmae"},
              {ErrorCode::version_mismatch, "operations[6].expected"},
              {ErrorCode::media_not_found, "operations[7].gallery.$attach[1]"}}));
}

TEST_F(Commands, SeeWhatTheMutationsBeforeThemDid) {
  must_all({named(insert("products", {{"name", "a"}, {"sku", "S"}}), "a"),
            check_where("products", ref("a"), {{"sku", "S"}}),
            update_where("products", {{"sku", "S"}}, {{"sku", "T"}}),
            check_where("products", {}, {{"sku", "S"}}, /*exists=*/false),
            delete_where("products", {{"sku", "T"}}),
            check_where("products", {}, {}, /*exists=*/false)});
  EXPECT_TRUE(ids_where({}).empty());
  verify();
}

TEST_F(Commands, MakeNoCommitOfChecksAlone) {
  add_products(1);
  const Sequence before = view()->sequence;
  EXPECT_EQ(must_all({check("products", 1)}).sequence, before);
  EXPECT_EQ(view()->sequence, before);
}

// ---- Retries ------------------------------------------------------------------------------------

TEST_F(Commands, AnswerARetryOfManyDocumentsAsBefore) {
  add_products(1);
  expect_same_answer_again(command(insert_many(
      "products", {Map{{"name", "x"}, {"gallery", Map{{"$create", Map{{"file", Binary{"n"}}}}}}},
                   Map{{"name", "y"}}})));
}

TEST_F(Commands, AnswerARetryOfAChoiceWithoutFindingAgain) {
  add_products(4);
  must(update("products", 3, {{"state", "sale"}}));
  store::Mutation asked =
      update_where("products", {{"price", Map{{"$gte", 2}}}}, {{"state", "sale"}, {"price", 1}});
  asked.choice->limit = 2;
  expect_same_answer_again(command(asked));
  EXPECT_EQ(ids_where({{"price", 1}}), (Ids{1, 2, 3}));
}

TEST_F(Commands, AnswerARetryOfADeletionByChoiceAsBefore) {
  add_products(4);
  expect_same_answer_again(command(delete_where("products", {{"price", Map{{"$gte", 3}}}})));
}

TEST_F(Commands, AnswerARetryOfATransactionAsBefore) {
  add_products(2);
  expect_same_answer_again(transaction(
      {check("products", 2), named(insert("media", {{"file", Binary{"z"}}}), "z"),
       update_where("products", {{"price", 2}}, {{"thumbnail", Map{{"$set", ref("z")}}}}),
       update("products", 2, {{"gallery", Map{{"$attach", List{ref("z"), front_}}}}}),
       delete_where("products", {{"price", 77}}),
       update("products", 2, {{"gallery", Map{{"$detach", side_}}}})}));
}

}  // namespace
}  // namespace emstore::testing
