// What is wrong with a request alone, told with the place of each fault.
#include "store/resolved.h"

#include <gtest/gtest.h>

#include "tests/support/test_store.h"

namespace emstore::testing {
namespace {

using Found = std::vector<std::pair<ErrorCode, std::string>>;

class Resolve : public ::testing::Test, public TestStore {
 protected:
  Resolve() {
    Map schema = shop_schema();
    schema.find("entities")
        ->if_map()
        ->find("media")
        ->if_map()
        ->set("fields", Map{{"alt", field("text", {{"required", true}})}});
    apply(schema);
    must(insert("products", {{"name", "first"}}));
  }

  Found faults_of(store::Command command) {
    const store::Outcome outcome = submit(std::move(command));
    Found found;
    if (outcome) return found;
    for (const Error& violation : outcome.error().violations)
      found.emplace_back(violation.code, violation.path);
    return found;
  }
  Found faults_of(store::Mutation mutation) { return faults_of(command(std::move(mutation))); }
  Found faults_in_documents(Map operators) {
    return faults_of(update("products", 1, {{"documents", std::move(operators)}}));
  }
};

TEST_F(Resolve, TellsEachFaultOfANewMediaOnce) {
  EXPECT_EQ(faults_of(insert("media", {{"file", Binary{"x"}}})),
            (Found{{ErrorCode::required, "alt"}}));
  EXPECT_EQ(faults_of(insert("media", {{"alt", "x"}})), (Found{{ErrorCode::required, "file"}}));
}

TEST_F(Resolve, RefusesOptionsThatAnOperatorDoesNotTake) {
  EXPECT_EQ(faults_in_documents({{"$detach", List{Map{{"id", 1}, {"meta", Map{}}}}}}),
            (Found{{ErrorCode::unknown_option, "documents.$detach[0].meta"}}));
  EXPECT_EQ(faults_in_documents({{"$set", List{Map{{"id", 1}, {"at", "first"}}}}}),
            (Found{{ErrorCode::unknown_option, "documents.$set[0].at"}}));
  const Error error = refused(
      update("products", 1, {{"documents", Map{{"$set", List{Map{{"id", 1}, {"at", "first"}}}}}}}));
  EXPECT_EQ(error.hint, "");
}

TEST_F(Resolve, TellsWhatEmstoreGivesFromWhatIsUnknown) {
  must(insert("media", {{"file", Binary{"one"}}, {"alt", "x"}}));
  for (const char* name : {"id", "created_at", "path", "etag", "reference"}) {
    EXPECT_EQ(faults_of(update("media", 1, {{name, "x"}})), (Found{{ErrorCode::read_only, name}}));
  }
  EXPECT_EQ(faults_of(update("products", 1, {{"path", "x"}})),
            (Found{{ErrorCode::unknown_field, "path"}}));
}

TEST_F(Resolve, RefusesTheSameItemTwice) {
  EXPECT_EQ(faults_in_documents({{"$attach", List{1, 2, Map{{"id", 1}}}}}),
            (Found{{ErrorCode::duplicate_item, "documents.$attach[2]"}}));
}

TEST_F(Resolve, NamesTheMutationWithinItsCommand) {
  store::Command asked = command(insert("products", {{"name", "a"}}));
  asked.mutations.push_back(update("products", 1, {{"gallery", Map{{"$attach", List{"x"}}}}}));
  EXPECT_EQ(faults_of(asked), (Found{{ErrorCode::wrong_type, "operations[1].gallery.$attach[0]"}}));
}

TEST_F(Resolve, NamesTheMutationWhoseValueIsNotUnique) {
  store::Command asked = command(insert("products", {{"name", "a"}, {"sku", "A"}}));
  EXPECT_TRUE(faults_of(asked).empty());
  asked.mutations.insert(asked.mutations.begin(), insert("products", {{"name", "b"}}));
  EXPECT_EQ(faults_of(asked), (Found{{ErrorCode::not_unique, "operations[1].sku"}}));
}

}  // namespace
}  // namespace emstore::testing
