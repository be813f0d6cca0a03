// Commands of several mutations: many documents, records that a `where` finds, references to what
// was inserted before, checks; all or nothing, and the same answer to a retry.
#include <gtest/gtest.h>

#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using Faults = std::vector<std::pair<ErrorCode, std::string>>;
using Ids = std::vector<std::uint64_t>;

Map ref(const char* name) { return Map{{"$ref", name}}; }

store::Mutation named(store::Mutation mutation, std::string name) {
  mutation.name = std::move(name);
  return mutation;
}

store::Mutation insert_many(std::string entity, List documents) {
  store::Mutation mutation{store::Verb::insert, std::move(entity), {}, {}, {}, false};
  mutation.documents = std::move(documents);
  return mutation;
}

store::Mutation update_where(std::string entity, Map where, Map document) {
  store::Mutation mutation{
      store::Verb::update, std::move(entity), {}, std::move(document), {}, false};
  mutation.choice = store::Choice{std::move(where), false, {}, {}};
  return mutation;
}

store::Mutation delete_where(std::string entity, Map where) {
  store::Mutation mutation{store::Verb::remove, std::move(entity), {}, {}, {}, false};
  mutation.choice = store::Choice{std::move(where), false, {}, {}};
  return mutation;
}

store::Mutation check(std::string entity, Value id) {
  return {store::Verb::check, std::move(entity), std::move(id), {}, {}, false};
}

store::Mutation check_where(std::string entity, Value id, Map where, bool exists = true) {
  store::Mutation mutation = check(std::move(entity), std::move(id));
  mutation.choice = store::Choice{std::move(where), false, {}, {}};
  mutation.exists = exists;
  return mutation;
}

class Commands : public ::testing::Test, public TestStore {
 protected:
  Commands() {
    apply(shop_schema());
    front_ = upload("front");
    side_ = upload("side");
  }

  static store::Command transaction(std::vector<store::Mutation> mutations) {
    store::Command made = command(std::move(mutations));
    made.is_transaction = true;
    return made;
  }

  store::CommitOutcome must_all(std::vector<store::Mutation> mutations) {
    const store::Outcome outcome = submit(transaction(std::move(mutations)));
    EXPECT_TRUE(outcome) << (outcome ? "" : to_string(outcome.error()));
    return outcome ? std::get<store::CommitOutcome>(*outcome) : store::CommitOutcome{};
  }

  // What is wrong; and then nothing has happened.
  Faults faults(store::Command asked) {
    const Sha256 before = digest();
    const Sequence sequence = view()->sequence;
    const store::Outcome outcome = submit(std::move(asked));
    EXPECT_EQ(digest(), before) << "a refused command left a trace";
    EXPECT_EQ(view()->sequence, sequence);
    Faults found;
    if (outcome) return found;
    for (const Error& violation : outcome.error().violations)
      found.emplace_back(violation.code, violation.path);
    return found;
  }
  Faults faults(std::vector<store::Mutation> mutations) {
    return faults(transaction(std::move(mutations)));
  }

  // The violations in full, for their words.
  Error error_of(store::Command asked) {
    const store::Outcome outcome = submit(std::move(asked));
    EXPECT_FALSE(outcome);
    return outcome ? Error{} : outcome.error();
  }

  void add_products(std::size_t count) {
    List documents;
    for (std::size_t i = 1; i <= count; ++i) {
      documents.push_back(Map{{"name", "p" + std::to_string(i)}, {"price", i}});
    }
    must(insert_many("products", std::move(documents)));
  }

  Ids ids_where(const Map& where) {
    const auto now = view();
    const auto query = store::resolve_query(*now->schema, "products", {{"where", where}});
    const store::Plan plan = store::plan_of(*now->schema, *query, [](IndexId) { return true; });
    const auto found = store::find_ids(*now->reader, *query, plan, {});
    EXPECT_TRUE(found);
    Ids ids;
    for (const RecordId& id : found->ids) ids.push_back(id.integer());
    return ids;
  }

  static Ids ids_of(const store::MutationOutcome& outcome) {
    Ids ids;
    for (const store::RecordOutcome& record : outcome.records) ids.push_back(record.id.integer());
    return ids;
  }

  // The same request, its answer, and the answer to its retry after the store was opened again.
  void expect_same_answer_again(store::Command asked) {
    asked.key = store::RequestKey{"again", sha256("again")};
    const store::Outcome first = submit(asked);
    ASSERT_TRUE(first) << to_string(first.error());
    must(update("products", 1, {{"description", "in between"}}));
    open();
    const Sequence sequence = view()->sequence;
    const store::Outcome second = submit(asked);
    ASSERT_TRUE(second) << to_string(second.error());
    const auto& answer = std::get<store::CommitOutcome>(*first);
    const auto& replayed = std::get<store::CommitOutcome>(*second);
    EXPECT_TRUE(replayed.replayed);
    EXPECT_EQ(replayed.mutations, answer.mutations);
    EXPECT_EQ(replayed.sequence, answer.sequence);
    EXPECT_EQ(view()->sequence, sequence);
    verify();
  }

  std::uint64_t front_ = 0, side_ = 0;
};

// ---- Many documents -----------------------------------------------------------------------------

TEST_F(Commands, InsertManyDocumentsInOneCommit) {
  const Sequence before = view()->sequence;
  const store::CommitOutcome outcome = must(insert_many(
      "products", {Map{{"name", "a"}}, Map{{"name", "b"}, {"gallery", Map{{"$attach", front_}}}}}));
  EXPECT_EQ(outcome.sequence, before + 1);
  ASSERT_EQ(ids_of(outcome.mutations[0]), (Ids{1, 2}));
  EXPECT_EQ(*outcome.mutations[0].records[1].data.find("name"), Value("b"));
  EXPECT_EQ(links("products", 2, "gallery"), Ids{front_});
  verify();
}

TEST_F(Commands, InsertNoDocumentWithoutACommit) {
  const Sequence before = view()->sequence;
  const store::CommitOutcome outcome = must(insert_many("products", {}));
  EXPECT_TRUE(outcome.mutations[0].records.empty());
  EXPECT_EQ(outcome.sequence, before);
}

TEST_F(Commands, TellWhatIsWrongWithEachOfManyDocuments) {
  const Faults found = faults(command(insert_many(
      "products", {Map{{"name", "a"}}, Map{{"price", 1}}, 7, Map{{"name", "d"}, {"price", -1}},
                   Map{{"name", "e"}, {"gallery", Map{{"$attach", List{front_, 99}}}}}})));
  EXPECT_EQ(found, (Faults{{ErrorCode::wrong_type, "documents[2]"},
                           {ErrorCode::required, "documents[1].name"},
                           {ErrorCode::out_of_range, "documents[3].price"},
                           {ErrorCode::media_not_found, "documents[4].gallery.$attach[1]"}}));
}

TEST_F(Commands, NameAnUnknownEntityOnceAndWhereItStands) {
  EXPECT_EQ(faults(command(insert_many("prodcuts", {Map{}, Map{}}))),
            (Faults{{ErrorCode::unknown_entity, "entity"}}));
  EXPECT_EQ(faults({insert("products", {{"name", "a"}}), insert("prodcuts", {})}),
            (Faults{{ErrorCode::unknown_entity, "operations[1].entity"}}));
}

TEST_F(Commands, MakeMediaOfTheFilesWithinManyDocuments) {
  const auto with_file = [](const char* name, const char* bytes) {
    return Map{{"name", name}, {"gallery", Map{{"$create", List{Map{{"file", Binary{bytes}}}}}}}};
  };
  must(insert_many("products",
                   {with_file("a", "one"), with_file("b", "two"), with_file("c", "one")}));
  must(insert_many("media", {Map{{"file", Binary{"three"}}}, Map{{"file", Binary{"two"}}}}));
  EXPECT_EQ(links("products", 1, "gallery"), Ids{3});
  EXPECT_EQ(links("products", 3, "gallery"), Ids{5});
  const auto blob = [&](std::uint64_t id) {
    return *find_one("media", {{"where", Map{{"id", id}}}, {"select", List{"blob"}}})
                .if_map()
                ->find("blob");
  };
  EXPECT_EQ(blob(3), blob(5));
  EXPECT_EQ(blob(4), blob(7));
  verify();
}

TEST_F(Commands, NameTheFileThatIsTooLargeAmongMany) {
  store::Command asked;
  const Map small{{"file", Binary{"x"}}};
  const Map large{{"file", Binary{std::string(kSmallBlobBytesMax + 1, 'x')}}};
  asked.mutations = {insert("products", {{"name", "a"}}), insert_many("media", {small, large})};
  const Status prepared =
      store::prepare_files(asked, [](std::string) { return store::PreparedFile{}; });
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().path, "operations[1].documents[1].file");
}

// ---- Choices ------------------------------------------------------------------------------------

TEST_F(Commands, UpdateWhatAWhereFinds) {
  add_products(5);
  const store::CommitOutcome outcome =
      must(update_where("products", {{"price", Map{{"$gte", 3}}}}, {{"state", "sale"}}));
  EXPECT_EQ(ids_of(outcome.mutations[0]), (Ids{3, 4, 5}));
  EXPECT_FALSE(outcome.mutations[0].has_more);
  EXPECT_EQ(ids_where({{"state", "sale"}}), (Ids{3, 4, 5}));
  verify();
}

TEST_F(Commands, AnswerTheRecordsThatWereSoAlready) {
  add_products(2);
  must(update("products", 2, {{"state", "sale"}}));
  const Sequence before = view()->sequence;
  const store::CommitOutcome outcome =
      must(update_where("products", {{"id", Map{{"$gte", 1}}}}, {{"state", "sale"}}));
  ASSERT_EQ(ids_of(outcome.mutations[0]), (Ids{1, 2}));
  EXPECT_EQ(outcome.mutations[0].records[0].version, before + 1);
  EXPECT_EQ(outcome.mutations[0].records[1].version, before);
  EXPECT_TRUE(outcome.mutations[0].records[1].data.empty());
}

TEST_F(Commands, DeleteWhatAWhereFinds) {
  add_products(4);
  const store::CommitOutcome outcome = must(delete_where("products", {{"price", Map{{"$lt", 3}}}}));
  EXPECT_EQ(ids_of(outcome.mutations[0]), (Ids{1, 2}));
  EXPECT_EQ(ids_where({}), (Ids{3, 4}));
  verify();
}

TEST_F(Commands, StopAChoiceAtItsLimitAndSayThatThereIsMore) {
  add_products(5);
  store::Mutation asked = update_where("products", {{"price", Map{{"$gt", 0}}}}, {{"state", "s"}});
  asked.choice->limit = 2;
  asked.choice->order_by = Map{{"price", "desc"}};
  const store::CommitOutcome outcome = must(asked);
  EXPECT_EQ(ids_of(outcome.mutations[0]), (Ids{5, 4}));
  EXPECT_TRUE(outcome.mutations[0].has_more);
  asked.choice->limit = 5;
  EXPECT_FALSE(must(asked).mutations[0].has_more);
}

TEST_F(Commands, FindByAFieldThatWasCleared) {
  must(insert("products", {{"name", "a"}, {"sku", nullptr}}));
  must(insert("products", {{"name", "b"}, {"state", "sale"}}));
  must(update("products", 2, {{"state", nullptr}}));
  EXPECT_EQ(ids_where({{"description", nullptr}, {"state", nullptr}}), Ids{2});
  EXPECT_TRUE(ids_where({{"state", "sale"}}).empty());
  EXPECT_EQ(ids_where({{"state", "draft"}}), Ids{1});
}

TEST_F(Commands, RefuseAnEmptyWhereUnlessAllAreMeant) {
  add_products(2);
  EXPECT_EQ(faults(command(delete_where("products", {}))),
            (Faults{{ErrorCode::invalid_request, "where"}}));
  store::Mutation asked = delete_where("products", {{"price", 1}});
  asked.choice->all = true;
  EXPECT_EQ(faults(command(asked)), (Faults{{ErrorCode::invalid_request, "all"}}));
  asked.choice->where = {};
  EXPECT_EQ(ids_of(must(asked).mutations[0]), (Ids{1, 2}));
}

TEST_F(Commands, RefuseAWhereOfNothingButEmptyOnes) {
  add_products(2);
  const Map empty, price{{"price", 1}};
  const std::vector<Map> all{{{"$and", List{}}},
                             {{"$and", List{empty}}},
                             {{"$or", List{price, empty}}},
                             {{"$and", List{Map{{"$or", List{empty}}}}}}};
  for (const Map& where : all) {
    EXPECT_EQ(faults(command(delete_where("products", where))),
              (Faults{{ErrorCode::invalid_request, "where"}}))
        << to_string(Value(where));
  }
  must(delete_where("products", {{"$or", List{}}}));  // Finds nothing.
  must(delete_where("products", {{"$and", List{empty, price}}}));
  EXPECT_EQ(ids_where({}), Ids{2});
}

TEST_F(Commands, ChooseById) {
  Map schema = shop_schema();
  schema.find("entities")
      ->if_map()
      ->find("products")
      ->if_map()
      ->set("config", Map{{"sort_field", "price"}, {"sort_dir", "desc"}});
  apply(std::move(schema));
  add_products(5);
  store::Mutation asked = update_where("products", {{"id", Map{{"$gt", 0}}}}, {{"state", "s"}});
  asked.choice->limit = 2;
  EXPECT_EQ(ids_of(must(asked).mutations[0]), (Ids{1, 2}));
}

TEST_F(Commands, FindWhatCommandsBeforeInTheSameGroupMade) {
  add_products(1);
  const std::vector<store::Submission> group{
      {{1000, 1000, 42}, command(insert("products", {{"name", "new"}, {"sku", "N"}}))},
      {{1000, 1000, 42}, command(update("products", 1, {{"sku", "O"}}))},
      {{1000, 1000, 42}, command(update_where("products", {{"sku", "N"}}, {{"state", "found"}}))},
      {{1000, 1000, 42}, command(delete_where("products", {{"sku", "O"}}))}};
  const std::vector<store::Outcome> outcomes = store().commit(group);
  ASSERT_TRUE(outcomes[2]);
  EXPECT_EQ(ids_of(std::get<store::CommitOutcome>(*outcomes[2]).mutations[0]), Ids{2});
  ASSERT_TRUE(outcomes[3]);
  EXPECT_EQ(ids_where({}), Ids{2});
  EXPECT_EQ(ids_where({{"state", "found"}}), Ids{2});
  verify();
}

TEST_F(Commands, SayWhatIsWrongWithAChoiceOnce) {
  add_products(3);
  EXPECT_EQ(faults(command(update_where("products", {{"prcie", 1}}, {{"name", 7}}))),
            (Faults{{ErrorCode::wrong_type, "name"}}));
  EXPECT_EQ(faults({insert("products", {{"name", "a"}}),
                    update_where("products", {{"prcie", 1}}, {{"name", "x"}})}),
            (Faults{{ErrorCode::unknown_field, "operations[1].where.prcie"}}));
}

TEST_F(Commands, NameEachFoundRecordThatARuleStandsAgainst) {
  add_products(3);
  must(update("products", 2, {{"thumbnail", Map{{"$set", front_}}}}));
  EXPECT_EQ(faults(command(update_where("products", {{"price", Map{{"$gte", 2}}}},
                                        {{"gallery", Map{{"$attach", 99}}}}))),
            (Faults{{ErrorCode::media_not_found, "products/2.gallery.$attach"},
                    {ErrorCode::media_not_found, "products/3.gallery.$attach"}}));
}

TEST_F(Commands, RefuseTheSameUniqueValueForTwoFoundRecords) {
  add_products(2);
  EXPECT_EQ(faults(command(update_where("products", {{"price", Map{{"$gt", 0}}}}, {{"sku", "A"}}))),
            (Faults{{ErrorCode::not_unique, "products/1.sku"},
                    {ErrorCode::not_unique, "products/2.sku"}}));
}

TEST_F(Commands, DetachMediaThatAreDeletedByAChoice) {
  must(insert("products", {{"name", "a"}, {"gallery", Map{{"$attach", List{front_, side_}}}}}));
  EXPECT_EQ(
      faults(command(delete_where("media", {{"id", Map{{"$gt", 0}}}}))),
      (Faults{{ErrorCode::still_linked, "media/1.id"}, {ErrorCode::still_linked, "media/2.id"}}));
  store::Mutation asked = delete_where("media", {{"id", Map{{"$gt", 0}}}});
  asked.detach = true;
  must(asked);
  EXPECT_TRUE(links("products", 1, "gallery").empty());
  verify();
}

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

// ---- Limits -------------------------------------------------------------------------------------

class CommandLimits : public Commands {
 protected:
  void limit(store::StoreLimits limits) {
    options().limits = limits;
    open();
  }
};

TEST_F(CommandLimits, BoundTheRecordsOfACommand) {
  limit({.mutations_max = 3});
  const Map document{{"name", "x"}};
  must(insert_many("products", {document, document}));
  EXPECT_EQ(faults(command(insert_many("products", {document, document, document, document}))),
            (Faults{{ErrorCode::commit_too_large, ""}}));
  must(insert_many("products", {document, document, document}));
  EXPECT_EQ(faults({check("products", 1), check("products", 2),
                    insert_many("products", {document, document})}),
            (Faults{{ErrorCode::commit_too_large, "operations[2]"}}));
  must_all({check("products", 1), check("products", 2), insert("products", document)});
}

TEST_F(CommandLimits, BoundTheRecordsThatAChoiceFinds) {
  add_products(4);
  limit({.mutations_max = 3});
  store::Mutation asked = update_where("products", {{"price", Map{{"$gt", 0}}}}, {{"state", "s"}});
  const Error error = error_of(command(asked));
  EXPECT_EQ(error.code, ErrorCode::commit_too_large);
  EXPECT_EQ(error.path, "where");
  EXPECT_EQ(error.hint, "give a limit of 3 at most, and while hasMore go on after the last id");
  asked.choice->limit = 4;
  EXPECT_EQ(error_of(command(asked)).code, ErrorCode::commit_too_large);
  asked.choice->limit = 3;
  EXPECT_TRUE(must(asked).mutations[0].has_more);
  asked.choice = store::Choice{{{"price", Map{{"$gt", 1}}}}, false, {}, {}};
  EXPECT_EQ(must(asked).mutations[0].records.size(), 3u);
}

TEST_F(CommandLimits, BoundTheRecordsThatAChoiceLooksAt) {
  add_products(4);
  limit({.examined_max = 4});
  const store::Mutation asked = update_where("products", {{"name", "p2"}}, {{"state", "s"}});
  must(asked);
  must(insert("products", {{"name", "x"}, {"sku", "X"}}));
  const Error error = error_of(command(asked));
  EXPECT_EQ(class_of(error.code), ErrorClass::too_large);
  EXPECT_EQ(error.path, "where");
  must(update_where("products", {{"sku", "X"}}, {{"state", "s"}}));  // By its index.
}

TEST_F(CommandLimits, BoundTheRowsOfACommitAndSayHowFarItWouldGo) {
  limit({.commit_changes_max = 20});
  const Map document{{"name", "x"}};
  List documents;
  store::Outcome outcome;
  while (documents.size() < 40) {
    documents.push_back(document);
    outcome = submit(command(insert_many("products", documents)));
    if (!outcome) break;
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::commit_too_large);
  const std::string fits = std::to_string(documents.size() - 1);
  EXPECT_EQ(outcome.error().path, "documents[" + fits + "]");
  EXPECT_EQ(outcome.error().hint, "send them in several requests of " + fits + " at most");
  documents.pop_back();
  must(insert_many("products", documents));
  EXPECT_EQ(faults({insert_many("products", documents), insert("pages", {{"slug", "a"}})}).front(),
            (Faults::value_type{ErrorCode::commit_too_large, "operations[1]"}));
}

TEST_F(CommandLimits, BoundTheBytesOfACommit) {
  limit({.commit_bytes_max = 20'000});
  const auto documents = [](std::size_t bytes) {
    const Map half{{"name", "x"}, {"description", std::string(bytes, 'x')}};
    return List{half, half};
  };
  must(insert_many("products", documents(1'000)));
  EXPECT_EQ(error_of(command(insert_many("products", documents(12'000)))).code,
            ErrorCode::commit_too_large);
}

TEST_F(CommandLimits, BoundWhatADryRunWouldDoAsWhatIsDone) {
  for (int i = 0; i < 3; ++i) {
    must(insert("products", {{"name", "x"}, {"description", std::string(9'000, 'x')}}));
  }
  limit({.commit_bytes_max = 20'000});
  store::Command asked = command(delete_where("products", {{"name", "x"}}));
  for (const bool is_dry : {true, false}) {
    asked.dry_run = is_dry;
    const Error error = error_of(asked);
    EXPECT_EQ(error.code, ErrorCode::commit_too_large);
    EXPECT_THAT(error.hint, ::testing::HasSubstr("limit"));
  }
  asked.mutations[0].choice->limit = 1;
  EXPECT_TRUE(submit(asked));
}

TEST_F(CommandLimits, BoundTheBytesOfAnAnswer) {
  limit({.answer_bytes_max = 2'000});
  const Map document{{"name", std::string(500, 'x')}};
  must(insert_many("products", {document, document}));
  EXPECT_EQ(faults(command(insert_many("products", {document, document, document, document}))),
            (Faults{{ErrorCode::commit_too_large, "documents[3]"}}));
}

}  // namespace
}  // namespace emstore::testing
