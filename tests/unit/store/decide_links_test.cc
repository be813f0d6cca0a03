// The four operators on one field: what is there, what is asked, what is there afterwards.
#include "store/decide_links.h"

#include <gtest/gtest.h>

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

TEST_F(LinkDecision, RunsTheOperatorsInTheirOrderWhateverOrderTheyAreWrittenIn) {
  EXPECT_EQ(documents_after({{"$attach", List{4, 2}}, {"$detach", List{2}}, {"$set", List{3, 2}}}),
            (Ids{3, 4, 2}));
}

TEST_F(LinkDecision, RefusesAPlaceBesideWhatIsNotThere) {
  const auto attach = [](Map item) {
    return Map{{"documents", Map{{"$attach", List{std::move(item)}}}}};
  };
  const Error error = refused(update("products", 1, attach(at(5, before(6)))));
  EXPECT_EQ(error.code, ErrorCode::media_not_found);
  EXPECT_EQ(error.path, "documents.$attach[0].at");
  EXPECT_EQ(refused(update("products", 1, attach(at(1, before(1))))).path,
            "documents.$attach[0].at");
}

}  // namespace
}  // namespace emstore::testing
