// The four operators on one field: what is there, what is asked, what is there afterwards.
#include "store/decide_links.h"

#include <gtest/gtest.h>

#include "store/event_bytes.h"
#include "store/schema_change.h"
#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using Ids = std::vector<std::uint64_t>;

Map at(std::uint64_t id, Value place) { return Map{{"id", id}, {"at", std::move(place)}}; }
Map before(std::uint64_t anchor) { return Map{{"before", anchor}}; }
Map after(std::uint64_t anchor) { return Map{{"after", anchor}}; }

// One product, the media 1 to 6, and 1, 2, 3 in its documents.
class LinkDecision : public ::testing::Test, public TestStore {
 protected:
  LinkDecision() {
    apply(shop_schema());
    for (const char* bytes : {"one", "two", "three", "four", "five", "six"}) upload(bytes);
    must(insert("products", {{"name", "Laptop"}, {"documents", Map{{"$attach", List{1, 2, 3}}}}}));
  }

  Ids documents_after(Map operators) {
    must(update("products", 1, {{"documents", std::move(operators)}}));
    verify();
    return links("products", 1, "documents");
  }
};

TEST_F(LinkDecision, PlacesALinkBesideOneThatTheSameRequestAppends) {
  EXPECT_EQ(documents_after({{"$attach", List{5, at(6, before(5))}}}), (Ids{1, 2, 3, 6, 5}));
}

TEST_F(LinkDecision, PlacesALinkBesideOneThatTheSameRequestMovesToTheEnd) {
  EXPECT_EQ(documents_after({{"$attach", List{at(1, "last"), at(6, before(1))}}}),
            (Ids{2, 3, 6, 1}));
}

TEST_F(LinkDecision, PlacesALinkBesideOneThatTheSameRequestPutsFirst) {
  EXPECT_EQ(documents_after({{"$attach", List{at(5, "first"), at(6, after(5))}}}),
            (Ids{5, 6, 1, 2, 3}));
}

// Two links under one key would lose the older one.
TEST_F(LinkDecision, NeverGivesTheKeyOfALinkThatIsThere) {
  EXPECT_EQ(documents_after({{"$attach", List{at(4, "first")}}}), (Ids{4, 1, 2, 3}));
  EXPECT_EQ(documents_after({{"$attach", List{5, at(6, before(5))}}}), (Ids{4, 1, 2, 3, 6, 5}));
}

TEST_F(LinkDecision, FindsNothingToDoWhereALinkHasThePlaceAlready) {
  for (const Map& item : {at(1, "first"), at(3, "last"), at(2, after(1)), at(2, before(3))}) {
    const Sequence sequence = view()->sequence;
    const store::CommitOutcome outcome =
        must(update("products", 1, {{"documents", Map{{"$attach", List{item}}}}}));
    EXPECT_EQ(outcome.sequence, sequence) << to_string(Value(item));
    EXPECT_EQ(view()->sequence, sequence);
    EXPECT_TRUE(outcome.mutations[0].records[0].changes[0].moved.empty());
    EXPECT_EQ(outcome.mutations[0].records[0].changes[0].already.size(), 1u);
  }
}

TEST_F(LinkDecision, FindsNothingToDoWhereAllLinksComeBackToTheirPlaces) {
  documents_after({{"$set", List{3, 1, 2}}});  // With keys that no list gets by itself.
  const Sequence sequence = view()->sequence;
  const std::vector<Map> requests{
      {{"$detach", List{3, 1, 2}}, {"$attach", List{3, 1, 2}}},
      {{"$set", List{1, 2}}, {"$attach", List{at(3, "first")}}},
      {{"$attach", List{at(2, "first"), at(1, "first"), at(3, "first")}}}};
  for (const Map& operators : requests) {
    const auto outcome = must(update("products", 1, {{"documents", operators}}));
    EXPECT_EQ(outcome.sequence, sequence) << to_string(Value(operators));
    EXPECT_EQ(view()->sequence, sequence);
    EXPECT_TRUE(outcome.mutations[0].records[0].changes[0].moved.empty());
  }
  EXPECT_EQ(documents_after({{"$attach", List{at(1, "first")}}}), (Ids{1, 3, 2}));
}

TEST_F(LinkDecision, SeesThatALinkHasThePlaceOnceOthersHaveLeft) {
  const auto outcome =
      must(update("products", 1,
                  {{"documents", Map{{"$detach", List{2}}, {"$attach", List{at(3, after(1))}}}}}));
  EXPECT_EQ(outcome.mutations[0].records[0].changes[0].already, std::vector{RecordId(3)});
  EXPECT_EQ(links("products", 1, "documents"), (Ids{1, 3}));
  EXPECT_EQ(documents_after({{"$attach", List{at(1, "last"), at(3, "first")}}}), (Ids{3, 1}));
}

TEST_F(LinkDecision, ChangesTheDataOfALinkThatHasThePlaceAlready) {
  Map item = at(2, after(1));
  item.set("meta", Map{{"alt", "two"}});
  const auto outcome = must(update("products", 1, {{"documents", Map{{"$attach", List{item}}}}}));
  EXPECT_EQ(outcome.mutations[0].records[0].changes[0].moved, std::vector{RecordId(2)});
  EXPECT_EQ(links("products", 1, "documents"), (Ids{1, 2, 3}));
}

TEST_F(LinkDecision, MovesALinkWithOneEventOfAFewBytes) {
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t media = upload("more " + std::to_string(i));
    must(update("products", 1, {{"documents", Map{{"$attach", List{media}}}}}));
  }
  const store::CommitOutcome outcome =
      must(update("products", 1, {{"documents", Map{{"$attach", List{at(100, before(2))}}}}}));
  const auto row = view()->reader->get(store::Family::log, store::log_key(outcome.sequence));
  const Result<store::Commit> commit = store::decode(**row);
  ASSERT_TRUE(commit);
  ASSERT_EQ(commit->events.size(), 1u);
  EXPECT_EQ(std::get<store::LinksChanged>(commit->events[0]).changed.size(), 1u);
  EXPECT_LE((*row)->size(), 250u);
  EXPECT_EQ(links("products", 1, "documents")[1], 100u);
  verify();
}

// Both moves name their places by neighbours, not by numbers that the other one shifts.
TEST_F(LinkDecision, KeepsBothMovesOfTwoClientsAtOnce) {
  const auto move = [](std::uint32_t uid, Map item) {
    return store::Submission{
        {uid, uid, uid},
        command(update("products", 1, {{"documents", Map{{"$attach", List{std::move(item)}}}}}))};
  };
  const std::vector<store::Submission> group{move(1000, at(3, "first")),
                                             move(1001, at(1, after(2)))};
  const std::vector<store::Outcome> outcomes = store().commit(group);
  for (const store::Outcome& outcome : outcomes) {
    ASSERT_TRUE(outcome);
    EXPECT_EQ(
        std::get<store::CommitOutcome>(*outcome).mutations[0].records[0].changes[0].moved.size(),
        1u);
  }
  EXPECT_EQ(links("products", 1, "documents"), (Ids{3, 2, 1}));
  verify();
}

// Neighbours get new keys, and nobody is told that they moved.
TEST_F(LinkDecision, SpreadsTheNeighboursOfAPlaceThatIsFull) {
  Ids expected{1, 2, 3};
  bool was_spread = false;
  for (int i = 0; i < 260; ++i) {
    const std::uint64_t media = upload("more " + std::to_string(i));
    const store::CommitOutcome outcome =
        must(update("products", 1, {{"documents", Map{{"$attach", List{at(media, after(1))}}}}}));
    expected.insert(expected.begin() + 1, media);
    EXPECT_TRUE(outcome.mutations[0].records[0].changes[0].moved.empty());
    const auto row = view()->reader->get(store::Family::log, store::log_key(outcome.sequence));
    const Result<store::Commit> commit = store::decode(**row);
    was_spread = was_spread || !std::get<store::LinksChanged>(commit->events[0]).changed.empty();
  }
  EXPECT_TRUE(was_spread);
  EXPECT_EQ(links("products", 1, "documents"), expected);
  verify();
}

TEST(DecideLinks, RefusesWhenNoLinkNearbyMayBeMoved) {
  store::Schema schema = store::change_schema(store::initial_schema(), shop_schema())->next;
  const store::Entity& products = *schema.entity("products");
  store::LinkRequest request;
  request.side = *store::find_side(schema, products, "documents");
  request.field = request.side.field;
  request.path = "documents";
  const RecordId anchor(1), wanted(2);
  request.attach.push_back(
      {wanted, store::Place{store::Place::Kind::after, anchor}, {}, "documents.$attach[0]"});
  store::KnownLinks known;
  known.links = {2, store::kFirstAppendNumber};
  const std::string low(store::kOrderKeyBytesMax, '\x10');
  known.add({{store::kMediaEntity, anchor}, low, {}});
  known.add({{store::kMediaEntity, RecordId(3)}, low.substr(0, 31) + '\x11', {}});
  store::Known all;
  all.owner.emplace();
  all.targets[request.to(wanted)].traits = {"image/png", 3};
  store::Violations violations(10);
  store::decide_links(products, request, known, all, {}, violations);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(std::move(violations).to_error().code, ErrorCode::value_too_large);

  // With a span they are, and all of them share it.
  known.spans.push_back({});
  store::Violations none(10);
  const auto event = store::decide_links(products, request, known, all, {}, none);
  ASSERT_TRUE(none.empty() && event);
  EXPECT_EQ(event->changed.size(), 2u);
  EXPECT_LT(event->changed[0].order_after, event->added[0].order);
  EXPECT_LT(event->added[0].order, event->changed[1].order_after);
}

TEST_F(LinkDecision, RunsTheOperatorsInTheirOrderWhateverOrderTheyAreWrittenIn) {
  EXPECT_EQ(documents_after({{"$attach", List{4, 2}}, {"$detach", List{2}}, {"$set", List{3, 2}}}),
            (Ids{3, 4, 2}));
}

TEST_F(LinkDecision, CountsOnlyWhatIsNotRefused) {
  Map schema = shop_schema();
  Map& products = *schema.find("entities")->if_map()->find("products")->if_map();
  products.find("fields")->if_map()->set(
      "documents", field("media", {{"min_items", 1}, {"mime_types", List{"application/pdf"}}}));
  apply(schema);
  const Error error =
      refused(insert("products", {{"name", "Lamp"},
                                  {"documents", Map{{"$create", Map{{"file", Binary{"png"}}}}}}}));
  ASSERT_EQ(error.violations.size(), 1U);
  EXPECT_EQ(error.violations[0].code, ErrorCode::mime_not_allowed);
}

// The bytes of media that are there, and of those that are made; at the bound and above it.
TEST_F(LinkDecision, HoldsEachMediaToTheBytesAFieldTakes) {
  Map schema = shop_schema();
  Map& products = *schema.find("entities")->if_map()->find("products")->if_map();
  products.find("fields")->if_map()->set("documents", field("media", {{"max_bytes", 3}}));
  apply(schema);
  const auto attach = [this](const std::string& bytes) {
    return Map{{"documents", Map{{"$attach", List{upload(bytes)}}}}};
  };
  const auto create = [](const std::string& bytes) {
    return Map{{"documents", Map{{"$create", Map{{"file", Binary{bytes}}}}}}};
  };
  must(update("products", 1, attach("abc")));
  must(update("products", 1, create("def")));
  const Error attached = refused(update("products", 1, attach("abcd")));
  EXPECT_EQ(attached.code, ErrorCode::blob_too_large);
  EXPECT_EQ(attached.path, "documents.$attach[0]");
  EXPECT_EQ(attached.hint, "link a smaller one, or raise max_bytes of the field");
  EXPECT_THAT(attached.message,
              ::testing::HasSubstr("has 4 bytes; products.documents takes 3 at most"));
  const Error created = refused(update("products", 1, create("defg")));
  EXPECT_EQ(created.code, ErrorCode::blob_too_large);
  EXPECT_EQ(created.path, "documents.$create.file");
  // What is linked stays when the bound comes down, and nothing larger comes beside it.
  products.find("fields")->if_map()->set("documents", field("media", {{"max_bytes", 2}}));
  apply(schema);
  must(update("products", 1, {{"price", 1}}));
  EXPECT_EQ(refused(update("products", 1, attach("xyz"))).code, ErrorCode::blob_too_large);
}

TEST_F(LinkDecision, RefusesAPlaceBesideWhatIsNotThere) {
  const auto attach = [](Map item) {
    return Map{{"documents", Map{{"$attach", List{std::move(item)}}}}};
  };
  const Error error = refused(update("products", 1, attach(at(5, before(6)))));
  EXPECT_EQ(error.code, ErrorCode::media_not_found);
  EXPECT_EQ(error.path, "documents.$attach[0].at");
  EXPECT_EQ(error.hint, "name an item of the field");
  const Error itself = refused(update("products", 1, attach(at(1, before(1)))));
  EXPECT_EQ(itself.code, ErrorCode::wrong_operation);
  EXPECT_EQ(itself.path, "documents.$attach[0].at");
  EXPECT_EQ(itself.message, "media 1 cannot be placed beside itself");
}

}  // namespace
}  // namespace emstore::testing
