// Commands of many mutations: many documents, records that a `where` finds; all or nothing.
#include <gtest/gtest.h>

#include "tests/unit/store/group_commands.h"

namespace emstore::testing {
namespace {

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

TEST_F(Commands, CallNothingRequiredThatWasGivenAndRefused) {
  EXPECT_EQ(faults(command(insert("products", {{"name", 7}}))),
            (Faults{{ErrorCode::wrong_type, "name"}}));
  EXPECT_EQ(faults(command(insert("products", {{"name", nullptr}}))),
            (Faults{{ErrorCode::required, "name"}}));
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
  asked.choice->limit = 0;
  EXPECT_EQ(faults(command(asked)), (Faults{{ErrorCode::out_of_range, "limit"}}));
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
                             {{"$and", List{Map{{"$or", List{empty}}}}}},
                             {{"$and", empty}},
                             {{"$and", List{empty, Map{{"$and", empty}}}}},
                             {{"$or", Map{{"price", 1}, {"$and", empty}}}},
                             {{"$not", Map{{"$or", empty}}}},
                             {{"name", Map{{"$and", List{}}}}},
                             {{"name", Map{{"$not", Map{{"$or", List{}}}}}}},
                             {{"gallery", Map{{"$and", List{}}}}}};
  for (const Map& where : all) {
    EXPECT_EQ(faults(command(delete_where("products", where))),
              (Faults{{ErrorCode::invalid_request, "where"}}))
        << to_string(Value(where));
  }
  must(delete_where("products", {{"$or", List{}}}));  // Finds nothing.
  must(delete_where("products", {{"$not", empty}}));
  must(delete_where("products", {{"$not", Map{{"$and", empty}}}}));
  must(delete_where("products", {{"name", Map{{"$or", List{}}}}}));
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
            (Faults{{ErrorCode::wrong_type, "name"}, {ErrorCode::unknown_field, "where.prcie"}}));
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

TEST_F(Commands, NameAllThatIsWrongWithAWhere) {
  const Map where{{"prise", 1}, {"price", Map{{"$gt", "x"}}}};
  EXPECT_EQ(faults({update_where("products", where, {{"nme", "x"}}), delete_where("pages", where)}),
            (Faults{{ErrorCode::unknown_field, "operations[0].nme"},
                    {ErrorCode::unknown_field, "operations[0].where.prise"},
                    {ErrorCode::wrong_type, "operations[0].where.price.$gt"},
                    {ErrorCode::unknown_field, "operations[1].where.prise"},
                    {ErrorCode::unknown_field, "operations[1].where.price"}}));
}

TEST_F(Commands, NamePlacesInTheWhereOfACheckAsTheyWereSent) {
  add_products(2);
  const Map where{{"prise", 1}, {"nme", 2}};
  EXPECT_EQ(faults({check_where("products", 1, where), check_where("products", Value(), where)}),
            (Faults{{ErrorCode::unknown_field, "operations[0].where.prise"},
                    {ErrorCode::unknown_field, "operations[0].where.nme"},
                    {ErrorCode::unknown_field, "operations[1].where.prise"},
                    {ErrorCode::unknown_field, "operations[1].where.nme"}}));
  const Map second{{"price", 2}};
  EXPECT_EQ(faults({check_where("products", 1, second), check_where("products", 2, second),
                    check_where("products", 1, {})}),
            (Faults{{ErrorCode::check_failed, "operations[0].where"}}));
}

TEST_F(Commands, RefuseTheSameUniqueValueForTwoFoundRecords) {
  add_products(2);
  EXPECT_EQ(faults(command(update_where("products", {{"price", Map{{"$gt", 0}}}}, {{"sku", "A"}}))),
            (Faults{{ErrorCode::not_unique, "products/1.sku"},
                    {ErrorCode::not_unique, "products/2.sku"}}));
}

TEST_F(Commands, CallWhatWasNeverMadeByItsPlace) {
  add_products(1);
  must(update("products", 1, {{"sku", "A"}}));
  const auto messages = [this](store::Command asked) {
    std::vector<std::string> told;
    const store::Outcome outcome = submit(asked);
    if (outcome) return told;
    for (const Error& error : outcome.error().violations) told.push_back(error.message);
    return told;
  };
  const Map same{{"name", "n"}, {"sku", "B"}};
  EXPECT_EQ(messages(command(insert_many("products", List{same, same}))),
            (std::vector<std::string>{"documents[1] has sku \"B\" already",
                                      "documents[0] has sku \"B\" already"}));
  EXPECT_EQ(messages(command(insert("products", {{"name", "n"}, {"sku", "A"}}))),
            std::vector<std::string>{"products/1 has sku \"A\" already"});
}

TEST_F(Commands, CallMediaThatWereNeverMadeByTheirPlaces) {
  Map schema = shop_schema();
  schema.find("indices")->if_map()->set(
      "alt", Map{{"entity", "media"}, {"fields", List{"alt"}}, {"unique", true}});
  schema.find("relations")
      ->if_map()
      ->set("mn", Map{{"type", "m:n"}, {"source", "products"}, {"target", "pages"}});
  apply(schema);
  const auto picture = [](const char* bytes, const char* alt) {
    return Map{{"file", Binary{bytes}}, {"alt", alt}};
  };
  must(insert("media", picture("a", "A")));
  const auto told = [this](store::Command asked) {
    std::vector<std::string> lines;
    const store::Outcome outcome = submit(std::move(asked));
    if (outcome) return lines;
    for (const Error& error : outcome.error().violations)
      lines.push_back(error.path + ": " + error.message);
    return lines;
  };
  const List gallery{picture("b", "B"), picture("c", "A"), picture("d", "B")};
  EXPECT_EQ(
      told(command(insert("products", {{"name", "n"}, {"gallery", Map{{"$create", gallery}}}}))),
      (std::vector<std::string>{
          "gallery.$create[1].alt: media/3 has alt \"A\" already",
          "gallery.$create[0].alt: gallery.$create[2] has alt \"B\" already",
          "gallery.$create[2].alt: gallery.$create[0] has alt \"B\" already"}));
  // Also of media made for a record that is made along, and for another operation.
  const Map page{{"slug", "s"}, {"images", Map{{"$create", picture("e", "C")}}}};
  const store::Mutation product =
      insert("products", {{"name", "n"}, {"pages", Map{{"$create", page}}}});
  EXPECT_EQ(
      told(command({insert("media", picture("f", "C")), product})),
      (std::vector<std::string>{
          "operations[0].alt: operations[1].pages.$create.images.$create has alt \"C\" already",
          "operations[1].pages.$create.images.$create.alt: operations[0] has alt \"C\" already"}));
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

}  // namespace
}  // namespace emstore::testing
